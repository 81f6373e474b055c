package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

const (
	headSize   = 250
	recordSize = 100
	// writers is how many streams, each with one writer, the shared rows have.
	writers = 32
)

// noise is what values are cut from. It does not compress, because only Pebble
// compresses, and what users append is not known.
var noise = func() []byte {
	b := make([]byte, 8<<20)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}()

func value(rng *rand.Rand, size int) []byte {
	at := rng.IntN(len(noise) - size)
	return noise[at : at+size]
}

// stream makes the pairs that appends to one stream set.
type stream struct {
	head   []byte
	inc    [16]byte
	offset uint64
	rng    *rand.Rand
}

// newStream returns the nth stream. Names and incarnations are spread over the
// key space, as they are in the server. Streams of different lives share the
// name and not the incarnation.
func newStream(n, life int) *stream {
	s := &stream{head: headKey(n), rng: rand.New(rand.NewPCG(uint64(n), uint64(life)))}
	binary.BigEndian.PutUint64(s.inc[:], s.rng.Uint64())
	binary.BigEndian.PutUint64(s.inc[8:], s.rng.Uint64())
	return s
}

func headKey(n int) []byte {
	return fmt.Appendf(nil, "h/%08x", uint32(n)*2654435761)
}

func newStreams(n, life int) []*stream {
	all := make([]*stream, n)
	for i := range all {
		all[i] = newStream(i, life)
	}
	return all
}

func (s *stream) recordKey(offset uint64) []byte {
	k := append(make([]byte, 0, 34), "e/"...)
	k = append(k, s.inc[:]...)
	k = binary.BigEndian.AppendUint64(k, 0)
	return binary.BigEndian.AppendUint64(k, offset)
}

// next returns the pairs of the next append.
func (s *stream) next(size int) []pair {
	s.offset++
	return []pair{
		{s.head, value(s.rng, headSize)},
		{s.recordKey(s.offset), value(s.rng, size)},
	}
}

// bounds returns the range of the stream's records.
func (s *stream) bounds() (from, to []byte) {
	return s.recordKey(0), s.recordKey(^uint64(0))
}

// preload stores 10,000 heads and 30,000 records, as an engine that is empty is
// faster than any that is in use.
func preload(e engine) error {
	const heads, rounds, group = 10000, 3, 2000
	streams := newStreams(heads, 0)
	for range rounds {
		for at := 0; at < heads; at += group {
			var pairs []pair
			for _, s := range streams[at : at+group] {
				pairs = append(pairs, s.next(recordSize)...)
			}
			if err := e.Commit(pairs); err != nil {
				return err
			}
		}
	}
	return nil
}

// warm is preload, and then 96 MiB of large records. After those the logs of all
// engines are reused files of full size, and so cheaper to sync: Pebble reuses a
// log after a few memtables, SQLite after one checkpoint.
func warm(e engine) error {
	if err := preload(e); err != nil {
		return err
	}
	s := newStream(0, 2)
	for range 24 {
		var pairs []pair
		for range 64 {
			pairs = append(pairs, s.next(64<<10)...)
		}
		if err := e.Commit(pairs); err != nil {
			return err
		}
	}
	return nil
}
