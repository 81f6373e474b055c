package dynamo_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// commits are batches of every shape, of which each leaves another trace in the head.
func commits(d stream.Driver) []struct {
	name    string
	batch   func(t *testing.T, h *stream.Head) *stream.Batch
	records int
} {
	staged := func(t *testing.T, h *stream.Head, close bool) *stream.Batch {
		a := body(5000)
		a.Close = close
		b := aBatch(77, a)
		b.Incarnation = h.Incarnation
		id := stream.StagedID{Commit: 76, At: 1}
		check(t, d.PutStaged(t.Context(), h.Life("s"), id, a.Records.Frames))
		b.Staged = []stream.Entry{{Count: 1, Size: a.Records.Size, Staged: id}}
		return b
	}
	closing := func(a *stream.Append) *stream.Append { a.Close = true; return a }
	return []struct {
		name    string
		batch   func(t *testing.T, h *stream.Head) *stream.Batch
		records int
	}{
		{"plain", func(*testing.T, *stream.Head) *stream.Batch { return aBatch(77, body(10)) }, 1},
		{"several", func(*testing.T, *stream.Head) *stream.Batch { return aBatch(77, body(10), produced("p", 0, 0, 20)) }, 1},
		{"staged", func(t *testing.T, h *stream.Head) *stream.Batch { return staged(t, h, false) }, 1},
		{"staged and closing", func(t *testing.T, h *stream.Head) *stream.Batch { return staged(t, h, true) }, 1},
		{"closing with records", func(*testing.T, *stream.Head) *stream.Batch { return aBatch(77, closing(body(10))) }, 1},
		{"only closing", func(*testing.T, *stream.Head) *stream.Batch {
			return aBatch(77, closing(&stream.Append{ContentType: "text/plain"}))
		}, 0},
	}
}

// A commit whose answer is lost is found by its id, and stays so when its records
// leave the buffer, as long as it is among the last ones.
func TestLostAnswers(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	d := newDoor(t)
	s, other := d.store(t, table), newStore(t, direct, table)
	for i, c := range commits(other) {
		t.Run(c.name, func(t *testing.T) {
			name := fmt.Sprint("s", i)
			h := aHead(byte(i + 1))
			d.Use(nil)
			check(t, s.Create(t.Context(), name, h, nil))
			h, err := s.Commit(t.Context(), name, aBatch(70, body(10)), limits)
			check(t, err)
			b := c.batch(t, h)
			d.breaking(faults.Of(faults.Lost), "UpdateItem")
			if _, err := s.Commit(within(t), name, b, limits); outcomeOf(err) != unknown {
				t.Fatalf("it is %s: %v", outcomeOf(err), err)
			}
			if n := d.Came("UpdateItem"); n != 1 {
				t.Errorf("%d requests", n)
			}
			d.Use(nil)
			remembered := func(what string) *stream.Head {
				t.Helper()
				h, err := newStore(t, direct, table).Head(t.Context(), name, stream.Strong)
				check(t, err)
				m, ok := h.Remembers(77)
				if !ok || m.Tail != h.Tail {
					t.Errorf("%s: remembered: %v, as %v; the tail is %v", what, ok, m.Tail, h.Tail)
				}
				return h
			}
			h = remembered("at once")
			if want := 1 + c.records; len(h.Buffer) != want {
				t.Errorf("%d entries, want %d", len(h.Buffer), want)
			}
			var no *stream.RefusedError
			if _, err := other.Commit(t.Context(), name, b, limits); !errors.As(err, &no) {
				t.Errorf("the same commit once more: %v", err)
			}
			for range 2 { // the second time there is nothing left to trim
				h, err = other.Trim(t.Context(), name, h, h.Tail, limits)
				check(t, err)
				if len(h.Buffer) > 0 {
					t.Errorf("%d entries are left", len(h.Buffer))
				}
				h = remembered("after a trim")
			}
			if _, err := other.Commit(t.Context(), name, b, limits); !errors.As(err, &no) {
				t.Errorf("the same commit after a trim: %v", err)
			}
		})
	}
}

// The last commits are remembered in their order over any number of trims.
func TestRememberedOverTrims(t *testing.T) {
	d := onDynoxide(t)
	h := aHead(1)
	created := h.Recent[0].ID
	check(t, d.Create(t.Context(), "s", h, nil))
	var all []stream.CommitID
	for i := range 30 {
		id := stream.NewCommitID(clock.Add(time.Second+time.Duration(i)*time.Microsecond), uint64(i))
		var err error
		h, err = d.Commit(t.Context(), "s", aBatch(id, body(10)), limits)
		check(t, err)
		all = append(all, id)
		if i%3 == 2 {
			// Up to the middle of the buffer, as seen by somebody.
			to := h.Buffer[len(h.Buffer)/2].To
			h, err = d.Trim(t.Context(), "s", h, to, limits)
			check(t, err)
		}
		got := make([]stream.CommitID, 0, len(h.Recent))
		for _, m := range h.Recent {
			if m.ID != created {
				got = append(got, m.ID)
			}
		}
		for _, e := range h.Buffer {
			got = append(got, e.Commit)
		}
		if len(got) < min(len(all), limits.Remember) || !slices.Equal(got, all[len(all)-len(got):]) {
			t.Fatalf("after %d commits %v are remembered", len(all), got)
		}
	}
}

// What the core makes of a lost answer: the append is acknowledged once, and is there
// once, whether its request took effect or not.
func TestLogSettlesLostAnswers(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	for i, f := range []struct {
		name  string
		fails faults.Fault
	}{
		{"applied, and the answer lost", faults.Of(faults.Lost)},
		{"applied, and the answer torn", faults.Of(faults.TornBody)},
		{"not applied, and nobody says so", faults.Of(faults.NotSent)},
		{"internal error", faults.Error(500, "InternalServerError")},
		{"throttled", faults.Error(400, "ThrottlingException")},
		{"in conflict with the transaction of a fork", faults.Error(400, "TransactionConflictException")},
	} {
		for _, a := range []struct {
			name   string
			append func() *stream.Append
		}{
			{"plain", func() *stream.Append { return body(10) }},
			{"producer", func() *stream.Append { return produced("p", 0, 0, 10) }},
			{"staged", func() *stream.Append { return body(5000) }},
		} {
			t.Run(f.name+"/"+a.name, func(t *testing.T) {
				name := fmt.Sprint(a.name, i)
				d := newDoor(t)
				log, err := stream.New(d.store(t, table), stream.Options{Limits: limits})
				check(t, err)
				_, _, err = log.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
				check(t, err)
				d.breakingNth(1, f.fails, "UpdateItem")
				want := a.append()
				done, err := log.Append(within(t), name, want)
				check(t, err)
				d.Use(nil)
				reader, err := stream.New(newStore(t, direct, table), stream.Options{Limits: limits})
				check(t, err)
				p, err := reader.Read(t.Context(), name, stream.Start())
				check(t, err)
				if p.Size != want.Records.Size || p.Next != done.Tail {
					t.Errorf("%d bytes up to %v; appended were %d up to %v", p.Size, p.Next, want.Records.Size, done.Tail)
				}
			})
		}
	}
}
