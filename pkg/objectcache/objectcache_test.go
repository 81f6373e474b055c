package objectcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

func TestContract(t *testing.T) {
	streamtest.RunObjects(t, func(t *testing.T) stream.Objects { return open(t, new(memory.Objects), 1<<20) })
}

func open(t *testing.T, objects stream.Objects, max int64) *Objects {
	t.Helper()
	c, err := New(objects, max)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counted counts reads, and calls during while one is under way, and removing before a
// removal.
type counted struct {
	stream.Objects
	reads            int
	during, removing func()
}

func (c *counted) RemoveObjects(ctx context.Context, keys []string) error {
	c.remove()
	return c.Objects.RemoveObjects(ctx, keys)
}

func (c *counted) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	c.remove()
	return c.Objects.DiscardObjects(ctx, prefix, max)
}

func (c *counted) remove() {
	if c.removing != nil {
		c.removing()
	}
}

func (c *counted) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	c.reads++
	body, err := c.Objects.Object(ctx, key, offset, n)
	if c.during != nil {
		c.during()
	}
	return body, err
}

func mustPut(t *testing.T, o stream.Objects, key string, size int) {
	t.Helper()
	body := bytes.NewReader(make([]byte, size))
	if err := o.PutObject(t.Context(), key, io.NewSectionReader(body, 0, int64(size))); err != nil {
		t.Fatal(err)
	}
}

// read reads a part, and says how many reads that took of what is behind the cache.
func read(t *testing.T, c *Objects, behind *counted, key string, offset, n int64) (reads int) {
	t.Helper()
	before := behind.reads
	if body, err := c.Object(t.Context(), key, offset, n); err != nil || n >= 0 && int64(len(body)) != n {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	return behind.reads - before
}

func TestPartsAreReadOnce(t *testing.T) {
	behind := &counted{Objects: new(memory.Objects)}
	c := open(t, behind, 1<<20)
	mustPut(t, c, "a", 1000)
	for _, step := range []struct {
		offset, n int64
		reads     int
	}{{0, 10, 1}, {0, 10, 0}, {0, 11, 1}, {1, 10, 1}, {1, 10, 0}, {0, -1, 1}, {0, -1, 1}} {
		if got := read(t, c, behind, "a", step.offset, step.n); got != step.reads {
			t.Errorf("%+v: %d reads", step, got)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	behind := &counted{Objects: new(memory.Objects)}
	c := open(t, behind, 100_000)
	for i := range 40 {
		key := fmt.Sprint("o/", i)
		mustPut(t, c, key, 10_000)
		read(t, c, behind, key, 0, 9_999)
		if c.size > c.max || c.size <= 0 {
			t.Fatalf("%d bytes after %d parts", c.size, i+1)
		}
	}
	if n := read(t, c, behind, "o/39", 0, 9_999); n != 0 {
		t.Error("the last part is not there")
	}
	if n := read(t, c, behind, "o/0", 0, 9_999); n != 1 {
		t.Error("the first part is still there")
	}
	mustPut(t, c, "large", 50_000)
	read(t, c, behind, "large", 0, 40_000)
	if n := read(t, c, behind, "large", 0, 40_000); n != 1 {
		t.Error("a part that takes most of the cache is kept")
	}
}

func TestRemovedObjectsAreForgotten(t *testing.T) {
	for name, remove := range map[string]func(c *Objects) error{
		"removed":   func(c *Objects) error { return c.RemoveObjects(t.Context(), []string{"o/a"}) },
		"discarded": func(c *Objects) error { _, err := c.DiscardObjects(t.Context(), "o/", 10); return err },
	} {
		t.Run(name, func(t *testing.T) {
			behind := &counted{Objects: new(memory.Objects)}
			c := open(t, behind, 1<<20)
			mustPut(t, c, "o/a", 100)
			mustPut(t, c, "p/b", 100)
			read(t, c, behind, "p/b", 0, 10)
			gone := func() {
				t.Helper()
				if _, err := c.Object(t.Context(), "o/a", 0, 10); !errors.Is(err, stream.ErrNoItem) {
					t.Errorf("read after the removal: %v", err)
				}
			}
			read(t, c, behind, "o/a", 0, 10)
			if err := remove(c); err != nil {
				t.Fatal(err)
			}
			gone()
			if n := read(t, c, behind, "p/b", 0, 10); n != 0 {
				t.Error("the other object was forgotten, too")
			}
			// It is removed while it is being read.
			mustPut(t, behind, "o/a", 100)
			behind.during = func() {
				behind.during = nil
				if err := remove(c); err != nil {
					t.Error(err)
				}
			}
			read(t, c, behind, "o/a", 0, 10)
			gone()
			// It is read while it is being removed.
			mustPut(t, behind, "o/a", 100)
			behind.removing = func() { read(t, c, behind, "o/a", 0, 10) }
			if err := remove(c); err != nil {
				t.Fatal(err)
			}
			gone()
		})
	}
}
