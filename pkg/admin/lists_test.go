package admin_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestStreams(t *testing.T) {
	k := newKit(t, nil)
	wantAnswer(t, "none", k.get(t, "/v1/admin/streams"), 200, `{"streams":[]}`+"\n")
	k.create(t, "a", stream.Config{ContentType: "application/json"}, `1`, `2`, `3`, `4`, `5`)
	k.now = noon.Add(1500 * time.Millisecond)
	k.create(t, "ü/x", stream.Config{ContentType: "text/plain; charset=utf-8", TTL: time.Hour, HasTTL: true}, "hello")
	r := k.get(t, "/v1/admin/streams")
	wantAnswer(t, "two", r, 200, `{"streams":[`+
		`{"name":"a","incarnation":"01010101010101010101010101010101","contentType":"application/json","createdAt":"2026-01-02T12:00:00.000Z","usedAt":"2026-01-02T12:00:00.000Z",`+
		`"tail":"0000000000000002_0000000000000001","closed":false,"segments":{"inObjects":2,"others":1},"compactionOwed":false,"bufferedBytes":0},`+
		`{"name":"ü/x","incarnation":"02020202020202020202020202020202","contentType":"text/plain; charset=utf-8","createdAt":"2026-01-02T12:00:01.500Z","usedAt":"2026-01-02T12:00:01.500Z",`+
		`"tail":"0000000000000000_0000000000000005","closed":false,"ttlSeconds":3600,"expiresAt":"2026-01-02T13:01:01.500Z","segments":{"inObjects":0,"others":1},"compactionOwed":false,"bufferedBytes":9}`+
		`]}`+"\n")
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
}

func TestSegments(t *testing.T) {
	k := newKit(t, nil)
	wantAnswer(t, "none", k.get(t, "/v1/admin/segments"), 200, `{"segments":[]}`+"\n")
	k.create(t, "a", stream.Config{ContentType: "application/json"}, `1`, `2`, `3`, `4`, `5`)
	segments := list(t, k.get(t, "/v1/admin/segments")).Segments
	if len(segments) != 2 {
		t.Fatalf("got %d segments", len(segments))
	}
	// The size and checksum are the segment format's business.
	size, sum := segments[1]["bytes"].(float64), segments[1]["crc32c"].(string)
	if size < 2 || len(sum) != 8 {
		t.Errorf("segment of %v bytes, CRC %q", size, sum)
	}
	next := base64.RawURLEncoding.EncodeToString([]byte(`{"list":"segments","name":"a","incarnation":"01010101010101010101010101010101"}`))
	wantAnswer(t, "second", k.get(t, "/v1/admin/segments?limit=1&cursor="+next), 200, fmt.Sprintf(`{"segments":[`+
		`{"stream":"a","incarnation":"01010101010101010101010101010101","segment":1,"from":"0000000000000000_0000000000000002","to":"0000000000000001_0000000000000002",`+
		`"messages":2,"bytes":%v,"object":"stream/YQ/01010101010101010101010101010101/segment-0000000000000001.1","crc32c":"%s"}],"next":"%s"}`+"\n",
		size, sum, base64.RawURLEncoding.EncodeToString([]byte(`{"list":"segments","name":"a","incarnation":"01010101010101010101010101010101","segment":1}`))))
}

// answered is a decoded list.
type answered struct {
	Streams  []map[string]any
	Segments []map[string]any
	Next     string
}

func list(t *testing.T, r *http.Response) answered {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", r.Status, body, err)
	}
	var a answered
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// Cursors lead through a whole list, whatever the size of its parts.
func TestPages(t *testing.T) {
	k := newKit(t, nil)
	var wantStreams, wantSegments []string
	for i := range 7 {
		name := fmt.Sprintf("p/%d", i)
		k.create(t, name, stream.Config{ContentType: "text/plain"}, "1", "2", "3", "4", "5")
		wantStreams = append(wantStreams, name)
		wantSegments = append(wantSegments, name+" 0", name+" 1")
	}
	k.create(t, "q", stream.Config{ContentType: "text/plain"}, "1", "2", "3")
	for _, limit := range []int{1, 2, 3, 7, 14, 1000} {
		var streams, segments []string
		walk(t, k, "streams", limit, func(a answered) {
			for _, s := range a.Streams {
				streams = append(streams, s["name"].(string))
			}
		})
		walk(t, k, "segments", limit, func(a answered) {
			for _, s := range a.Segments {
				segments = append(segments, fmt.Sprint(s["stream"], " ", s["segment"]))
			}
		})
		if fmt.Sprint(streams) != fmt.Sprint(wantStreams) || fmt.Sprint(segments) != fmt.Sprint(wantSegments) {
			t.Errorf("limit %d: got %v and %v", limit, streams, segments)
		}
	}
	if n := len(list(t, k.get(t, "/v1/admin/segments?prefix=p")).Segments); n != 14 {
		t.Errorf("without a limit there are %d segments", n)
	}
}

// walk reads a list of names that begin with "p/" to its end.
func walk(t *testing.T, k *kit, kind string, limit int, part func(answered)) {
	t.Helper()
	cursor := ""
	for range 100 {
		a := list(t, k.get(t, fmt.Sprintf("/v1/admin/%s?prefix=p%%2F&limit=%d%s", kind, limit, cursor)))
		if len(a.Streams)+len(a.Segments) > limit {
			t.Errorf("%s: more than %d", kind, limit)
		}
		part(a)
		if a.Next == "" {
			return
		}
		cursor = "&cursor=" + a.Next
	}
	t.Fatalf("the list of %s, %d at a time, has no end", kind, limit)
}

func TestBadQueries(t *testing.T) {
	k := newKit(t, nil)
	k.create(t, "a", stream.Config{ContentType: "text/plain"}, "1", "2", "3")
	k.create(t, "b", stream.Config{ContentType: "text/plain"})
	streams := list(t, k.get(t, "/v1/admin/streams?limit=1")).Next
	segments := list(t, k.get(t, "/v1/admin/segments?limit=1")).Next
	if streams == "" || segments == "" {
		t.Fatalf("cursors are %q and %q", streams, segments)
	}
	encode := func(s string) string { return "cursor=" + base64.RawURLEncoding.EncodeToString([]byte(s)) }
	const limit, cursor = "limit must be a number from 1 to 1000", "cursor is not one of this list: send next of the answer before, or leave it out to begin"
	for query, want := range map[string]string{
		"limit=0": limit, "limit=1001": limit, "limit=": limit, "limit=-1": limit, "limit=1e2": limit, "limit=x": limit,
		"limit=1&limit=1":                    "a parameter is given several times: send it once",
		"Limit=1":                            "there is an unknown parameter: use prefix, cursor and limit only",
		"after=a":                            "there is an unknown parameter: use prefix, cursor and limit only",
		"%zz":                                "the query is not encoded correctly",
		"prefix=%ff":                         "prefix must be UTF-8 of at most 700 bytes: no stream's name is longer",
		"prefix=" + strings.Repeat("x", 701): "prefix must be UTF-8 of at most 700 bytes: no stream's name is longer",
		"cursor=":                            "cursor is empty: send next of the answer before, or leave it out to begin",
		"cursor=a":                           cursor,
		"cursor=" + url.QueryEscape("a+/"):   cursor,
		encode(`{}`):                         cursor, encode(`null`): cursor,
		encode(`{"list":"streams","name":""}`):                                                                 cursor,
		encode(`{"list":"others","name":"a"}`):                                                                 cursor,
		encode(`{"list":"streams","name":"a","more":1}`):                                                       cursor,
		encode(`{"list":"streams","name":"a"} `):                                                               cursor,
		encode(`{"list":"streams","name":"a"}{}`):                                                              cursor,
		encode(`{"list":"streams","name":"a","segment":1}`):                                                    cursor,
		encode(`{"name":"a","list":"streams"}`):                                                                cursor,
		encode(`{"list":"streams","name":"` + strings.Repeat("x", 701) + `"}`):                                 cursor,
		encode(`{"list":"segments","name":"a","incarnation":"01"}`):                                            cursor,
		encode(`{"list":"segments","name":"a"}`):                                                               cursor,
		encode(`{"list":"segments","name":"a","incarnation":"` + strings.Repeat("AB", 16) + `"}`):              cursor,
		encode(`{"list":"segments","name":"a","incarnation":"` + strings.Repeat("ab", 16) + `","segment":-1}`): cursor,
	} {
		for _, kind := range []string{"streams", "segments"} {
			wantAnswer(t, kind+" "+query, k.get(t, "/v1/admin/"+kind+"?"+query), 400, `{"error":"`+want+`"}`+"\n")
		}
	}
	wantAnswer(t, "other list", k.get(t, "/v1/admin/segments?cursor="+streams), 400, `{"error":"`+cursor+`"}`+"\n")
	wantAnswer(t, "other list", k.get(t, "/v1/admin/streams?cursor="+segments), 400, `{"error":"`+cursor+`"}`+"\n")
	wantAnswer(t, "padded", k.get(t, "/v1/admin/streams?cursor="+streams+"%3D"), 400, `{"error":"`+cursor+`"}`+"\n")
}
