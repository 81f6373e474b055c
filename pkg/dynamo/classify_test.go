package dynamo_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An answer that breaks off tells by its status alone. A 400 had no effect, whatever its
// reason was, and may be a condition that did not hold: asking again is right. A 200
// did what was asked, or cannot be trusted.
func TestTornAnswers(t *testing.T) {
	for status, applied := range map[int]bool{http.StatusBadRequest: false, http.StatusOK: true} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.Header().Set("Content-Length", "1000")
				w.WriteHeader(status)
				fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb`)
			}))
			defer server.Close()
			c := dynamo.NewClient("us-east-1", server.URL, credentials.NewStaticCredentialsProvider("local", "local", ""))
			d := newStore(t, c, "table")
			_, err := d.Commit(t.Context(), "s", aBatch(1, body(1)), stream.DefaultLimits())
			var refused *stream.RefusedError
			if err == nil || errors.As(err, &refused) || errors.Is(err, stream.ErrRejected) || errors.Is(err, stream.ErrNotApplied) == applied {
				t.Errorf("%v", err)
			}
		})
	}
}
