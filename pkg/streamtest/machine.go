package streamtest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"pgregory.net/rapid"
)

var modelTypes = []string{"text/plain", "application/json", "Text/Plain; charset=utf-8", "application/JSON;x=y", "application/octet-stream"}

func (m *machine) create(rt *rapid.T) {
	s, log := m.pick(rt)
	asked := &model{contentType: rapid.SampledFrom(modelTypes).Draw(rt, "type"), closed: rapid.IntRange(0, 5).Draw(rt, "closed") == 0}
	switch rapid.IntRange(0, 3).Draw(rt, "expiry") {
	case 1:
		asked.hasTTL, asked.ttl = true, rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour}).Draw(rt, "TTL")
	case 2:
		asked.expires = NewClock().Now().Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(rt, "lifetime"))
	}
	asked.messages = m.words(rt, 0, 2)
	h, created, err := log.Create(m.Context, s.name, &stream.Create{
		Config:  stream.Config{ContentType: asked.contentType, TTL: asked.ttl, HasTTL: asked.hasTTL, ExpiresAt: asked.expires},
		Records: records(asked.messages...), Closed: asked.closed,
	})
	want := s.create(m.clock.Now(), asked)
	got := "exists"
	switch {
	case errors.Is(err, stream.ErrConfigMismatch):
		got = "mismatch"
	case err != nil:
		got = err.Error()
	case created:
		got = "created"
		s.places, s.offsets = make(map[stream.Offset]int), nil
	}
	compare(rt, "create", got, want)
	if err == nil {
		s.mark(rt, h.Tail, s.length())
	}
}

// send sends a request to the log and to the model.
func (m *machine) send(rt *rapid.T, s *modelled, log *stream.Log, r modelRequest) {
	a := &stream.Append{ContentType: r.contentType, Records: records(r.messages...), Seq: r.seq, Close: r.close}
	if r.producer != "" {
		a.Producer = tag(r.producer, r.state.epoch, r.state.seq)
		s.last = r
	}
	want := s.append(m.clock.Now(), r)
	got, err := log.Append(m.Context, s.name, a)
	compare(rt, "append", outcomeOf(s, got, err), want)
	if err != nil {
		return
	}
	s.mark(rt, got.Tail, s.length())
	if got.Closed != s.closed {
		rt.Fatalf("append: closed %v, the model says %v", got.Closed, s.closed)
	}
	if r.producer != "" && want == "accepted" && got.Producer != a.Producer.Producer {
		rt.Fatalf("append: producer %+v after %+v", got.Producer, a.Producer)
	}
	if got.FlushDue() && rapid.Bool().Draw(rt, "flush") {
		if err := log.Flush(m.Context, s.name, got); err != nil {
			rt.Fatal(err)
		}
	}
}

// outcomeOf puts an answer into the model's words.
func outcomeOf(s *modelled, r stream.Appended, err error) string {
	var closed *stream.ClosedError
	var fenced *stream.FencedError
	var gap *stream.GapError
	switch {
	case err == nil && r.Duplicate && !r.Closed && r.Producer != (stream.Producer{}):
		return fmt.Sprintf("duplicate, highest is %d", r.Producer.Seq)
	case err == nil && r.Duplicate && !r.Closed:
		return "duplicate, highest is 0"
	case err == nil && r.Duplicate:
		return "duplicate"
	case err == nil:
		return "accepted"
	case errors.As(err, &closed):
		if place, known := s.places[closed.Tail]; known {
			return fmt.Sprintf("closed at %d", place)
		}
		return fmt.Sprintf("closed at the unknown offset %v", closed.Tail)
	case errors.As(err, &fenced):
		return fmt.Sprintf("fenced by %d", fenced.Epoch)
	case errors.As(err, &gap):
		return fmt.Sprintf("gap: %d instead of %d", gap.Received, gap.Expected)
	}
	for outcome, target := range map[string]error{
		"not found": stream.ErrNotFound, "content type": stream.ErrContentType, "sequence": stream.ErrSeqRegression, "epoch start": stream.ErrEpochStart,
	} {
		if errors.Is(err, target) {
			return outcome
		}
	}
	return err.Error()
}

// contentTypeFor draws a stream's own content type most of the time.
func contentTypeFor(rt *rapid.T, s *modelled) string {
	if s.contentType == "" || rapid.IntRange(0, 9).Draw(rt, "other type") == 0 {
		return rapid.SampledFrom(modelTypes).Draw(rt, "type")
	}
	return s.contentType
}

func (m *machine) append(rt *rapid.T) {
	s, log := m.pick(rt)
	r := modelRequest{contentType: contentTypeFor(rt, s), messages: m.words(rt, 1, 4)}
	if rapid.IntRange(0, 4).Draw(rt, "with seq") == 0 {
		r.seq = rapid.StringMatching(`[0-3]{1,2}`).Draw(rt, "seq")
	}
	r.close = rapid.IntRange(0, 19).Draw(rt, "closes") == 0
	m.send(rt, s, log, r)
}

// producer sends what a producer should send next, or something near it.
func (m *machine) producer(rt *rapid.T) {
	s, log := m.pick(rt)
	r := modelRequest{contentType: contentTypeFor(rt, s), messages: m.words(rt, 1, 3)}
	r.producer = rapid.SampledFrom([]string{"p", "q", "r", "s", "t", "u"}).Draw(rt, "id")
	state, known := s.producers[r.producer]
	switch near := rapid.IntRange(0, 11).Draw(rt, "near"); {
	case near == 0 && state.epoch > 0:
		r.state = modelProducer{state.epoch - 1, state.seq + 1}
	case near == 1:
		r.state = modelProducer{epoch: state.epoch + 2}
	case near == 2:
		r.state = modelProducer{state.epoch + 1, 1}
	case near == 3:
		r.state = modelProducer{state.epoch, state.seq + 2}
	case near == 4 && state.seq > 0:
		r.state = modelProducer{state.epoch, state.seq - 1}
	case known:
		r.state = modelProducer{state.epoch, state.seq + 1}
	}
	if rapid.IntRange(0, 9).Draw(rt, "with seq") == 0 {
		r.seq = rapid.StringMatching(`[0-3]{1,2}`).Draw(rt, "seq")
	}
	r.close = rapid.IntRange(0, 19).Draw(rt, "closes") == 0
	if r.close && rapid.Bool().Draw(rt, "only") {
		r.messages = nil
	}
	m.send(rt, s, log, r)
}

// repeat sends a producer's last request again.
func (m *machine) repeat(rt *rapid.T) {
	s, log := m.pick(rt)
	if s.last.producer == "" {
		rt.Skip("nothing to repeat")
	}
	m.send(rt, s, log, s.last)
}

func (m *machine) close(rt *rapid.T) {
	if rapid.IntRange(0, 2).Draw(rt, "really") > 0 {
		rt.Skip("closed streams are dull")
	}
	s, log := m.pick(rt)
	m.send(rt, s, log, modelRequest{close: true, contentType: rapid.SampledFrom(modelTypes).Draw(rt, "type")})
}

func (m *machine) delete(rt *rapid.T) {
	s, log := m.pick(rt)
	err := log.Delete(m.Context, s.name)
	if s.exists && err != nil || !s.exists && !errors.Is(err, stream.ErrNotFound) {
		rt.Fatalf("delete: %v, the model says that it exists: %v", err, s.exists)
	}
	s.forget()
}

// readOn reads from a place to the tail, page by page.
func (m *machine) readOn(rt *rapid.T, s *modelled, log *stream.Log, from stream.Position, place int) {
	for {
		p, err := log.Read(m.Context, s.name, from)
		if !s.exists {
			if !errors.Is(err, stream.ErrNotFound) {
				rt.Fatalf("read of nothing: %v", err)
			}
			return
		}
		if err == nil {
			err = checkPage(p)
		}
		if err != nil {
			rt.Fatalf("read at %d: %v", place, err)
		}
		s.use(m.clock.Now(), true)
		if text, want := pageText(p), s.from(place); !strings.HasPrefix(want, text) {
			rt.Fatalf("read at %d: %q, want %q", place, text, want)
		}
		s.mark(rt, p.From, place)
		if s.json() {
			place += p.Count
		} else {
			place += p.Size
		}
		s.mark(rt, p.Next, place)
		if p.UpToDate() != (place == s.length()) || p.Closed() != (s.closed && p.UpToDate()) {
			rt.Fatalf("read at %d of %d: up to date %v, closed %v", place, s.length(), p.UpToDate(), p.Closed())
		}
		if p.UpToDate() {
			return
		}
		from = stream.At(p.Next)
	}
}

func (m *machine) read(rt *rapid.T) {
	s, log := m.pick(rt)
	m.readOn(rt, s, log, stream.Start(), 0)
}

func (m *machine) readAt(rt *rapid.T) {
	s, log := m.pick(rt)
	if len(s.offsets) == 0 {
		rt.Skip("no offset yet")
	}
	o := rapid.SampledFrom(s.offsets).Draw(rt, "offset")
	m.readOn(rt, s, log, stream.At(o), s.places[o])
	if s.exists {
		m.readOn(rt, s, log, stream.Now(), s.length())
	}
}

func (m *machine) readBeyond(rt *rapid.T) {
	s, log := m.pick(rt)
	if !s.exists {
		rt.Skip("no stream")
	}
	for o, place := range s.places {
		if place == s.length() {
			o.Position++
			if p, err := log.Read(m.Context, s.name, stream.At(o)); !errors.Is(err, stream.ErrBadOffset) {
				rt.Fatalf("read at %v, beyond the tail: %+v, %v", o, p, err)
			}
			s.use(m.clock.Now(), false)
			return
		}
	}
}
