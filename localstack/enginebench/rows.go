package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// pause lets an engine do in peace what it owes for the row before, since that
// is not what the next row measures.
const pause = 500 * time.Millisecond

// run is what a row gets: an opener to call, a directory of its own, and how
// long to measure for, unless the row has a fixed amount of work.
type run struct {
	opener
	dir     string
	seconds float64
}

func (r run) open() (engine, error) { return r.opener.open(r.dir) }

// writes measures the rows that append, on one engine that is in use.
func (r run) writes() (result, error) {
	e, err := r.open()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := warm(e); err != nil {
		return nil, err
	}
	q := newQueue(e.Commit)
	defer q.Close()
	res := result{}
	for i, w := range []struct {
		row     string
		size    int
		writers int
		commit  func([]pair) error
	}{
		{"alone", recordSize, 1, e.Commit},
		{"shared", recordSize, writers, e.CommitShared},
		{"queued", recordSize, writers, q.Commit},
		{"large", 4 << 20, 1, e.Commit},
	} {
		time.Sleep(pause)
		if err := r.append(res, w.row, newStreams(w.writers, 10+i), w.size, w.commit); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// append measures one writer for each stream, all at once. Each waits for its
// append before it makes the next one.
func (r run) append(res result, row string, streams []*stream, size int, commit func([]pair) error) error {
	var wg sync.WaitGroup
	took, errs := make([][]time.Duration, len(streams)), make([]error, len(streams))
	start, cpu := time.Now(), cpuTime()
	for i, s := range streams {
		wg.Go(func() {
			for time.Since(start).Seconds() < r.seconds && errs[i] == nil {
				pairs := s.next(size)
				t := time.Now()
				errs[i] = commit(pairs)
				took[i] = append(took[i], time.Since(t))
			}
		})
	}
	wg.Wait()
	elapsed, used := time.Since(start), cpuTime()-cpu
	all := slices.Concat(took...)
	n := float64(len(all))
	res[row+" ops/s"] = n / elapsed.Seconds()
	res[row+" MB/s"] = n / elapsed.Seconds() * float64(size) / 1e6
	res[row+" p50 ms"] = ms(percentile(all, 50))
	res[row+" p99 ms"] = ms(percentile(all, 99))
	res[row+" cpu us"] = float64(used.Microseconds()) / n
	return errors.Join(errs...)
}

// reads measures a replay of one stream right after the engine was opened, and
// then gets. The kernel's page cache is warm: the engine's own cache is what is
// cold.
func (r run) reads() (result, error) {
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
	perGet, err := r.gets(e)
	return result{
		"scan records/s": perSecond,
		"scan MB/s":      perSecond * recordSize / 1e6,
		"open ms":        ms(percentile(opening, 50)),
		"get ns":         perGet,
	}, errors.Join(err, e.Close())
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

// gets returns the ns that one reader waits for a head at random.
func (r run) gets(e engine) (float64, error) {
	keys := make([][]byte, 10000)
	for i := range keys {
		keys[i] = headKey(i)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	var buf []byte
	get := func(n int) (err error) {
		for range n {
			if buf, err = e.Get(buf, keys[rng.IntN(len(keys))]); err != nil {
				return err
			}
			if len(buf) != headSize {
				return fmt.Errorf("get: a head of %d bytes", len(buf))
			}
		}
		return nil
	}
	if err := get(len(keys)); err != nil {
		return 0, err
	}
	n, start := 0, time.Now()
	for ; time.Since(start).Seconds() < r.seconds; n += 100 {
		if err := get(100); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n), nil
}
