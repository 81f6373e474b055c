package lambdahttp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// refuse answers in the handler's place.
func refuse(log *slog.Logger, err error) *events.LambdaFunctionURLStreamingResponse {
	status := http.StatusBadRequest
	text := io.Reader(strings.NewReader(err.Error() + "\n"))
	switch {
	case errors.Is(err, UnknownEventError{}):
		status = http.StatusInternalServerError
		text = io.MultiReader(text, failing{err})
	case errors.Is(err, errNoAnswer):
		status = http.StatusGatewayTimeout
	}
	log.LogAttrs(context.Background(), slog.LevelError, "event refused",
		slog.Int("status", status), slog.String("error", err.Error()))
	return head{status, plainText()}.streaming(text)
}

// plainText returns the headers of an error's text, which scripts of any origin may read.
func plainText() http.Header {
	return http.Header{
		"Content-Type": {"text/plain; charset=utf-8"}, "Cache-Control": {"no-store"}, "X-Content-Type-Options": {"nosniff"},
		"Access-Control-Allow-Origin": {"*"}, "Cross-Origin-Resource-Policy": {"cross-origin"},
	}
}

// failing is a body that ends in an error.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
