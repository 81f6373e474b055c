package dynamo_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// door is a server between the SDK and a stand-in, which breaks requests on the wire:
// what the SDK makes of it is part of what is tested.
type door struct {
	*faults.Proxy
	*faults.Layer
}

func newDoor(t *testing.T) *door {
	t.Helper()
	p, err := processes.dynoxide()
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Layer: faults.New()}
	if d.Proxy, err = faults.NewProxy(p.Endpoint, d.Layer); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// breaking breaks all requests of operations from now on; the other ones get through.
func (d *door) breaking(f faults.Fault, ops ...string) { d.breakingNth(0, f, ops...) }

// breakingNth breaks only the nth request of each.
func (d *door) breakingNth(n int, f faults.Fault, ops ...string) {
	var script faults.Script
	for _, op := range ops {
		script = append(script, faults.Rule{Operation: op, Nth: n, Fault: f})
	}
	d.Use(script)
}

// client returns a client whose requests go through the door.
func (d *door) client(timeout time.Duration) *dynamodb.Client {
	return dynamo.NewClientWithin("us-east-1", d.URL, credentials.NewStaticCredentialsProvider("local", "local", ""), timeout)
}

func (d *door) store(t *testing.T, table string) *dynamo.Store {
	t.Helper()
	return newStore(t, d.client(dynamo.AttemptTimeout), table)
}

// refusedConnection is the client of a server that is not there.
func refusedConnection(t *testing.T, table string) *dynamo.Store {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := dynamo.NewClientWithin("us-east-1", endpoint, credentials.NewStaticCredentialsProvider("local", "local", ""), dynamo.AttemptTimeout)
	s, err := dynamo.New(c, dynamo.Options{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// within bounds a call that is expected to end by itself.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
