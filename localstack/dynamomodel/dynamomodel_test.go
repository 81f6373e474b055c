package dynamomodel_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/dynamomodel"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func open(t *testing.T) stream.Driver {
	t.Helper()
	s, err := dynamo.New(&dynamomodel.Client{Table: dynamomodel.NewTable(0)}, dynamo.Options{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDriver: the driver does on the model what its contract says, as it does on
// stand-ins.
func TestDriver(t *testing.T) { streamtest.RunDriver(t, open) }

// TestLog: so do the streams on it, a part of the cases.
func TestLog(t *testing.T) {
	streamtest.RunLog(t, func(t *testing.T) (stream.Driver, stream.Objects) {
		t.Helper()
		return streamtest.Slow{Driver: open(t), OneIn: 24}, new(memory.Objects)
	})
}
