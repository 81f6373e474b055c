package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// progressEvery is how often progress is told.
const progressEvery = 5 * time.Second

// progress tells what happens while it does.
type progress struct {
	w       io.Writer
	verbose bool
	told    time.Time
}

func newProgress(w io.Writer, verbose bool) *progress {
	return &progress{w: w, verbose: verbose, told: time.Now()}
}

// tick tells how far the check is, now and then.
func (p *progress) tick(s *fsck.Summary) {
	if now := time.Now(); now.Sub(p.told) >= progressEvery {
		p.told = now
		fmt.Fprintf(p.w, "so far: %d streams, %s in %d segments, %d items, %d objects\n",
			s.Streams+s.Damaged, size(s.ObjectBytes), s.Segments, s.Items, s.Objects)
	}
}

// checked tells of a stream.
func (p *progress) checked(name string, r *fsck.Report, err error) {
	switch {
	case !p.verbose:
	case err == nil:
		fmt.Fprintf(p.w, "sound: %q: %d records, %s, %d segments in objects\n", name, r.Records, size(r.Bytes), r.Segments)
	case errors.Is(err, stream.ErrDamaged):
		fmt.Fprintf(p.w, "damaged: %v\n", err)
	default:
		fmt.Fprintf(p.w, "not checked: %q: %v\n", name, err)
	}
}

// report prints what was found, and returns the exit status.
func report(w io.Writer, s *fsck.Summary) int {
	fmt.Fprintf(w, "%d streams: %d records, %s\n", s.Streams, s.Records, size(s.Bytes))
	fmt.Fprintf(w, "%d segments in objects, %s, verified; %d chunks\n", s.Segments, size(s.ObjectBytes), s.Chunks)
	fmt.Fprintf(w, "%d items and %d objects looked at\n", s.Items, s.Objects)
	if s.Owed+s.Retired > 0 {
		fmt.Fprintf(w, "on their way out: the data of %d streams that are gone, and %d items\n", s.Owed, s.Retired)
	}
	kinds := make([]fsck.Litter, 0, len(s.Litter))
	for kind := range s.Litter {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		f := s.Litter[kind]
		fmt.Fprintf(w, "litter: %d %s", f.Count, kind)
		if f.Old > 0 {
			fmt.Fprintf(w, ", %d of them older than a day", f.Old)
		}
		fmt.Fprintf(w, "\n  %s\n", strings.Join(f.Names, "\n  "))
		if more := f.Count - len(f.Names); more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
	for _, err := range s.Problems {
		fmt.Fprintf(w, "problem: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if more := s.Damaged + s.Unchecked - len(s.Problems); more > 0 && len(s.Problems) > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	switch {
	case s.Damaged > 0:
		fmt.Fprintf(w, "DAMAGED: %d\n", s.Damaged)
		return damaged
	case s.Unchecked > 0:
		fmt.Fprintln(w, "not all of it could be checked")
		return unchecked
	case s.Old() > 0:
		fmt.Fprintln(w, "sound, with old litter: is there a sweep?")
		return littered
	}
	fmt.Fprintln(w, "sound")
	return sound
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 3 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGT"[prefix])
}
