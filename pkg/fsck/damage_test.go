package fsck_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// damages are all that can be wrong with the stream "s" that store.cold makes, and what
// must be said of it.
var damages = map[string]struct {
	do   func(s *store)
	says string
}{
	"bit of an object's data": {func(s *store) { flip(s, 1, func(n int) int { return 20 }) }, "segment 1, object stream/"},
	"bit of an object's tail": {func(s *store) { flip(s, 2, func(n int) int { return n - 10 }) }, "segment 2, object stream/"},
	"truncated object": {func(s *store) {
		key := s.segmentKey("s", 1)
		body := s.body(key)
		s.setObject(key, body[:len(body)-1])
	}, "segment 1, object stream/cw/"},
	"object cut to a quarter": {func(s *store) {
		key := s.segmentKey("s", 1)
		body := s.body(key)
		s.setObject(key, body[:len(body)/4])
	}, "it has less than the"},
	"empty object":  {func(s *store) { s.setObject(s.segmentKey("s", 1), []byte{}) }, "it has less than the"},
	"longer object": {func(s *store) { key := s.segmentKey("s", 0); s.setObject(key, append(s.body(key), 1)) }, "it has more than the"},
	"missing object": {func(s *store) { s.setObject(s.segmentKey("s", 2), nil) },
		"segment 2, object stream/"},
	"object of another segment": {func(s *store) { s.setObject(s.segmentKey("s", 1), s.body(s.segmentKey("s", 0))) }, "it is segment 0"},
	"object of another stream": {func(s *store) {
		s.create("other", stream.Config{ContentType: plain})
		all := texts(5, 10)
		all[2] = "another..."
		s.put("other", all...)
		s.compact("other")
		s.setObject(s.segmentKey("s", 0), s.body(s.segmentKey("other", 0)))
	}, "but the manifest says"},
	"missing manifest":            {func(s *store) { s.setData("s", func(d *data) { d.manifests = without(d.manifests, 1) }) }, "the manifest of segment 1 is missing"},
	"missing first manifest":      {func(s *store) { s.setData("s", func(d *data) { d.manifests = without(d.manifests, 0) }) }, "the manifest of segment 0 is missing"},
	"missing last manifest":       {func(s *store) { s.setData("s", func(d *data) { d.manifests = without(d.manifests, 2) }) }, "the manifest of segment 2 is missing"},
	"no manifests":                {func(s *store) { s.setData("s", func(d *data) { d.manifests = nil }) }, "the manifests of segments 0 to 2 are missing"},
	"manifest of another begin":   {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.From.Position-- }) }, "the manifest of segment 1 continues 0000000000000000_0000000000000039, but the segment before ends at"},
	"manifest of another end":     {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.To.Position++ }) }, "to position 40"},
	"manifest of another segment": {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.From, m.To = m.To, m.From }) }, "the manifest of segment 1 says that it goes from"},
	"manifest's count":            {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.Count++ }) }, "it has 4 records, but the manifest says 5"},
	"manifest's size":             {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.Size++ }) }, "it has less than the"},
	"manifest's small size":       {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.Size = 3 }) }, "says that it has 3 bytes"},
	"manifest's CRC":              {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.CRC++ }) }, "but the manifest says"},
	"manifest's tail":             {func(s *store) { s.setManifest("s", 1, func(m *stream.Manifest) { m.Tail = m.Tail[1:] }) }, "the manifest of segment 1: its tail"},
	"manifest's tail of another": {func(s *store) {
		s.setData("s", func(d *data) { d.manifests[1].Tail = d.manifests[2].Tail })
	}, "the manifest of segment 1: its tail"},
	"manifest's object": {func(s *store) {
		s.setData("s", func(d *data) { d.manifests[1].Object = d.manifests[2].Object })
	}, "which is not its own"},
	"manifest of what goes on": {func(s *store) {
		s.setData("s", func(d *data) {
			m := d.manifests[2]
			m.Segment, m.From, m.To = 3, m.To, stream.Offset{Segment: 3, Position: 10}
			d.manifests = append(d.manifests, m)
		})
	}, "there is a manifest of segment 3, but 3 segments are in objects, and 3 have ended"},
	"missing chunk":  {func(s *store) { s.setData("s", func(d *data) { d.chunks = nil }) }, "are lost: the buffer entry to 0000000000000003_0000000000000020 begins behind them"},
	"altered chunk":  {func(s *store) { s.setData("s", func(d *data) { d.chunks[0].Frames = frames("012345678") }) }, "the chunk to 0000000000000003_0000000000000010 says 1 records with 10 bytes, but has 1 with 9"},
	"torn chunk":     {func(s *store) { s.setData("s", func(d *data) { d.chunks[0].Frames = d.chunks[0].Frames[:9] }) }, "the chunk to 0000000000000003_0000000000000010: "},
	"reversed chunk": {func(s *store) { s.setData("s", func(d *data) { d.chunks[0].From = d.chunks[0].To }) }, "is empty or reversed"},
	"chunk's begin":  {func(s *store) { s.setData("s", func(d *data) { d.chunks[0].From.Position-- }) }, "but the segment before ends at"},
	"chunk of two":   {func(s *store) { s.setData("s", func(d *data) { d.chunks[0].From.Segment-- }) }, "skips a segment"},
	"chunk beyond":   {beyond, "the chunk to 0000000000000003_0000000000000030 is beyond the tail"},
	"copy in the buffer": {func(s *store) {
		s.setHead("s", func(h *stream.Head) { h.Buffer = append([]*stream.Entry{&first3}, h.Buffer...); h.BufferSize += 14 })
	}, "two copies of the records from 0000000000000003_0000000000000000 on differ: the buffer entry to"},
	"copy in a chunk": {func(s *store) {
		s.setData("s", func(d *data) {
			c := d.chunks[0]
			c.To.Position, c.Count, c.Size, c.Frames = 20, 2, 20, frames("0012xxxxX.", "0013xxxxx.")
			d.chunks = append(d.chunks, c)
		})
	}, "two copies of the records"},
	"copy of another begin": {func(s *store) {
		s.setData("s", func(d *data) {
			c := d.chunks[0]
			c.From.Position--
			c.To.Position, c.Count, c.Size, c.Frames = 20, 2, 20, frames("0012xxxxx.", "0013xxxxx.")
			d.chunks = append(d.chunks, c)
		})
	}, "which begins there too"},
	"copy of an object": {func(s *store) {
		s.leave(1, "0004xxxxx.", "0005xxxxy.")
	}, "two copies of the records from 0000000000000001_0000000000000000 on differ"},
	"copy beyond an object": {func(s *store) { s.leave(1, "0004xxxxx.", "0005xxxxx.0006xxxxx.0007xxxxx.", "0008") }, "is beyond the end of its segment"},
	"copy before an object": {func(s *store) {
		s.leave(1, "0004xxxxx.")
		s.setData("s", func(d *data) { d.chunks[0].From.Position-- })
	}, "but object stream/"},
	"head's count":        {func(s *store) { s.setHead("s", func(h *stream.Head) { h.SegmentCount++ }) }, "the head says that segment 3 has 3 records with 20 bytes, but it has 2 with 20"},
	"head's size":         {func(s *store) { s.setHead("s", func(h *stream.Head) { h.SegmentSize-- }) }, "the head says that segment 3 has 2 records with 19 bytes, but it has 2 with 20"},
	"head's tail":         {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Tail.Position++ }) }, "but the tail is"},
	"head's buffer":       {func(s *store) { s.setHead("s", func(h *stream.Head) { h.BufferSize++ }) }, "BufferSize is 15"},
	"head's empty buffer": {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Buffer, h.BufferSize = nil, 0 }) }, "the records end at 0000000000000003_0000000000000010"},
	"too many in objects": {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Compacted = 4 }) }, "4 segments are in objects, but 3 have ended"},
	"too few in objects":  {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Compacted = 2 }) }, "are lost: the chunk to"},
	"nothing in objects":  {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Compacted = 0 }) }, "there is a manifest of segment 1, but 0 segments are in objects"},
	"buffer in objects": {func(s *store) {
		s.setHead("s", func(h *stream.Head) { h.Sealed, h.Compacted = true, 4 })
	}, "the buffer has an entry to 0000000000000003_0000000000000020, but 4 segments are in objects"},
	"ended too early":   {func(s *store) { fresh(s, func(h *stream.Head) { h.Ended = true }) }, "but the first one goes on"},
	"sealed too early":  {func(s *store) { fresh(s, func(h *stream.Head) { h.Sealed = true }) }, "is sealed, and has no records"},
	"never used":        {func(s *store) { s.setHead("s", func(h *stream.Head) { h.UsedAt = h.CreatedAt.Add(-3 * time.Hour) }) }, "but created at"},
	"deadline":          {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Deadline = h.CreatedAt }) }, "the deadline is"},
	"deadline of a TTL": {func(s *store) { fresh(s, func(h *stream.Head) { h.Deadline = h.Deadline.Add(time.Second) }) }, "and the TTL is"},
	"staged in time":    {func(s *store) { s.setHead("s", func(h *stream.Head) { h.StagedAfter = -1 }) }, "must not be linked"},
	"commits":           {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Commits = 2 }) }, "commits are remembered of 2"},
	"last commit":       {func(s *store) { fresh(s, func(h *stream.Head) { h.Recent[len(h.Recent)-1].Tail.Position++ }) }, "the last commit left tail"},
	"remembered commit": {func(s *store) { s.setHead("s", func(h *stream.Head) { h.Recent[len(h.Recent)-1].Tail.Position++ }) }, "in the buffer, which has other commits"},
	"unknown commit": {func(s *store) {
		s.setHead("s", func(h *stream.Head) {
			last := *h.Buffer[len(h.Buffer)-1]
			last.Commit = 0
			h.Buffer[len(h.Buffer)-1] = &last
		})
	}, "the last entry of the buffer has no commit"},
	"burned": {func(s *store) {
		s.setHead("s", func(h *stream.Head) { h.Burned = []stream.Burned{{ID: h.Recent[0].ID}} })
	}, "both applied and burned"},
	"closed by": {func(s *store) { s.setHead("s", func(h *stream.Head) { h.ClosedBy.ID = "p" }) }, "yet closed by producer"},
	"missing staged item": {func(s *store) {
		s.put("s", texts(1, 100)...)
		link(s, func(life stream.Life, id stream.StagedID) {
			s.must(s.Retire(s.ctx(), life, nil, []stream.StagedID{id}))
		})
	}, "the buffer entry to 0000000000000003_0000000000000120: "},
	"missing staged object": {func(s *store) {
		s.put("s", texts(1, 200)...)
		link(s, func(life stream.Life, id stream.StagedID) { s.setObject(stream.StagedKey(life, id), nil) })
	}, "the buffer entry to 0000000000000003_0000000000000220: "},
	"copy of an object that the head does not know of": {func(s *store) { s.early("0008xxxxx.", "0009xxxxx.", "0010xxxxy.", "0011xxxxx.") },
		"two copies of the records from 0000000000000002_0000000000000000 on differ: the chunk to"},
	"end of an object that the head does not know of": {func(s *store) { s.early("0008xxxxx.", "0009xxxxx.", "0010xxxxx.") },
		"the manifest of segment 2 says that it ends at 0000000000000002_0000000000000040, but its chunks end at 0000000000000002_0000000000000030"},
	"link and records": {func(s *store) {
		s.setHead("s", func(h *stream.Head) { e := *h.Buffer[0]; e.Staged.Commit = 1; h.Buffer[0] = &e })
	}, "it has both records and a link"},
}

// first3 is another first entry of segment 3 than the chunk that has it.
var first3 = stream.Entry{From: stream.Offset{Segment: 2, Position: 40}, To: stream.Offset{Segment: 3, Position: 10}, Count: 1, Size: 10, Frames: frames("0012xxxxy.")}

// flip flips a bit of the object of a segment of "s".
func flip(s *store, n uint64, at func(size int) int) {
	key := s.segmentKey("s", n)
	body := s.body(key)
	body[at(len(body))] ^= 4
	s.setObject(key, body)
}

// beyond adds a chunk that begins in the buffer and ends behind the tail.
func beyond(s *store) {
	h := s.head("s")
	s.setData("s", func(d *data) {
		d.chunks = append(d.chunks, stream.Chunk{
			From: h.Tail, To: stream.Offset{Segment: 3, Position: 30}, Count: 1, Size: 10, Frames: frames("0014xxxxx."),
		})
	})
}

// leave puts a chunk of records that a segment of "s" begins with.
func (s *store) leave(n uint64, records ...string) {
	s.t.Helper()
	s.leaveOf("s", n, records...)
}

func (s *store) leaveOf(name string, n uint64, records ...string) {
	s.t.Helper()
	size := len(strings.Join(records, ""))
	var from stream.Offset
	if n > 0 {
		from = stream.Offset{Segment: n - 1, Position: 40}
	}
	to := uint64(size)
	if s.head(name).Unit() == stream.Messages {
		to = uint64(len(records))
	}
	s.must(s.PutChunk(s.ctx(), s.life(name), stream.Chunk{
		From: from, To: stream.Offset{Segment: n, Position: to},
		Count: len(records), Size: size, Frames: frames(records...),
	}))
}

// early makes "s" a stream whose head does not know yet that segment 2 is in an object. Its
// records are in a chunk.
func (s *store) early(records ...string) {
	s.t.Helper()
	s.leave(2, records...)
	s.setHead("s", func(h *stream.Head) { h.Compacted = 2 })
}

// fresh changes the head of another stream, which has a TTL and no records.
func fresh(s *store, change func(*stream.Head)) {
	s.create("fresh", stream.Config{ContentType: plain, HasTTL: true, TTL: time.Hour})
	s.setHead("fresh", change)
}

// link calls do with what the last buffer entry of "s" links.
func link(s *store, do func(stream.Life, stream.StagedID)) {
	b := s.head("s").Buffer
	do(s.life("s"), b[len(b)-1].Staged)
}

func TestDamageIsFoundAndNamed(t *testing.T) {
	for name, c := range damages {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.cold("s", plain)
			s.cold("sound", jsons)
			s.clean()
			c.do(s)
			sum := s.all()
			var damaged *fsck.DamageError
			if sum.Damaged != 1 || sum.Unchecked != 0 || len(sum.Problems) != 1 || !errors.As(sum.Problems[0], &damaged) {
				t.Fatalf("%d streams are damaged, %d not checked: %v", sum.Damaged, sum.Unchecked, sum.Problems)
			}
			if !strings.Contains(damaged.Error(), c.says) {
				t.Errorf("it says %v\nwant %q", damaged, c.says)
			}
			if n := len(damaged.Problems); n > 4 || n > 1 && strings.Contains(name, "manifest") && !strings.Contains(name, "another") {
				t.Errorf("one mistake gives many messages: %v", damaged)
			}
			_, err := s.check(damaged.Life.Name)
			if !errors.Is(err, stream.ErrDamaged) || err.Error() != damaged.Error() {
				t.Errorf("by itself: %v", err)
			}
			if _, err := s.check("sound"); err != nil {
				t.Error(err)
			}
		})
	}
}
