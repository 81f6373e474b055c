package main

import "time"

const (
	spaceAppends = 200000
	// settle is how long background work may take to give space back.
	settle = 2 * time.Second
)

// space measures the disk and the memory that it takes to fill 32 streams and
// delete them, twice. An engine that keeps the space of what was deleted for
// itself is bounded all the same if the second life does not need more of it.
func (r run) space() (result, error) {
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	w := watch(r.dir)
	wrote := writtenBytes()
	first, deleting, err := r.live(e, 1, 1)
	if err != nil {
		return nil, err
	}
	res := result{
		"written x":  float64(writtenBytes()-wrote) / float64(first.logical),
		"full MiB":   mib(first.full),
		"delete ms":  ms(deleting),
		"fill s":     first.filling.Seconds(),
		"peak 1 MiB": mib(w.resetDisk()),
	}
	time.Sleep(settle)
	res["deleted MiB"] = mib(diskUse(r.dir))
	if _, _, err := r.live(e, 2, 10); err != nil {
		return nil, err
	}
	res["peak 2 MiB"] = mib(w.resetDisk())
	if err := e.Compact(); err != nil {
		return nil, err
	}
	time.Sleep(settle / 2)
	res["compacted MiB"] = mib(diskUse(r.dir))
	rss, anon := w.stop()
	res["peak RSS MiB"], res["peak anon MiB"] = mib(rss), mib(anon)
	return res, e.Close()
}

type filled struct {
	// logical is the size of all keys and values that were written, full what
	// the disk held at the end.
	logical, full int64
	filling       time.Duration
}

// live is one life of the streams. Each commit has a number of appends to each
// stream: one is what the group commits of row 2 make of them, more only saves
// time.
func (r run) live(e engine, life, each int) (f filled, deleting time.Duration, err error) {
	streams := newStreams(writers, life)
	start := time.Now()
	for range spaceAppends / writers / each {
		var pairs []pair
		for range each {
			for _, s := range streams {
				pairs = append(pairs, s.next(recordSize)...)
			}
		}
		for _, p := range pairs {
			f.logical += int64(len(p.key) + len(p.value))
		}
		if err := e.Commit(pairs); err != nil {
			return f, 0, err
		}
	}
	f.filling = time.Since(start)
	f.full = diskUse(r.dir)
	start = time.Now()
	for _, s := range streams {
		if err := e.DeleteRange(s.bounds()); err != nil {
			return f, 0, err
		}
	}
	return f, time.Since(start), nil
}
