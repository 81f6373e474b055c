package memory_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func open(*testing.T) stream.Driver { return memory.New() }

func TestDriver(t *testing.T) { streamtest.RunDriver(t, open) }

func TestLog(t *testing.T) { streamtest.RunLog(t, open) }

func TestFaults(t *testing.T) { streamtest.RunFaults(t, open) }

func TestModel(t *testing.T) { streamtest.RunModel(t, open) }
