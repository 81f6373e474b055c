package streamtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func faultyObjects() (*Faults, *ObjectFaults, *memory.Objects) {
	objects := new(memory.Objects)
	f := NewFaults(memory.New())
	return f, NewObjectFaults(objects, f), objects
}

func putText(ctx context.Context, o stream.Objects, key, text string) error {
	return o.PutObject(ctx, key, io.NewSectionReader(strings.NewReader(text), 0, int64(len(text))))
}

// Without faults it is a store like any other.
func TestObjectFaultsPassOn(t *testing.T) {
	RunObjects(t, func(*testing.T) stream.Objects { _, o, _ := faultyObjects(); return o })
}

// Every kind of failure has the effect that it says, and the caller learns what it says.
func TestObjectFaultsOfWrites(t *testing.T) {
	ctx := t.Context()
	writes := map[Method]func(o stream.Objects) error{
		PutObject:     func(o stream.Objects) error { return putText(ctx, o, "a/2", "new") },
		RemoveObjects: func(o stream.Objects) error { return o.RemoveObjects(ctx, []string{"a/1"}) },
		DiscardObjects: func(o stream.Objects) error {
			_, err := o.DiscardObjects(ctx, "a/", 10)
			return err
		},
	}
	for _, m := range ObjectWrites {
		for _, k := range Kinds {
			f, o, objects := faultyObjects()
			if err := putText(ctx, objects, "a/1", "old"); err != nil {
				t.Fatal(err)
			}
			changed := func() bool {
				keys, err := objects.ListObjects(ctx, "", "", 10)
				return err != nil || !slices.Equal(keys, []string{"a/1"})
			}
			f.Script(m, 1, k)
			err := writes[m](o)
			if err == nil || errors.Is(err, stream.ErrNotApplied) != (k == NotApplied) || errors.Is(err, stream.ErrRejected) != (k == Rejected) {
				t.Errorf("%s %v: %v", m, k, err)
			}
			if got := changed(); got != (k == Applied) {
				t.Errorf("%s %v had an effect: %v", m, k, got)
			}
			f.ReleaseLate()
			if got := changed(); got != (k == Applied || k == Late) {
				t.Errorf("%s %v had an effect in the end: %v", m, k, got)
			}
			if err := writes[m](o); err != nil || !changed() {
				t.Errorf("%s after %v: %v", m, k, err)
			}
		}
	}
}

// A driver and its objects are one sequence of calls.
func TestObjectFaultsShareTheScript(t *testing.T) {
	ctx := t.Context()
	f, o, _ := faultyObjects()
	life := stream.Life{Name: "s"}
	f.ScriptNth(3, Rejected)
	f.ScriptNth(4, Lost)
	errs := []error{
		putText(ctx, o, "a/1", "x"),
		f.SetCursor(ctx, "c", "1"),
		o.RemoveObjects(ctx, []string{"a/2"}),
		f.Settle(ctx, life),
		putText(ctx, o, "a/2", "x"),
	}
	for i, err := range errs {
		if (err != nil) != (i == 2 || i == 3) {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
	if calls := f.Calls(); f.Total() != 5 || calls[PutObject] != 2 || calls[RemoveObjects] != 1 || calls[Settle] != 1 {
		t.Errorf("%d calls: %v", f.Total(), calls)
	}
	f.Script(SetCursor, 1, Lost)
	f.ThenDie()
	if err := f.SetCursor(ctx, "c", "2"); err == nil {
		t.Error("a scripted fault did not happen")
	}
	if _, err := o.Object(ctx, "a/1", 0, -1); err == nil {
		t.Error("a process that is dead reads")
	}
}

// A late put has the body that it was given, whatever became of that.
func TestObjectFaultsLateBody(t *testing.T) {
	ctx := t.Context()
	f, o, objects := faultyObjects()
	f.Script(PutObject, 1, Late)
	body := []byte("body")
	if err := o.PutObject(ctx, "a/1", io.NewSectionReader(bytes.NewReader(body), 0, 4)); err == nil {
		t.Fatal("a late put succeeded")
	}
	clear(body)
	f.ReleaseLate()
	if got, err := objects.Object(ctx, "a/1", 0, -1); err != nil || string(got) != "body" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestObjectFaultsDown(t *testing.T) {
	ctx := t.Context()
	_, o, objects := faultyObjects()
	if err := putText(ctx, o, "a/1", "x"); err != nil {
		t.Fatal(err)
	}
	o.Down(true)
	_, readErr := o.Object(ctx, "a/1", 0, -1)
	_, listErr := o.ListObjects(ctx, "", "", 1)
	_, discardErr := o.DiscardObjects(ctx, "a/", 1)
	for i, err := range []error{readErr, listErr, discardErr, o.RemoveObjects(ctx, []string{"a/1"}), putText(ctx, o, "a/2", "x")} {
		if err == nil || errors.Is(err, stream.ErrNoItem) || errors.Is(err, stream.ErrNotApplied) || errors.Is(err, stream.ErrRejected) {
			t.Errorf("call %d of a store that is down: %v", i, err)
		}
	}
	o.Down(false)
	if keys, err := objects.ListObjects(ctx, "", "", 10); err != nil || !slices.Equal(keys, []string{"a/1"}) {
		t.Errorf("what was done while it was down had an effect: %v, %v", keys, err)
	}
	if got, err := o.Object(ctx, "a/1", 0, -1); err != nil || string(got) != "x" {
		t.Errorf("up again: %q, %v", got, err)
	}
}

func TestObjectFaultsDamage(t *testing.T) {
	ctx := t.Context()
	_, o, objects := faultyObjects()
	if err := putText(ctx, o, "a/1", "abcdef"); err != nil {
		t.Fatal(err)
	}
	o.ScriptBody(2, Damages...)
	for i, want := range []string{"bcde", "bc", "bc\x00\x00", "b" + "c" + "`" + "e", "bcde"} {
		if got, err := o.Object(ctx, "a/1", 1, 4); err != nil || string(got) != want {
			t.Errorf("body %d: %q, %v, want %q", i+1, got, err, want)
		}
	}
	if got, err := objects.Object(ctx, "a/1", 0, -1); err != nil || string(got) != "abcdef" {
		t.Errorf("the stored body is %q, %v", got, err)
	}
	if n := o.Bodies(); n != 5 {
		t.Errorf("%d bodies", n)
	}
}
