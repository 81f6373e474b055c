package stream

import (
	"context"
	"math"
	"sync"
)

// lineages remembers what forks inherit that this process read last. It never changes.
type lineages struct {
	mu    sync.Mutex
	known map[Life]*Lineage
}

// maxLineages bounds the memory of lineages.
const maxLineages = 1024

func (s *lineages) get(life Life) *Lineage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[life]
}

func (s *lineages) put(life Life, lineage *Lineage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[Life]*Lineage)
	}
	for some := range s.known {
		if len(s.known) < maxLineages {
			break
		}
		delete(s.known, some)
	}
	s.known[life] = lineage
}

// lineage returns what a fork inherits.
func (l *Log) lineage(ctx context.Context, life Life) (*Lineage, error) {
	if known := l.lineages.get(life); known != nil {
		return known, nil
	}
	lineage, err := l.driver.Lineage(ctx, life)
	if err != nil {
		return nil, unavailable(err)
	}
	if lineage == nil {
		// The fork was deleted since its head was read, and its data discarded.
		return nil, errGap
	}
	l.lineages.put(life, lineage)
	return lineage, nil
}

// takeInherited adds to a page what a fork inherits from where the page stands on. At any
// depth that is the data of one life, or of a few where the page reaches across. Cost:
// the lineage, unless it is known; then for each life, at the same time, a query for
// manifests and one for chunks, as nobody knows which of them has the records.
func (l *Log) takeInherited(ctx context.Context, p *Page, fork Life, max int) error {
	lineage, err := l.lineage(ctx, fork)
	if err != nil {
		return err
	}
	for _, r := range lineage.Ranges {
		p.life, p.to = r.Life, r.To
		for !p.full && p.Next.Before(r.To) {
			at := p.Next
			if err := l.takeFrom(ctx, p, max); err != nil {
				return err
			}
			if p.Next == at && !p.full {
				return errGap
			}
		}
	}
	return nil
}

// takeFrom adds to a page what another life continues it with.
func (l *Log) takeFrom(ctx context.Context, p *Page, max int) error {
	var manifests []Manifest
	var chunks []Chunk
	err := atOnce(2, func(i int) (err error) {
		if i == 0 {
			manifests, err = l.driver.Manifests(ctx, p.life, p.Next, coldRun)
		} else {
			chunks, err = l.driver.Chunks(ctx, p.life, p.Next, max-p.Size)
		}
		return err
	})
	if err != nil {
		return unavailable(err)
	}
	if len(manifests) > 0 && !p.Next.Before(manifests[0].From) {
		return l.takeSegments(ctx, p, manifests, math.MaxUint64, max)
	}
	return l.takeChunks(ctx, p, chunks, max)
}
