package protocol

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// gate is an [Access] for tests: the Authorization header is the list of what its sender
// may do, such as "read=s create=f", and streams are stored behind a prefix.
type gate struct {
	prefix string
	ends   time.Time
}

func (g gate) Grant(r *http.Request) (Grant, error) {
	rights, present := r.Header["Authorization"]
	if !present {
		return nil, ErrNoToken
	}
	return gateGrant{g, strings.Fields(rights[0]), r.URL.Query().Get("reader-key")}, nil
}

type gateGrant struct {
	gate
	rights []string
	key    string
}

func (g gateGrant) Allows(right Right, name string) bool {
	return slices.Contains(g.rights, string(right)+"="+name)
}
func (g gateGrant) Stored(name string) string    { return g.prefix + name }
func (g gateGrant) Shared(name string) bool      { return g.key == g.ReaderKey(name) }
func (g gateGrant) ReaderKey(name string) string { return "key-of-" + name }
func (g gateGrant) Ends() time.Time              { return g.ends }

func gated(g gate) func(*setup) { return func(s *setup) { s.Access = g } }

// may is a step that somebody sends who has some rights.
func may(rights string, s step) step {
	with := header{"Authorization": rights}
	for k, v := range s.with {
		with[k] = v
	}
	s.with = with
	return s
}

// Without credentials nothing is answered but preflights, whatever is asked for; and
// what is asked for is not looked at.
func TestNobodyIsGrantedAnything(t *testing.T) {
	k := newKit(t, gated(gate{}))
	for _, do := range []string{
		"GET /v1/stream/s", "HEAD /v1/stream/s", "PUT /v1/stream/s", "POST /v1/stream/s", "DELETE /v1/stream/s", "PATCH /v1/stream/s",
		"GET /v1/stream/s?offset=nonsense", "GET /v1/stream//", "GET /v1/stream/__ds/x", "GET /v1/stream/s?offset=-1&live=sse",
	} {
		k.run(t, step{do: do, status: 401, want: header{"WWW-Authenticate": "~^Bearer realm="}})
	}
	k.run(t, step{do: "OPTIONS /v1/stream/s", status: 204})
	k.run(t, step{do: "GET /elsewhere", status: 404})
}

// Every kind of request needs exactly one right on the stream that it names, and a fork
// one on its source besides.
func TestRightsOfRequests(t *testing.T) {
	all := []Right{RightCreate, RightAppend, RightRead, RightDelete}
	for _, c := range []struct {
		right Right
		step  step
	}{
		{RightRead, step{do: "GET /v1/stream/s", status: 200, text: "x"}},
		{RightRead, step{do: "HEAD /v1/stream/s", status: 200}},
		{RightRead, step{do: "GET /v1/stream/s?offset=-1&live=long-poll", status: 200, text: "x"}},
		{RightCreate, createText},
		{RightAppend, appendText("y")},
		{RightAppend, closeIt},
		{RightDelete, deleteIt},
	} {
		for _, has := range all {
			k := newKit(t, gated(gate{}))
			k.run(t, may("create=s", step{do: createText.do, with: header{"Content-Type": "text/plain"}, body: "x", status: 201}))
			s := c.step
			if s.do == createText.do {
				s.status = 200 // it is there
			}
			if has != c.right {
				s.status, s.text = 403, ""
				s.want = header{"WWW-Authenticate": `~error="insufficient_scope"$`}
				if method, _, _ := strings.Cut(s.do, " "); method != http.MethodHead {
					s.text = "the token does not allow to " + string(c.right) + " this stream, if there is one\n"
				}
			}
			k.run(t, may(string(has)+"=s", s))
			// Another stream is another matter, and the answer is the same for one that
			// is not there.
			s.status, s.text, s.want = 403, "", nil
			k.run(t, may(string(c.right)+"=other", s))
			s.do = strings.Replace(s.do, "stream/s", "stream/absent", 1)
			k.run(t, may(string(c.right)+"=other", s))
		}
	}
}

func TestForksNeedTheirSource(t *testing.T) {
	k := newKit(t, gated(gate{}))
	k.run(t, may("create=s", createText))
	fork := step{do: "PUT /v1/stream/f", with: header{"Stream-Forked-From": "/v1/stream/s"}}
	refused := fork
	refused.status, refused.text = 403, "the token does not allow to read the stream at Stream-Forked-From, if there is one\n"
	k.run(t, may("create=f", refused))
	k.run(t, may("create=f create=s append=s delete=s", refused))
	refused.with = header{"Stream-Forked-From": "/v1/stream/absent"}
	k.run(t, may("create=f", refused))
	refused.with = fork.with
	refused.text = ""
	k.run(t, may("read=s read=f", refused))
	fork.status = 201
	k.run(t, may("create=f read=s", fork))
}

// Where streams are stored is nothing that a client sees, and neither are those of
// others.
func TestStoredNames(t *testing.T) {
	k := newKit(t, gated(gate{prefix: "tenant/"}))
	rights := "create=s read=s append=s create=f read=f"
	created := createText
	created.want = header{"Location": "http://example.com/v1/stream/s"}
	k.run(t, may(rights, created))
	k.run(t, may(rights, appendText("x")))
	k.run(t, may(rights, step{do: "PUT /v1/stream/f", with: header{"Stream-Forked-From": "/v1/stream/s"}, status: 201}))
	k.run(t, may(rights, step{do: "GET /v1/stream/f", status: 200, text: "x"}))
	names, _, err := k.log.Streams(t.Context(), "", "", 10)
	if err != nil || len(names) != 2 || names[0].Name != "tenant/f" || names[1].Name != "tenant/s" {
		t.Errorf("stored are %v, %v", names, err)
	}
	other := newKit(t, gated(gate{prefix: "other/"}))
	other.run(t, may(rights, step{do: "GET /v1/stream/s", status: 404}))

	// With the prefix the name must still fit.
	long := strings.Repeat("n", maxName-len("tenant/"))
	k.run(t, may("create="+long, step{do: "PUT /v1/stream/" + long, status: 201}))
	long += "n"
	k.run(t, may("create="+long, step{do: "PUT /v1/stream/" + long, status: 400, text: "the stream id has 694 bytes; at most 693 are allowed\n"}))
}

// What needs authorization is for one client's cache, unless the URL is one that only
// readers know.
func TestPrivate(t *testing.T) {
	const rights = "create=s append=s read=s"
	runScenarios(t, []scenario{{"private", []step{
		may(rights, createText),
		may(rights, step{do: "GET /v1/stream/s", status: 200, want: header{"Cache-Control": "private, no-cache"}}),
		may(rights, step{do: "HEAD /v1/stream/s", status: 200, want: header{"Cache-Control": "no-store", "Stream-Reader-Key": "key-of-s"}}),
		may(rights, step{do: "GET /v1/stream/s?reader-key=key-of-s", status: 200, want: header{"Cache-Control": "public, no-cache"}}),
		may(rights, step{do: "GET /v1/stream/s?reader-key=key-of-t", status: 200, want: header{"Cache-Control": "private, no-cache"}}),
		may(rights, closeIt),
		may(rights, step{do: "GET /v1/stream/s", status: 200, want: header{"Cache-Control": "private, max-age=60, stale-while-revalidate=300, immutable"}}),
		may(rights, step{do: "GET /v1/stream/s?offset=-1&live=sse", status: 200, want: header{"Cache-Control": "private, no-cache"},
			text: closedAt(0)}),
	}}}, gated(gate{}))
	// Without authorization there is no such key.
	k := newKit(t)
	k.run(t, createText)
	k.run(t, step{do: "HEAD /v1/stream/s", status: 200, want: header{"Stream-Reader-Key": absent}})
}

// A live response does not outlast what its reader was granted.
func TestLiveReadersEndWithTheirGrant(t *testing.T) {
	for _, live := range []string{"long-poll", "sse"} {
		bubble(t, live, func(t *testing.T) {
			k := newKit(t, gated(gate{ends: epoch.Add(3 * time.Second)}))
			k.run(t, may("create=s", createText))
			start := time.Now()
			s := may("read=s", step{do: "GET /v1/stream/s?offset=-1&live=" + live, status: 204})
			if live == "sse" {
				s.status, s.text = 200, open1000(0)
			}
			k.run(t, s)
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// What somebody sends who is not granted anything is read only as far as it helps to get
// the answer across.
func TestStrangersAreNotReadForLong(t *testing.T) {
	for length, ofStranger := range map[int]int{1 << 10: 1 << 10, 1 << 20: 1 << 20, 1<<20 + 1: 0} {
		for known, want := range map[bool]int{true: length, false: ofStranger} {
			k := newKit(t, gated(gate{}))
			body := &counter{left: length}
			r := httptest.NewRequest("POST", "/v1/stream/s", body)
			r.ContentLength = int64(length)
			if known {
				r.Header.Set("Authorization", "read=s")
			}
			w := httptest.NewRecorder()
			k.ServeHTTP(w, r)
			if body.read != want || w.Code != map[bool]int{true: 403, false: 401}[known] {
				t.Errorf("%d bytes were read of %d, known: %v, %d", body.read, length, known, w.Code)
			}
		}
	}
}

// Nor does one who announces a body and does not send it hold a connection.
func TestSilentStrangersAreAnswered(t *testing.T) {
	k := newKit(t, gated(gate{}), func(s *setup) { s.BodyStall = 20 * time.Millisecond })
	server := httptest.NewServer(k)
	defer server.Close()
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST /v1/stream/s HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("the answer is %s", response.Status)
	}
}

// counter is a body that counts what is read of it.
type counter struct{ left, read int }

func (c *counter) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), c.left)
	c.left -= n
	c.read += n
	return n, nil
}
