package protocol

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// FuzzQuery: a query that is taken says what its parameters say, each once; any other is
// refused as the client's mistake.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"", "offset=-1", "offset=now&live=sse&cursor=7", "offset=0000000000000001_0000000000000002&live=long-poll", "offset=-1&offset=now", "live=sse", "offset=%", "a;b", "offset=-1&token=x"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			if !errors.Is(err, errBadQuery) || answerTo(err).status != http.StatusBadRequest || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is refused with %v", raw, err)
			}
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil || len(values["offset"]) > 1 || len(values["live"]) > 1 || q.live != values.Get("live") || q.cursor != values.Get("cursor") {
			t.Fatalf("%q gives %+v of %v, %v", raw, q, values, err)
		}
		if q.live != "" && !slices.Contains([]string{liveSSE, liveLongPoll}, q.live) || q.live != "" && !values.Has("offset") {
			t.Errorf("%q is live: %+v", raw, q)
		}
		if values.Has("offset") {
			if want, err := stream.ParsePosition(values.Get("offset")); err != nil || q.from != want {
				t.Errorf("%q begins at %v, want %v, %v", raw, q.from, want, err)
			}
		}
	})
}

// FuzzLastEventID: an id that is taken is an offset, written as it is given out; any other is
// refused as the client's mistake.
func FuzzLastEventID(f *testing.F) {
	for _, id := range []string{"", "0000000000000001_0000000000000002", "-1", "now", "0000000000000001_", "x\ny"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		at, present, err := lastEventID(http.Header{"Last-Event-Id": {id}})
		switch {
		case err != nil:
			if !errors.Is(err, errBadHeader) || answerTo(err).status != http.StatusBadRequest || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is refused with %v", id, err)
			}
		case present != (id != "") || present && at.String() != id:
			t.Errorf("%q is %v, there: %v", id, at, present)
		}
	})
}

// FuzzAcceptEncoding: no coding is chosen that the client does not name or that it forbids,
// and neither case nor blanks matter.
func FuzzAcceptEncoding(f *testing.F) {
	for _, field := range []string{"", "gzip", "gzip, zstd", "*", "gzip;q=0", "zstd;q=0.5,gzip;q=0.7", "identity;q=1, gzip;q=0.2", "gzip;q=nan", "gzip; Q = 1", "*;q=0, gzip", "gzip;q=1e-1"} {
		f.Add(field)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got := accepted([]string{field})
		if again := accepted([]string{strings.ReplaceAll(field, ",", " , ")}); again != got {
			t.Errorf("%q gives %q, and with blanks %q", field, got, again)
		}
		lower := strings.ToLower(field)
		switch got {
		case identity:
		case gzipCoding, zstdCoding:
			if !strings.Contains(lower, string(got)) && !strings.Contains(lower, "*") {
				t.Errorf("%q gives %q, which it does not name", field, got)
			}
			// A later element has the last word.
			if forbidden := accepted([]string{field, string(got) + ";q=0"}); forbidden == got {
				t.Errorf("%q gives %q, although it is forbidden", field, got)
			}
		default:
			t.Errorf("%q gives %q", field, got)
		}
	})
}

// FuzzIfNoneMatch: a tag is found in the lists that have it, and only there.
func FuzzIfNoneMatch(f *testing.F) {
	for _, list := range []string{"", "*", `"a"`, `W/"a", "b"`, `"a","b"`, `"a`, `a, "b"`, `"a" W/`, ",,", `"a*"`} {
		f.Add(list, "b")
	}
	f.Fuzz(func(t *testing.T, list, opaque string) {
		if strings.Contains(opaque, `"`) {
			return
		}
		tag := `"` + opaque + `"`
		found := listsTag([]string{list}, tag)
		if found && !strings.Contains(list, tag) && !strings.Contains(list, "*") {
			t.Errorf("%q is said to list %q", list, tag)
		}
		for _, with := range []string{tag + ", " + list, "W/" + tag + "," + list, ` ,"other", ` + tag} {
			if !listsTag([]string{with}, tag) {
				t.Errorf("%q is said not to list %q", with, tag)
			}
		}
		if both := listsTag([]string{list, tag}, tag); !both {
			t.Errorf("%q and then the tag: not found", list)
		}
	})
}

// FuzzForkHeaders: where a fork begins is what its headers say, and written again it is the
// same; any other is refused as the client's mistake.
func FuzzForkHeaders(f *testing.F) {
	f.Add("/v1/stream/a", "0000000000000001_0000000000000002", "3", true, true)
	f.Add("/v1/stream/a%2Fb", "", "", false, false)
	f.Add("/v1/stream/", "-1", "007", true, true)
	f.Add("http://h/v1/stream/a", "now", "-0", true, false)
	f.Add("", "0000000000000000_0000000000000000", "18446744073709551616", true, true)
	f.Fuzz(func(t *testing.T, source, at, sub string, hasAt, hasSub bool) {
		h := http.Header{headerForkedFrom: {source}}
		if hasAt {
			h[headerForkAt] = []string{at}
		}
		if hasSub {
			h[headerForkSub] = []string{sub}
		}
		got, err := fork(h)
		if err != nil {
			if status := answerTo(err).status; status != http.StatusBadRequest && status != http.StatusNotFound {
				t.Errorf("%v is refused with %d: %v", h, status, err)
			}
			return
		}
		if !strings.HasPrefix(source, pathPrefix) || got.HasAt != hasAt || got.Sub > 0 && !hasAt || hasAt && got.At.String() != at {
			t.Fatalf("%v gives %+v", h, got)
		}
		again := http.Header{headerForkedFrom: {pathPrefix + (&url.URL{Path: got.Source}).EscapedPath()}, headerForkAt: h[headerForkAt], headerForkSub: h[headerForkSub]}
		if !hasAt {
			delete(again, headerForkAt)
		}
		if !hasSub {
			delete(again, headerForkSub)
		}
		if same, err := fork(again); err != nil || *same != *got {
			t.Errorf("%v gives %+v, and written again %+v, %v", h, got, same, err)
		}
	})
}

// FuzzNamesForLogs: whatever a client calls its request or its trace, what comes into a log
// line cannot be taken for another field or another line.
func FuzzNamesForLogs(f *testing.F) {
	for _, s := range []string{"", "a-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "a\nb", "a b", "é", `"`, strings.Repeat("x", 300)} {
		f.Add(s)
	}
	k := newKit(f)
	f.Fuzz(func(t *testing.T, given string) {
		h := http.Header{headerRequestID: {given}, "Traceparent": {given}, "X-Amzn-Trace-Id": {given}}
		texts := []string{k.requestID(&http.Request{Header: h})}
		for _, attr := range appendTraces(nil, h) {
			texts = append(texts, attr.Value.String())
		}
		for _, text := range texts {
			if text == "" || len(text) > maxTrace {
				t.Errorf("%q gives a name of %d bytes", given, len(text))
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }); i >= 0 {
				t.Errorf("%q gives the name %q", given, text)
			}
		}
	})
}
