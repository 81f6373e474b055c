package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// run is what a row gets: an opener to call, a directory of its own, and how
// long to measure for, unless the row has a fixed amount of work.
type run struct {
	opener
	dir     string
	seconds float64
}

func (r run) open() (engine, error) { return r.opener.open(r.dir) }

// alone measures one writer that appends records of a size, one at a time.
func (r run) alone(size int) (result, error) {
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := warm(e); err != nil {
		return nil, err
	}
	s := newStream(0, 1)
	var took []time.Duration
	start := time.Now()
	for time.Since(start).Seconds() < r.seconds {
		pairs := s.next(size)
		t := time.Now()
		if err := e.Commit(pairs); err != nil {
			return nil, err
		}
		took = append(took, time.Since(t))
	}
	return latencies(took, time.Since(start), size), nil
}

// shared measures concurrent writers, each of which waits for its append before
// it makes the next one. If queued, a queue in front of the engine groups them
// instead of the engine.
func (r run) shared(queued bool) (result, error) {
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := warm(e); err != nil {
		return nil, err
	}
	commit := e.CommitShared
	if queued {
		q := newQueue(e.Commit)
		defer q.Close()
		commit = q.Commit
	}
	var wg sync.WaitGroup
	var took [writers][]time.Duration
	var errs [writers]error
	start := time.Now()
	for i, s := range newStreams(writers, 1) {
		wg.Go(func() {
			for time.Since(start).Seconds() < r.seconds && errs[i] == nil {
				pairs := s.next(recordSize)
				t := time.Now()
				errs[i] = commit(pairs)
				took[i] = append(took[i], time.Since(t))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	var all []time.Duration
	for i := range took {
		if errs[i] != nil {
			return nil, errs[i]
		}
		all = append(all, took[i]...)
	}
	return latencies(all, elapsed, recordSize), nil
}

// scan measures a replay of one stream right after the engine was opened. The
// kernel's page cache is warm: the engine's own cache is what is cold.
func (r run) scan() (result, error) {
	const records, tries = 20000, 9
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	if err := preload(e); err != nil {
		return nil, err
	}
	s := newStream(0, 1)
	for range records / 200 {
		var pairs []pair
		for range 200 {
			pairs = append(pairs, s.next(recordSize)...)
		}
		if err := e.Commit(pairs); err != nil {
			return nil, err
		}
	}
	var opening, scanning []time.Duration
	for range tries {
		if err := e.Close(); err != nil {
			return nil, err
		}
		t := time.Now()
		if e, err = r.open(); err != nil {
			return nil, err
		}
		opening = append(opening, time.Since(t))
		t = time.Now()
		if err := replay(e, s, records); err != nil {
			return nil, err
		}
		scanning = append(scanning, time.Since(t))
	}
	perSecond := records / percentile(scanning, 50).Seconds()
	return result{
		"records/s": perSecond,
		"MB/s":      perSecond * recordSize / 1e6,
		"open ms":   ms(percentile(opening, 50)),
	}, e.Close()
}

// replay scans a stream, and checks that its records are whole and in order.
func replay(e engine, s *stream, want int) error {
	from, to := s.bounds()
	var n, size int
	var last []byte
	ordered := true
	err := e.Scan(from, to, func(k, v []byte) {
		ordered = ordered && bytes.Compare(last, k) < 0
		last = append(last[:0], k...)
		n++
		size += len(v)
	})
	if err == nil && (!ordered || n != want || size != want*recordSize) {
		err = fmt.Errorf("scan: %d records of %d, %d bytes, ordered %t", n, want, size, ordered)
	}
	return err
}

// gets measures reads of heads at random, by one reader, after a reopen.
func (r run) gets() (result, error) {
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	if err := preload(e); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	if e, err = r.open(); err != nil {
		return nil, err
	}
	defer e.Close()
	keys := make([][]byte, 10000)
	for i := range keys {
		keys[i] = headKey(i)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	get := func(buf []byte) ([]byte, error) {
		buf, err := e.Get(buf, keys[rng.IntN(len(keys))])
		if err == nil && len(buf) != headSize {
			err = fmt.Errorf("get: a head of %d bytes", len(buf))
		}
		return buf, err
	}
	var buf []byte
	for range len(keys) {
		if buf, err = get(buf); err != nil {
			return nil, err
		}
	}
	n, start := 0, time.Now()
	for ; time.Since(start).Seconds() < min(r.seconds, 1); n += 100 {
		for range 100 {
			if buf, err = get(buf); err != nil {
				return nil, err
			}
		}
	}
	return result{"ns/op": float64(time.Since(start).Nanoseconds()) / float64(n)}, nil
}
