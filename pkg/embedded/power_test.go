package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// powerWriter appends "<writer>.<number>;" to one stream.
type powerWriter struct {
	id   int
	name string
	// acked is how many of its appends were acknowledged. watch, if any, is closed
	// once it reaches watched.
	acked   atomic.Int64
	watch   chan struct{}
	watched int64
}

// run makes count appends.
func (w *powerWriter) run(t *testing.T, log *stream.Log, count int) {
	first := int(w.acked.Load())
	for n := first; n < first+count; n++ {
		text := fmt.Sprintf("%d.%d;", w.id, n)
		if n%20 == 19 {
			text = strings.Repeat("-", 3000) + text // staged
		}
		if w.id == 0 && w.name == "s0" && n%40 == 10 {
			text = strings.Repeat("-", 300_000) + text // in an object
		}
		var r stream.Records
		r.Add([]byte(text))
		a := &stream.Append{ContentType: "text/plain", Records: r}
		if w.id%2 == 0 {
			a.Producer = &stream.ProducerTag{ID: fmt.Sprint("p", w.id), Producer: stream.Producer{Seq: uint64(n)}}
		}
		done, err := log.Append(t.Context(), w.name, a)
		if err == nil && done.FlushDue() {
			err = log.Flush(t.Context(), w.name, done)
		}
		if w.id == 0 && n%7 == 6 && err == nil {
			_, err = log.Compact(t.Context(), w.name)
		}
		if err != nil {
			t.Errorf("writer %d, append %d: %v", w.id, n, err)
			if w.watch != nil && w.acked.Load() < w.watched {
				close(w.watch)
			}
			return
		}
		if w.acked.Add(1) == w.watched && w.watch != nil {
			close(w.watch)
		}
	}
}

// powerLog opens a log with objects on a disk.
func powerLog(t *testing.T, disk vfs.FS) (log *stream.Log, closing func()) {
	t.Helper()
	o := smallOptions()
	o.FS = disk
	s, err := embedded.Open("data", o)
	if err != nil {
		t.Fatalf("open after a failure: %v", err)
	}
	return logOf(t, s, openObjects(t, "data", disk)), func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func logOf(t *testing.T, d stream.Driver, objects stream.Objects) *stream.Log {
	t.Helper()
	limits := stream.DefaultLimits()
	limits.FlushCount, limits.SegmentCount, limits.StageSize, limits.ObjectSize, limits.Producers = 5, 50, 2000, 200_000, 1
	log, err := stream.New(d, stream.Options{Limits: limits, Objects: objects})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// TestPowerFailure takes the power away, again and again, while writers append and
// segments are moved into objects: what was not synced is lost, or part of it is, at
// random. A store opened on what is left must hold every append that was acknowledged
// before, exactly once and in order, and go on from there. Unlike killing a process,
// this loses what the operating system had not written yet.
func TestPowerFailure(t *testing.T) {
	const failures, streams, writersEach, appends = 40, 3, 4, 20
	disk := vfs.NewCrashableMem()
	log, closing := powerLog(t, disk)
	defer closing()
	var writers []*powerWriter
	for i := range streams {
		name := fmt.Sprint("s", i)
		create := &stream.Create{Config: stream.Config{ContentType: "text/plain"}}
		if _, _, err := log.Create(t.Context(), name, create); err != nil {
			t.Fatal(err)
		}
		for w := range writersEach {
			writers = append(writers, &powerWriter{id: w, name: name})
		}
	}
	for n := range failures {
		// The power fails when one of the writers is at some append.
		trigger := writers[n%len(writers)]
		trigger.watch, trigger.watched = make(chan struct{}), trigger.acked.Load()+1+int64(n)%appends
		var group sync.WaitGroup
		for _, w := range writers {
			group.Go(func() { w.run(t, log, appends) })
		}
		<-trigger.watch
		acked := map[string][]int64{}
		for _, w := range writers {
			acked[w.name] = append(acked[w.name], w.acked.Load())
		}
		random := rand.New(rand.NewPCG(uint64(n), 1))
		left := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: n % 3 * 50, RNG: random})
		checkAfterPowerFailure(t, left, acked)
		group.Wait()
		if t.Failed() {
			t.Fatalf("failure %d", n)
		}
		trigger.watch = nil
	}
}

// checkAfterPowerFailure reads all streams on what is left of a disk, before and after
// the compaction that was under way is finished there.
func checkAfterPowerFailure(t *testing.T, disk *vfs.MemFS, acked map[string][]int64) {
	t.Helper()
	log, closing := powerLog(t, disk)
	defer closing()
	for name, counts := range acked {
		checkAcked(t, log, name, counts)
		if _, err := log.Compact(t.Context(), name); err != nil {
			t.Errorf("%s: compact after the failure: %v", name, err)
		}
		checkAcked(t, log, name, counts)
	}
}

func checkAcked(t *testing.T, log *stream.Log, name string, counts []int64) {
	t.Helper()
	next := make([]int64, len(counts))
	for _, record := range readAll(t, log, name) {
		var writer, number int64
		if _, err := fmt.Sscanf(strings.TrimLeft(record, "-"), "%d.%d;", &writer, &number); err != nil {
			t.Fatalf("%s: torn record %q", name, record)
		}
		if number != next[writer] {
			t.Errorf("%s: writer %d's append %d where %d belongs", name, writer, number, next[writer])
		}
		next[writer] = number + 1
	}
	for w, want := range counts {
		if next[w] < want {
			t.Errorf("%s: writer %d had %d appends acknowledged, %d are left", name, w, want, next[w])
		}
	}
}

// readAll reads a stream page by page.
func readAll(t *testing.T, log *stream.Log, name string) (records []string) {
	t.Helper()
	for at := stream.Start(); ; {
		page, err := log.Read(t.Context(), name, at)
		if err != nil {
			t.Fatalf("%s: read: %v", name, err)
		}
		for record := range page.Records() {
			records = append(records, string(record))
		}
		if page.UpToDate() {
			return records
		}
		at = stream.At(page.Next)
	}
}
