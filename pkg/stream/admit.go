package stream

import "time"

// Batch is what one commit applies: one or more appends, in order, all or none.
type Batch struct {
	ID      CommitID
	Appends []*Append
	// Now is the committer's clock: it decides expiry and renews a sliding TTL.
	Now time.Time
	// Staged lists the items that hold the records, if they were put before the
	// commit. Incarnation is the life that they were put for, or else that the
	// committer knows: the commit is refused in any other. A zero Incarnation, of a
	// committer that knows nothing, matches every life that had begun by Now.
	Staged      []Entry
	Incarnation Incarnation
}

// Admit is the rule of a blind commit: it returns the head after the batch, or
// false if the batch must be refused as a whole. A driver may refuse more than
// Admit does; it must never accept more.
func Admit(h *Head, b *Batch, l Limits) (*Head, bool) {
	if h == nil || !b.aimedAt(h) || h.Excludes(b.ID) || h.forgot(b.Made()) || h.outdated(b.Staged) {
		return nil, false
	}
	next := h.Clone()
	for _, a := range b.Appends {
		v := Judge(next, a, b.Now, l)
		if !v.Accepted() || v.Slow != 0 || a.staged(l) && len(b.Staged) == 0 {
			return nil, false
		}
		next.note(a, b.Now, l)
	}
	next.add(b, l)
	return next, true
}

// Made returns when the batch was made, as its id tells: at about Now.
func (b *Batch) Made() time.Time { return b.ID.made(b.Now) }

// aimedAt reports whether the batch may be applied to the life that h is of. One
// that names no life and is delivered late must not find the name's next life.
func (b *Batch) aimedAt(h *Head) bool {
	if b.Incarnation.IsZero() {
		return !h.CreatedAt.After(b.Now)
	}
	return b.Incarnation == h.Incarnation
}

// outdated reports whether items were staged so long ago that they may have been
// discarded as litter.
func (h *Head) outdated(staged []Entry) bool {
	return len(staged) > 0 && h.StagedAfter != 0 && staged[0].Staged.At <= h.StagedAfter
}

// note applies what an append changes apart from where its records go, so that
// the next append of the batch is judged against it. Whether the segment is full
// is decided once a batch, in add: a batch is not torn between segments.
func (h *Head) note(a *Append, now time.Time, l Limits) {
	h.BufferSize += a.buffered(l)
	if a.Producer != nil {
		if h.Producers == nil {
			h.Producers = make(map[string]HeldProducer)
		}
		h.Producers[a.Producer.ID] = HeldProducer{Producer: a.Producer.Producer, Used: uint64(now.Unix())}
	}
	if a.Seq != "" {
		h.Seq = a.Seq
	}
	if a.Close {
		h.Closed, h.Ended = true, true
		if a.Producer != nil {
			h.ClosedBy = *a.Producer
		}
	}
}

// add applies the rest of a batch whose appends were noted: records, tail, mark,
// deadline and version.
func (h *Head) add(b *Batch, l Limits) {
	entries := b.Staged
	if len(entries) == 0 {
		entries = inline(b.Appends)
	}
	start := h.Tail
	if len(entries) > 0 && h.full(l) {
		start = Offset{Segment: h.Tail.Segment + 1}
		h.SegmentCount, h.SegmentSize, h.Sealed = 0, 0, false
		// What is compacted already, or inherited, did not end now.
		h.Ended = h.Tail.Segment >= h.Compacted
	}
	for i, e := range entries {
		if i == len(entries)-1 {
			e.Commit = b.ID
		}
		e.From, e.To = h.Tail, start
		e.To.Position += Records{Count: e.Count, Size: e.Size}.advance(h.Unit())
		h.Tail, start = e.To, e.To
		h.SegmentCount += e.Count
		h.SegmentSize += e.Size
		h.Buffer = append(h.Buffer, &e)
	}
	h.Commits++
	if len(entries) == 0 {
		h.Recent = append(h.Recent, CommitMark{ID: b.ID, Tail: h.Tail})
	}
	h.renew(b.Now)
	h.Version++
}

// Trimmed is the rule of a trim: it returns the head without the buffer entries
// up to the offset to, or false if the head is of another life than seen or its
// buffer does not begin where seen's does. Of the commits whose entries are not in the
// buffer, it remembers as many as the limits say.
func Trimmed(h, seen *Head, to Offset, l Limits) (*Head, bool) {
	if h == nil || h.Incarnation != seen.Incarnation || h.BufferFrom() != seen.BufferFrom() {
		return nil, false
	}
	next := h.Clone()
	n := 0
	for n < len(next.Buffer) && !to.Before(next.Buffer[n].To) {
		n++
	}
	next.trim(n, l.Remember)
	next.Version++
	return next, true
}

// Compacted is the rule of a compaction: it returns the head that says that the
// segments below a number are in objects, or false if it is of another life or says
// so already.
func Compacted(h *Head, inc Incarnation, segments uint64) (*Head, bool) {
	if h == nil || h.Incarnation != inc || h.Compacted >= segments {
		return nil, false
	}
	next := h.Clone()
	next.Compacted = segments
	next.Version++
	return next, true
}

// Forked is the rule of a fork: it returns the source's head with one fork more, or false
// if it is of another life, or gone.
func Forked(h *Head, source Life, now time.Time) (*Head, bool) {
	if h.gone(now) != nil || h.Incarnation != source.Incarnation {
		return nil, false
	}
	next := h.Clone()
	next.Forks++
	next.Version++
	return next, true
}

// Released is the rule of a release: it returns the source's head with one fork less.
func Released(h *Head) *Head {
	next := h.Clone()
	next.Forks = max(0, next.Forks-1)
	next.Version++
	return next
}

// inline joins the records of a batch into at most one buffer entry.
func inline(appends []*Append) []Entry {
	var all Records
	if len(appends) == 1 {
		all = appends[0].Records
	} else {
		size := 0
		for _, a := range appends {
			size += len(a.Records.Frames)
		}
		all.Frames = make(Frames, 0, size)
		for _, a := range appends {
			all.join(a.Records)
		}
	}
	if all.Count == 0 {
		return nil
	}
	return []Entry{{Count: all.Count, Size: all.Size, Frames: all.Frames}}
}
