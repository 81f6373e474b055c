package embedded_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func openEmpty(t *testing.T) stream.Driver {
	s, err := embedded.Open(t.TempDir(), smallOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDriverContract(t *testing.T) { streamtest.RunDriver(t, openEmpty) }
func TestLog(t *testing.T)            { streamtest.RunLog(t, openEmpty) }
