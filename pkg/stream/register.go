package stream

import (
	"context"
	"errors"
	"fmt"
)

// maxTold is how many streams one write of a registry tells of. DynamoDB takes 100 items
// in a transaction; fewer are less often in conflict with one of them.
const maxTold = 50

// Registered reports a run of [Log.Register].
type Registered struct {
	// Records counts what was written into registries.
	Records int
	// Failed are the names of which something may be left to be told.
	Failed []string
}

// Register writes what streams owe to their registries, and creates those that do not
// exist yet. It may be called for names that owe nothing, be repeated, run in several
// processes at once, and stop at any point: a record and the note that it is owed change
// in one step, so each is written once. Those of a name are written in the order of what
// happened to it. Where the registry is off it does nothing.
//
// It fails with [ErrUnavailable] for the names in Failed; what became of those is found
// out by the next call.
//
// Cost: a strong read for each name, and for up to 50 streams of one registry that owe
// something a strong read of its head and one [Notices.Tell]; before that one write for
// records that are too large for its buffer, and afterwards its flushes.
func (l *Log) Register(ctx context.Context, names []string) (Registered, error) {
	var done Registered
	if !l.registry.On {
		return done, nil
	}
	var errs []error
	for registry, names := range l.byRegistry(names) {
		for len(names) > 0 {
			n := min(len(names), maxTold)
			r, err := l.register(ctx, registry, names[:n])
			done.Records += r.Records
			done.Failed = append(done.Failed, r.Failed...)
			errs = append(errs, err)
			names = names[n:]
		}
	}
	return done, errors.Join(errs...)
}

// byRegistry sorts names by who tells of them, each name once.
func (l *Log) byRegistry(names []string) map[string][]string {
	sorted, seen := make(map[string][]string), make(map[string]bool)
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			registry, _ := l.registry.Of(name)
			sorted[registry] = append(sorted[registry], name)
		}
	}
	return sorted
}

// register tells of some streams in one write. If the store rejects that, it tells of
// half of them at a time, so that one that cannot be told of does not keep the others.
func (l *Log) register(ctx context.Context, registry string, names []string) (Registered, error) {
	owing, unread, err := l.readOwing(ctx, names)
	var told int
	if len(owing) > 0 {
		var tellErr error
		told, tellErr = l.tell(ctx, registry, owing)
		if n := len(names) / 2; n > 0 && errors.Is(tellErr, ErrRejected) {
			a, err1 := l.register(ctx, registry, names[:n])
			b, err2 := l.register(ctx, registry, names[n:])
			return Registered{a.Records + b.Records, append(a.Failed, b.Failed...)}, errors.Join(err1, err2)
		}
		if tellErr != nil {
			err = errors.Join(err, fmt.Errorf("registry %q: %w", registry, unavailable(tellErr)))
			for _, o := range owing {
				unread = append(unread, o.Name)
			}
		}
	}
	return Registered{told, unread}, err
}

// readOwing reads what names owe: of those that owe anything. It returns the names for which
// it failed.
func (l *Log) readOwing(ctx context.Context, names []string) (owing []Owing, failed []string, err error) {
	all, errs := make([]Owing, len(names)), make([]error, len(names))
	_ = atOnce(len(names), func(i int) (err error) {
		if all[i], err = l.driver.Owing(ctx, names[i]); err != nil {
			errs[i] = fmt.Errorf("what %q owes to the registry: %w", names[i], unavailable(err))
		}
		return nil
	})
	for i, o := range all {
		if errs[i] != nil {
			failed = append(failed, names[i])
		} else if len(o.Notices) > 0 {
			owing = append(owing, o)
		}
	}
	return owing, failed, errors.Join(errs...)
}

// tell writes what is owed, and returns how many records that was. Whatever came of an
// attempt, what is owed then says what is left to do: nothing, if the attempt was applied,
// even if nobody knew. One that arrives late finds another version of the registry's head.
func (l *Log) tell(ctx context.Context, registry string, owing []Owing) (records int, err error) {
	for attempt := range maxAttempts {
		var next *Head
		if next, records, err = l.entry(ctx, registry, owing); err == nil {
			if err = l.driver.Tell(ctx, registry, next, owing); err == nil {
				l.told(ctx, registry, next)
				return records, nil
			}
		}
		var refused *RefusedError
		var owe *OwingError
		if !errors.As(err, &refused) && !errors.As(err, &owe) {
			if errors.Is(err, ErrRejected) || errors.Is(err, errNoRegistry) || l.pause(ctx, attempt) != nil {
				return 0, err
			}
		}
		var failed []string
		if owing, failed, err = l.again(ctx, owing); len(failed) > 0 || len(owing) == 0 {
			return 0, err
		}
	}
	return 0, ErrNotApplied
}

// again reads anew what is owed by names that owed something.
func (l *Log) again(ctx context.Context, owing []Owing) ([]Owing, []string, error) {
	names := make([]string, len(owing))
	for i, o := range owing {
		names[i] = o.Name
	}
	return l.readOwing(ctx, names)
}

// errNoRegistry says that the stream under a registry's name is no registry.
var errNoRegistry = errors.New("stream: a stream of a client has the registry's name, and cannot be appended to as JSON")

// entry returns the head of a registry after records for all that is owed were appended
// to it, and how many they are. It does not tell of itself: what is owed by a stream that
// a client once created under its name is only taken off.
func (l *Log) entry(ctx context.Context, registry string, owing []Owing) (next *Head, records int, err error) {
	a := &Append{ContentType: registryType}
	for _, o := range owing {
		if o.Name == registry {
			continue
		}
		_, key := l.registry.Of(o.Name)
		for _, n := range o.Notices {
			record, err := l.record(key, n)
			if err != nil {
				return nil, 0, err
			}
			a.Records.Add(record)
		}
	}
	h, err := l.registryHead(ctx, registry)
	if err != nil {
		return nil, 0, err
	}
	if a.Records.Count == 0 {
		next = h.Clone()
		next.Version++
		return next, 0, nil
	}
	v := Judge(h, a, l.now(), l.limits)
	if !v.Accepted() {
		return nil, 0, fmt.Errorf("%w: %w", errNoRegistry, v.Err)
	}
	if v.Slow&SlowRoom != 0 {
		if h, err = l.flush(ctx, registry, h); err != nil {
			return nil, 0, err
		}
	}
	b := l.newBatch(l.clock(), a)
	if a.staged(l.limits) {
		if b.Staged, err = l.stage(ctx, h.Life(registry), a); err != nil {
			return nil, 0, err
		}
		if h.outdated(b.Staged) {
			return nil, 0, ErrNotApplied
		}
	}
	next = h.Clone()
	next.note(a, b.Now, l.limits)
	next.add(b, l.limits)
	return next, a.Records.Count, nil
}

// registryHead returns the head of a registry, which is created if there is none.
func (l *Log) registryHead(ctx context.Context, registry string) (*Head, error) {
	h, err := l.driver.Head(ctx, registry, Strong)
	if errors.Is(err, ErrNoHead) {
		h, _, err = l.put(ctx, registry, &creation{Create: &Create{Config: Config{ContentType: registryType}}})
	}
	if errors.Is(err, ErrConfigMismatch) {
		return nil, errNoRegistry
	}
	return h, err
}

// told sees to what follows from an append to a registry.
func (l *Log) told(ctx context.Context, registry string, h *Head) {
	l.hub.announce(registry, h)
	if h.Ended {
		l.ended(registry)
	}
	if l.flushDue(registry, h, 1) {
		// If it fails, a later one does it.
		_ = l.Flush(ctx, registry, Appended{flush: h})
	}
}
