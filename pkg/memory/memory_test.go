package memory_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func open(*testing.T) stream.Driver { return memory.New() }

func openBoth(*testing.T) (stream.Driver, stream.Objects) { return memory.New(), new(memory.Objects) }

func TestDriver(t *testing.T) { streamtest.RunDriver(t, open) }

func TestLog(t *testing.T) { streamtest.RunLog(t, openBoth) }

func TestFaults(t *testing.T) { streamtest.RunFaults(t, openBoth) }

func TestModel(t *testing.T) { streamtest.RunModel(t, openBoth) }

func TestForest(t *testing.T) { streamtest.RunForest(t, openBoth) }

func TestBackground(t *testing.T) { streamtest.RunBackground(t, openBoth) }

func TestRegistry(t *testing.T) { streamtest.RunRegistry(t, openBoth) }
