package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// recorder keeps the writes that pass through it, so that they can be delivered once
// more, late.
type recorder struct {
	dynamo.Client
	mu      sync.Mutex
	puts    []*dynamodb.PutItemInput
	updates []*dynamodb.UpdateItemInput
	// transactions are of heads and other items.
	transactions []*dynamodb.TransactWriteItemsInput
}

func (r *recorder) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	r.mu.Lock()
	r.puts = append(r.puts, in)
	r.mu.Unlock()
	return r.Client.PutItem(ctx, in, o...)
}

func (r *recorder) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	r.mu.Lock()
	r.updates = append(r.updates, in)
	r.mu.Unlock()
	return r.Client.UpdateItem(ctx, in, o...)
}

func (r *recorder) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	r.mu.Lock()
	// The SDK notes the token in what it is given.
	kept := *in
	r.transactions = append(r.transactions, &kept)
	r.mu.Unlock()
	return r.Client.TransactWriteItems(ctx, in, o...)
}

// graveyard is a table for tests of lives that end.
type graveyard struct {
	*testing.T
	client *recorder
	table  string
	*dynamo.Store
	now time.Time
}

const collectAfter = 10 * time.Minute

func newGraveyard(t *testing.T, process string) *graveyard {
	t.Helper()
	start := processes.dynoxide
	if process == "official" {
		start = processes.official
	}
	c := sdk(t, start)
	g := &graveyard{T: t, client: &recorder{Client: c}, table: newTable(t, c), now: clock}
	var err error
	g.Store, err = dynamo.New(g.client, dynamo.Options{Table: g.table, CollectAfter: collectAfter, Now: func() time.Time { return g.now }})
	check(t, err)
	return g
}

// onBoth runs a test on both stand-ins.
func onBoth(t *testing.T, test func(g *graveyard)) {
	for _, process := range []string{"dynoxide", "official"} {
		t.Run(process, func(t *testing.T) { test(newGraveyard(t, process)) })
	}
}

func (g *graveyard) create(life byte) *stream.Head {
	g.Helper()
	h := aHead(life)
	check(g.T, g.Create(g.Context(), "s", h, nil))
	return h
}

func (g *graveyard) delete(life byte) {
	g.Helper()
	check(g.T, g.Delete(g.Context(), "s", stream.Incarnation{life}))
}

func (g *graveyard) item() item { return stored(g.T, g.client, g.table, "stream#s", "head") }

// owes awaits that exactly these lives are listed.
func (g *graveyard) owes(what string, want ...byte) {
	g.Helper()
	for end := time.Now().Add(patience); ; {
		works, err := g.Owed(g.Context(), 100)
		check(g.T, err)
		got := make([]byte, 0, len(works))
		for _, w := range works {
			if w.Name != "s" {
				g.Errorf("work of %q", w.Name)
			}
			got = append(got, w.Incarnation[0])
		}
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			g.Fatalf("%s: owed are %v, want %v", what, got, want)
		}
	}
}

func (g *graveyard) settle(life byte) {
	g.Helper()
	check(g.T, g.Settle(g.Context(), aLife(life)))
}

// stays expects that a late request is refused and changes nothing.
func (g *graveyard) stays(what string, late func() error) {
	g.Helper()
	before := show(g.item())
	var failed *types.ConditionalCheckFailedException
	if err := late(); !errors.As(err, &failed) {
		g.Errorf("%s: %v", what, err)
	}
	if after := show(g.item()); after != before {
		g.Errorf("%s: the item was\n%s, and is\n%s", what, before, after)
	}
}

func (g *graveyard) lastPut() func() error {
	in := g.client.puts[len(g.client.puts)-1]
	return func() error { _, err := g.client.Client.PutItem(g.Context(), in); return err }
}

func (g *graveyard) lastUpdate() func() error {
	in := g.client.updates[len(g.client.updates)-1]
	return func() error { _, err := g.client.Client.UpdateItem(g.Context(), in); return err }
}

func TestTombstone(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		g.create(1)
		h, err := g.Commit(g.Context(), "s", aBatch(1, body(10), produced("p", 0, 0, 10)), limits)
		check(g.T, err)
		g.delete(1)
		it := g.item()
		for _, attribute := range []string{"pk", "sk", "x", "ow", "wk", "wd"} {
			if it[attribute] == nil {
				g.Errorf("the tombstone has no %s", attribute)
			}
		}
		if len(it) != 6 {
			g.Errorf("the tombstone is %s", show(it))
		}
		if _, err := g.Head(g.Context(), "s", stream.Strong); !errors.Is(err, stream.ErrNoHead) {
			g.Errorf("Head: %v", err)
		}
		next := h.Clone()
		next.Version++
		for name, write := range map[string]func() error{
			"Commit": func() error { _, err := g.Commit(g.Context(), "s", aBatch(2, body(1)), limits); return err },
			"Commit by life": func() error {
				b := aBatch(2, body(1))
				b.Incarnation = h.Incarnation
				_, err := g.Commit(g.Context(), "s", b, limits)
				return err
			},
			"Commit of no use": func() error { _, err := g.Commit(g.Context(), "s", aBatch(2, &stream.Append{}), limits); return err },
			"Update":           func() error { return g.Update(g.Context(), "s", next) },
			"Trim":             func() error { _, err := g.Trim(g.Context(), "s", h, h.Tail, limits); return err },
			"Delete":           func() error { return g.Delete(g.Context(), "s", h.Incarnation) },
			"Replace":          func() error { return g.Create(g.Context(), "s", aHead(2), h) },
		} {
			var no *stream.RefusedError
			if err := write(); !errors.As(err, &no) || no.Head != nil {
				g.Errorf("%s: %v", name, err)
			}
		}
		if got := show(g.item()); got != show(it) {
			g.Errorf("the tombstone was %s, and is %s", show(it), got)
		}
		fresh := g.create(2)
		got, err := g.Head(g.Context(), "s", stream.Strong)
		check(g.T, err)
		if diff := differ(got, fresh); diff != "" {
			g.Errorf("created over a tombstone: %s", diff)
		}
		if it := g.item(); it["x"] != nil || it["ow"] == nil {
			g.Errorf("the head over a tombstone is %s", show(it))
		}
	})
}

// A create that is asked for again, because its answer was lost, does not begin a life
// again that has ended since: its data is owed.
func TestCreateOfAnEndedLife(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		g.create(1)
		g.delete(1)
		it := show(g.item())
		if err := g.Create(g.Context(), "s", aHead(1), nil); !errors.Is(err, stream.ErrRejected) {
			g.Errorf("Create: %v", err)
		}
		if got := show(g.item()); got != it {
			g.Errorf("the tombstone was %s, and is %s", it, got)
		}
	})
}

// Creates that are delivered late bring nothing back.
func TestLateCreates(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		g.create(1)
		first := g.lastPut()
		g.stays("a create while it lives", first)
		g.delete(1)
		g.stays("a create after its life", first)
		g.create(2)
		over := g.lastUpdate()
		second := g.lastPut()
		g.stays("the first create, in the second life", first)
		g.stays("a create over a tombstone, in its life", over)
		g.delete(2)
		for what, late := range map[string]func() error{
			"the first create": first, "a create that met the tombstone": second, "a create over another tombstone": over,
		} {
			g.stays(what+", after the second life", late)
		}
		// The same with nothing owed any more: what is left is the mark alone.
		g.settle(1)
		g.settle(2)
		g.stays("the first create, once all is settled", first)
		g.stays("the second, once all is settled", over)
		g.create(3)
		g.stays("the second, in the third life", over)
	})
}

// Every other write that is delivered late finds another life, and leaves it alone.
func TestLateWrites(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		h := g.create(1)
		var late []func() error
		commit := func(b *stream.Batch) {
			var err error
			h, err = g.Commit(g.Context(), "s", b, limits)
			check(g.T, err)
			late = append(late, g.lastUpdate())
		}
		commit(aBatch(1, body(10)))
		byLife := aBatch(2, body(10))
		byLife.Incarnation = h.Incarnation
		commit(byLife)
		commit(aBatch(3, &stream.Append{ContentType: "text/plain", Close: true}))
		next := h.Clone()
		next.Version++
		check(g.T, g.Update(g.Context(), "s", next))
		late = append(late, g.lastUpdate())
		_, err := g.Trim(g.Context(), "s", next, next.Tail, limits)
		check(g.T, err)
		late = append(late, g.lastUpdate())
		g.delete(1)
		late = append(late, g.lastUpdate())
		all := func(when string) {
			for i, l := range late {
				g.stays(fmt.Sprint("late write ", i, " ", when), l)
			}
		}
		all("after its life")
		// The next life begins after the commits were made.
		fresh := aHead(2)
		fresh.CreatedAt = clock.Add(2 * time.Second)
		check(g.T, g.Create(g.Context(), "s", fresh, nil))
		all("in the next life")
		check(g.T, g.Create(g.Context(), "s", aHead(3), fresh))
		late = append(late, g.lastUpdate())
		check(g.T, g.Delete(g.Context(), "s", stream.Incarnation{3}))
		g.stays("a replacement after its life", late[len(late)-1])
	})
}

// Work is owed by the item of the name, whatever becomes of the name.
func TestOwedWork(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		g.create(1)
		g.delete(1)
		g.owes("just deleted")
		g.now = g.now.Add(collectAfter - time.Millisecond)
		g.owes("not due")
		g.now = g.now.Add(time.Millisecond)
		g.owes("due", 1)
		g.create(2)
		g.owes("created again", 1)
		h, err := g.Commit(g.Context(), "s", aBatch(1, body(10)), limits)
		check(g.T, err)
		next := h.Clone()
		next.Version++
		check(g.T, g.Update(g.Context(), "s", next))
		_, err = g.Trim(g.Context(), "s", next, next.Tail, limits)
		check(g.T, err)
		g.owes("written", 1)
		g.delete(2)
		g.owes("deleted again: none is due yet")
		g.now = g.now.Add(collectAfter)
		g.owes("both are due", 1, 2)
		g.settle(1)
		g.owes("one is settled", 2)
		g.settle(1)
		g.owes("one is settled twice", 2)
		if it := g.item(); it["ttl"] != nil {
			g.Errorf("a tombstone that owes something may be removed: %s", show(it))
		}
		g.settle(2)
		g.owes("all is settled")
		it := g.item()
		want := fmt.Sprint(g.now.Add(dynamo.TombstoneFor).Unix())
		if ttl, ok := it["ttl"].(*types.AttributeValueMemberN); !ok || ttl.Value != want {
			g.Errorf("ttl is %s, want %s", show(it["ttl"]), want)
		}
		if it["ow"] != nil || it["wk"] != nil || it["wd"] != nil || it["x"] == nil {
			g.Errorf("a settled tombstone is %s", show(it))
		}
		g.settle(2)
		g.create(3)
		if it := g.item(); it["ttl"] != nil || it["x"] != nil {
			g.Errorf("a head may be removed: %s", show(it))
		}
	})
}

// Work settled under a living head leaves no trace in it, and the table never removes
// it.
func TestSettleUnderHead(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		g.create(1)
		g.delete(1)
		g.create(2)
		before, err := g.Head(g.Context(), "s", stream.Strong)
		check(g.T, err)
		g.now = g.now.Add(collectAfter)
		g.owes("due", 1)
		g.settle(1)
		g.owes("settled")
		for _, attribute := range []string{"ttl", "ow", "wk", "wd", "x"} {
			if it := g.item(); it[attribute] != nil {
				g.Errorf("the head has %s", attribute)
			}
		}
		after, err := g.Head(g.Context(), "s", stream.Strong)
		check(g.T, err)
		if diff := differ(after, before); diff != "" {
			g.Errorf("settling changed the head: %s", diff)
		}
	})
}

// A head that was replaced owes its data, like one that was deleted.
func TestReplacedHeadIsOwed(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		old := g.create(1)
		fresh := aHead(2)
		check(g.T, g.Create(g.Context(), "s", fresh, old))
		g.owes("not due")
		g.now = g.now.Add(collectAfter)
		g.owes("due", 1)
		got, err := g.Head(g.Context(), "s", stream.Strong)
		check(g.T, err)
		if diff := differ(got, fresh); diff != "" {
			g.Errorf("replaced by another head: %s", diff)
		}
		var no *stream.RefusedError
		if err := g.Create(g.Context(), "s", aHead(3), old); !errors.As(err, &no) || no.Head == nil || no.Head.Incarnation != fresh.Incarnation {
			g.Errorf("replaced twice: %v", err)
		}
		third := aHead(3)
		check(g.T, g.Create(g.Context(), "s", third, fresh))
		g.now = g.now.Add(collectAfter)
		g.owes("both", 1, 2)
	})
}

// meeting lets readers of heads pass only together, so that all of them act on the
// same state.
type meeting struct {
	dynamo.Client
	arrived sync.WaitGroup
	once    sync.Map
}

// GetItem implements [dynamo.Client]. Only the first read of each caller waits.
func (m *meeting) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	out, err := m.Client.GetItem(ctx, in, o...)
	if _, again := m.once.LoadOrStore(ctx, true); !again {
		m.arrived.Done()
		m.arrived.Wait()
	}
	return out, err
}

type caller struct{}

// Settles at the same time, each on the same item as it was, all come through, and
// the last one leaves the item to be removed.
func TestSettlesAtOnce(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		const lives = 6
		for life := range byte(lives) {
			g.create(life + 1)
			g.delete(life + 1)
		}
		g.now = g.now.Add(collectAfter)
		g.owes("all", 1, 2, 3, 4, 5, 6)
		m := &meeting{Client: g.client}
		m.arrived.Add(2 * lives)
		d, err := dynamo.New(m, g.Options)
		check(g.T, err)
		var done sync.WaitGroup
		for i := range 2 * lives {
			done.Go(func() {
				ctx := context.WithValue(within(g.T), caller{}, i)
				if err := d.Settle(ctx, aLife(byte(i/2+1))); err != nil {
					g.Error(err)
				}
			})
		}
		done.Wait()
		g.owes("none")
		if it := g.item(); it["ttl"] == nil || it["ow"] != nil {
			g.Errorf("the tombstone is %s", show(it))
		}
	})
}

// meddler does something between the read of a head and the write after it.
type meddler struct {
	dynamo.Client
	meddle func()
	once   sync.Once
}

func (m *meddler) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	m.once.Do(m.meddle)
	return m.Client.UpdateItem(ctx, in, o...)
}

// What happens to the name while its last work is settled decides whether the item
// may be removed.
func TestSettleMeanwhile(t *testing.T) {
	onBoth(t, func(g *graveyard) {
		meanwhile := func(meddle func()) {
			g.Helper()
			d, err := dynamo.New(&meddler{Client: g.client, meddle: meddle}, g.Options)
			check(g.T, err)
			check(g.T, d.Settle(within(g.T), aLife(1)))
		}
		g.create(1)
		g.delete(1)
		meanwhile(func() { g.create(2) })
		if it := g.item(); it["ttl"] != nil || it["ow"] != nil || it["i"] == nil {
			g.Errorf("created meanwhile: %s", show(it))
		}
		check(g.T, g.Delete(g.Context(), "s", stream.Incarnation{2}))
		g.settle(2)
		g.create(1)
		g.delete(1)
		g.create(2)
		meanwhile(func() { g.delete(2) })
		if it := g.item(); it["ttl"] != nil || it["ow"] == nil {
			g.Errorf("deleted meanwhile: %s", show(it))
		}
		g.now = g.now.Add(collectAfter)
		g.owes("the life that was deleted meanwhile", 2)
	})
}
