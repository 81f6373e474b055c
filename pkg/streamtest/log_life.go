package streamtest

import (
	"errors"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func logLifecycle(r *rig) {
	ctx := r.Context()
	r.gone("s")
	if err := r.Delete(ctx, "s"); !errors.Is(err, stream.ErrNotFound) {
		r.Errorf("Delete of nothing: %v", err)
	}
	r.create("s", "text/plain")
	if text, p := r.text("s", stream.Start()); text != "" || p.Closed() || p.Next != (stream.Offset{}) {
		r.Errorf("a new stream: %q, %+v", text, p)
	}
	var want string
	for _, word := range strings.Fields("some words to be read back, ünïcode too ✓") {
		r.append("s", plain(word))
		want += word
	}
	r.fails("s", &stream.Append{ContentType: "text/html", Records: records("x")}, stream.ErrContentType)
	if text, _ := r.text("s", stream.Start()); text != want {
		r.Errorf("read %q, want %q", text, want)
	}
	p, err := r.Read(ctx, "s", stream.Now())
	must(r.T, err)
	if p.Count != 0 || !p.UpToDate() {
		r.Errorf("a read from now: %+v", p)
	}
	must(r.T, r.Delete(ctx, "s"))
	r.gone("s")
	if err := r.Delete(ctx, "s"); !errors.Is(err, stream.ErrNotFound) {
		r.Errorf("second Delete: %v", err)
	}
}

func logCreateAgain(r *rig) {
	ctx := r.Context()
	expires := r.clock.Now().Add(time.Hour + 123456*time.Microsecond)
	configs := map[string]stream.Config{
		"plain":   {ContentType: "text/plain"},
		"sliding": {ContentType: "text/plain", TTL: time.Hour, HasTTL: true},
		"expires": {ContentType: "text/plain", ExpiresAt: expires},
	}
	for name, config := range configs {
		first, created, err := r.Create(ctx, name, &stream.Create{Config: config})
		if err != nil || !created {
			r.Fatalf("%s: new: %v, %v", name, created, err)
		}
		again, created, err := r.Create(ctx, name, &stream.Create{Config: config})
		if err != nil || created || again.Incarnation != first.Incarnation {
			r.Errorf("%s again: new: %v, %v", name, created, err)
		}
		same := config
		same.ContentType = "Text/Plain; charset=utf-8"
		if _, created, err := r.Create(ctx, name, &stream.Create{Config: same}); err != nil || created {
			r.Errorf("%s with parameters: new: %v, %v", name, created, err)
		}
		for other, config := range configs {
			if _, _, err := r.Create(ctx, name, &stream.Create{Config: config}); (err != nil) != (other != name) {
				r.Errorf("%s as %s: %v", name, other, err)
			}
		}
		for _, c := range []*stream.Create{{Config: config, Closed: true}, {Config: stream.Config{ContentType: "text/html"}}} {
			if _, _, err := r.Create(ctx, name, c); !errors.Is(err, stream.ErrConfigMismatch) {
				r.Errorf("%s as %+v: %v", name, c, err)
			}
		}
	}
	// The state of closure counts as it is now.
	r.append("plain", &stream.Append{Close: true})
	if _, created, err := r.Create(ctx, "plain", &stream.Create{Config: configs["plain"], Closed: true}); err != nil || created {
		r.Errorf("closed again: new: %v, %v", created, err)
	}
	if _, _, err := r.Create(ctx, "plain", &stream.Create{Config: configs["plain"]}); !errors.Is(err, stream.ErrConfigMismatch) {
		r.Errorf("open, though it is closed: %v", err)
	}
}

func logCreateWithContent(r *rig) {
	for _, contentType := range []string{"text/plain", "application/json"} {
		for _, size := range []int{1, 30, 200} {
			name := contentType + "/" + strings.Repeat("x", size)
			h := &History{}
			w := h.Begin("creator", 0, 3, size)
			head, created, err := r.Create(r.Context(), name, &stream.Create{
				Config: stream.Config{ContentType: contentType}, Records: w.Records(), Closed: size == 30})
			if err != nil || !created {
				r.Fatalf("Create: new: %v, %v", created, err)
			}
			h.Acknowledge(w, stream.Appended{Tail: head.Tail}, head.Unit())
			if size != 30 {
				for n := range 5 {
					_, err := h.Append(r.Context(), r.Log, name, h.Begin("w", n, 1, size), &stream.Append{ContentType: contentType})
					must(r.T, err)
				}
			}
			h.Check(r.T, r.Log, r.driver, r.objects, name)
		}
	}
}

// logNewLife: nothing of a stream's earlier life shows in the next one.
func logNewLife(r *rig) {
	ctx := r.Context()
	for life := range 4 {
		r.create("s", "text/plain")
		var want string
		for n := range uint64(8) {
			word := strings.Repeat(string(rune('a'+life)), 5+life)
			a := produced("p", 0, n, word)
			a.Seq = string(rune('0' + n))
			if got := r.append("s", a); got.Duplicate {
				r.Fatal("a producer of an earlier life is remembered")
			}
			want += word
		}
		if life%2 == 1 {
			r.append("s", &stream.Append{Close: true})
		}
		if text, _ := r.text("s", stream.Start()); text != want {
			r.Fatalf("life %d: %q, want %q", life, text, want)
		}
		_, err := inspect(ctx, r.driver, r.objects, "s")
		must(r.T, err)
		must(r.T, r.Delete(ctx, "s"))
		r.gone("s")
		if life == 2 {
			_, err := r.Log.Collect(ctx, 10)
			must(r.T, err)
		}
	}
}

func logClose(r *rig) {
	r.create("s", "text/plain")
	r.append("s", plain("text"))
	tail := r.append("s", &stream.Append{Records: records("end"), ContentType: "text/plain", Close: true}).Tail
	r.closedAt("s", plain("more"), tail)
	r.closedAt("s", produced("p", 0, 0, "more"), tail)
	r.closedAt("s", &stream.Append{ContentType: "text/html", Records: records("x")}, tail)
	r.closedAt("s", &stream.Append{ContentType: "text/plain", Records: records("x"), Close: true}, tail)
	if got := r.append("s", &stream.Append{Close: true}); !got.Closed || got.Tail != tail || !got.Duplicate {
		r.Errorf("closing again: %+v", got)
	}
	text, p := r.text("s", stream.Start())
	if text != "textend" || !p.Closed() || p.Next != tail {
		r.Errorf("the closed stream: %q, %+v", text, p)
	}

	// A producer's close can be repeated, by that producer only.
	r.create("by producer", "text/plain")
	r.append("by producer", produced("p", 1, 0, "one"))
	last := produced("p", 1, 1, "two")
	last.Close = true
	tail = r.append("by producer", last).Tail
	if got := r.append("by producer", last); !got.Duplicate || !got.Closed || got.Tail != tail || got.Producer != last.Producer.Producer {
		r.Errorf("the producer closes again: %+v", got)
	}
	r.closedAt("by producer", produced("p", 1, 0, "one"), tail)
	r.closedAt("by producer", produced("p", 1, 2, "three"), tail)
	r.closedAt("by producer", produced("q", 0, 0, "x"), tail)
}

func logStreamSeq(r *rig) {
	r.create("s", "text/plain")
	seq := func(s, text string) *stream.Append { a := plain(text); a.Seq = s; return a }
	r.append("s", seq("10", "a"))
	r.fails("s", seq("10", "x"), stream.ErrSeqRegression)
	r.fails("s", seq("1", "x"), stream.ErrSeqRegression)
	r.append("s", plain("no seq"))
	r.append("s", seq("2", "b")) // bytewise "2" is above "10"
	r.fails("s", seq("100", "x"), stream.ErrSeqRegression)
	// A duplicate is recognised before its Stream-Seq is looked at.
	a := produced("p", 0, 0, "c")
	a.Seq = "3"
	r.append("s", a)
	if got := r.append("s", a); !got.Duplicate {
		r.Errorf("repeated: %+v", got)
	}
	if text, _ := r.text("s", stream.Start()); text != "ano seqbc" {
		r.Errorf("the stream is %q", text)
	}
}
