package memory_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func TestObjects(t *testing.T) {
	streamtest.RunObjects(t, func(*testing.T) stream.Objects { return new(memory.Objects) })
}
