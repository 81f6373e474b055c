package streamtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// registryWorld is a store with two processes whose calls fail, and one whose do not.
type registryWorld struct {
	context.Context
	driver  stream.Driver
	objects stream.Objects
	faults  *Faults
	logs    [2]*stream.Log
	spare   *stream.Log
	clock   *Clock
	prefix  string
	names   []string
	// hints are the names of which somebody is told that there is something to tell.
	hints []string
	mu    sync.Mutex // of hints
	// created are the acknowledged creations, by name and time.
	created map[string]bool
	// types are the content types of the names; that of the others is text/plain.
	types map[string]string
}

func (w *registryWorld) typeOf(name string) string {
	if t, found := w.types[name]; found {
		return t
	}
	return "text/plain"
}

func newRegistryWorld(ctx context.Context, d stream.Driver, o stream.Objects, prefix string) (*registryWorld, error) {
	w := &registryWorld{Context: ctx, driver: d, objects: o, faults: NewFaults(d), clock: NewClock(), prefix: prefix, created: make(map[string]bool)}
	for _, name := range []string{"a", "b", "b/c", "d"} {
		w.names = append(w.names, prefix+"/"+name)
	}
	options := stream.Options{
		Objects: o, Limits: Tiny(), Now: w.clock.Now,
		Registry: stream.Registry{On: true, Tenants: true},
		Record:   registry.Record,
		Owing:    w.hint,
	}
	var err error
	if w.spare, err = stream.New(d, options); err != nil {
		return nil, err
	}
	options.Objects = NewObjectFaults(o, w.faults)
	for i := range w.logs {
		if w.logs[i], err = stream.New(w.faults, options); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *registryWorld) hint(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hints = append(w.hints, name)
}

// takeHints returns the hints so far, and forgets them.
func (w *registryWorld) takeHints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	hints := w.hints
	w.hints = nil
	return hints
}

// create creates a stream, at a time of its own; whatever comes of it.
func (w *registryWorld) create(l *stream.Log, name string, c *stream.Create) {
	w.clock.Advance(time.Millisecond)
	h, created, err := l.Create(w, name, c)
	if err == nil && created {
		w.created[fmt.Sprint(name, " ", h.CreatedAt.UnixMilli())] = true
	}
}

func asText(ttl time.Duration) *stream.Create {
	return &stream.Create{Config: stream.Config{ContentType: "text/plain", TTL: ttl, HasTTL: ttl > 0}}
}

func forkOf(name string) *stream.Create {
	return &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Fork: &stream.Fork{Source: name}}
}

// heal ends all faults, and sweeps until there is nothing left to do.
func (w *registryWorld) heal() error {
	w.faults.Stop()
	w.faults.ReleaseLate()
	for range 4 {
		w.clock.Advance(2 * time.Minute)
		swept, err := w.spare.Sweep(w, stream.SweepOptions{IdleAfter: time.Hour, Items: 100_000, Objects: 100_000, Lives: 1000})
		if err != nil || !swept.ItemsEnd {
			return fmt.Errorf("sweep: %+v, %w", swept, err)
		}
	}
	return nil
}

// registryEvent is a record of a registry, as anybody may read it.
type registryEvent struct {
	Type, Key string
	Value     *struct {
		Path, ContentType string
		CreatedAt         int64
	}
	Headers struct{ Operation string }
}

// told reads the registry.
func (w *registryWorld) told() ([]registryEvent, error) {
	var text strings.Builder
	for from := stream.Start(); ; {
		p, err := w.spare.Read(w, w.prefix+"/__registry__", from)
		if errors.Is(err, stream.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		text.WriteString(pageText(p))
		if p.UpToDate() {
			break
		}
		from = stream.At(p.Next)
	}
	var events []registryEvent
	records := json.NewDecoder(strings.NewReader(text.String()))
	records.DisallowUnknownFields()
	for {
		var e registryEvent
		if err := records.Decode(&e); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
}

// verify heals the world, and compares the registry with what there is.
func (w *registryWorld) verify() error {
	if err := w.heal(); err != nil {
		return err
	}
	return w.compare()
}

// compare compares the registry with what there is, once nothing is left to be told.
func (w *registryWorld) compare() error {
	events, err := w.told()
	if err != nil {
		return err
	}
	alive := make(map[string]bool)
	for i, e := range events {
		name := w.prefix + "/" + e.Key
		switch e.Headers.Operation {
		case "insert":
			if alive[name] || e.Value == nil || e.Value.Path != e.Key || e.Value.ContentType != w.typeOf(name) {
				return fmt.Errorf("event %d begins %q, which is alive: %v: %+v", i, name, alive[name], e)
			}
			delete(w.created, fmt.Sprint(name, " ", e.Value.CreatedAt))
		case "delete":
			if !alive[name] || e.Value != nil {
				return fmt.Errorf("event %d ends %q, which is alive: %v: %+v", i, name, alive[name], e)
			}
		default:
			return fmt.Errorf("event %d is %+v", i, e)
		}
		alive[name] = e.Headers.Operation == "insert"
	}
	if len(w.created) > 0 {
		return fmt.Errorf("creations were acknowledged and are not told of: %v", w.created)
	}
	for _, name := range w.names {
		h, err := w.driver.Head(w, name, stream.Strong)
		if err != nil && !errors.Is(err, stream.ErrNoHead) {
			return err
		}
		if there := err == nil && !h.Deleted; there != alive[name] {
			return fmt.Errorf("%q is there: %v; the registry says %v", name, there, alive[name])
		}
		if owing, err := w.driver.Owing(w, name); err != nil || len(owing.Notices) > 0 {
			return fmt.Errorf("%q owes %+v, %w", name, owing, err)
		}
	}
	if owing, err := w.driver.Owing(w, w.prefix+"/__registry__"); err != nil || len(owing.Notices) > 0 {
		return fmt.Errorf("the registry owes %+v, %w", owing, err)
	}
	_, err = inspect(w, w.driver, w.objects, w.prefix+"/__registry__")
	if errors.Is(err, stream.ErrNoHead) && len(events) == 0 {
		return nil
	}
	return err
}

// CheckRegistry compares what the registry of a tenant tells to who reads it with the streams
// that there are, of all that the tenant ever had: of each life it tells the beginning and the
// end once and in order, and nothing is left to be told.
func CheckRegistry(ctx context.Context, l *stream.Log, s Store, tenant string, types map[string]string) error {
	w := &registryWorld{Context: ctx, driver: s.Driver, objects: s.Objects, spare: l, prefix: tenant, created: make(map[string]bool), types: types}
	w.names = slices.Sorted(maps.Keys(types))
	return w.compare()
}
