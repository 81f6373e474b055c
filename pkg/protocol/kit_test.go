package protocol

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// kit is a handler over a store in memory, with a clock that tests move.
type kit struct {
	*Handler
	store *faultyStore
	clock *clock
}

// epoch is when tests begin, in the middle of cursor interval 1000.
var epoch = cursorEpoch.Add(1000*cursorInterval + 7*time.Second)

const epochCursor = "1000"

// setup changes what newKit builds. Now, Jitter and EarlyWait are fixed.
type setup struct {
	Config
	stream.Limits
}

func newKit(t testing.TB, changes ...func(*setup)) *kit {
	t.Helper()
	s := setup{Limits: stream.DefaultLimits()}
	s.EarlyWait = 0
	k := &kit{store: &faultyStore{Store: memory.New()}, clock: &clock{now: epoch}}
	s.Now = k.clock.Now
	s.Jitter = func(n int64) int64 { return n - 1 }
	for _, change := range changes {
		change(&s)
	}
	log, err := stream.New(k.store, stream.Options{Limits: s.Limits, Now: s.Now})
	if err != nil {
		t.Fatal(err)
	}
	if k.Handler, err = New(log, s.Config); err != nil {
		t.Fatal(err)
	}
	return k
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// faultyStore fails where a test says so.
type faultyStore struct {
	*memory.Store
	onHead, onCommit, onCreate, onChunk hook
	// asked is called when a head is read.
	asked func(ctx context.Context)
}

// hook is called before a call of the store, which fails if the hook does.
type hook struct{ f atomic.Pointer[func() error] }

func (h *hook) set(f func() error) { h.f.Store(&f) }
func (h *hook) clear()             { h.f.Store(nil) }

func (h *hook) call() error {
	if f := h.f.Load(); f != nil {
		return (*f)()
	}
	return nil
}

func (s *faultyStore) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	if err := s.onHead.call(); err != nil {
		return nil, err
	}
	if s.asked != nil {
		s.asked(ctx)
	}
	return s.Store.Head(ctx, name, c)
}

func (s *faultyStore) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	if err := s.onCommit.call(); err != nil {
		return nil, err
	}
	return s.Store.Commit(ctx, name, b, l)
}

func (s *faultyStore) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	if err := s.onChunk.call(); err != nil {
		return err
	}
	return s.Store.PutChunk(ctx, life, c)
}

func (s *faultyStore) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	if err := s.onCreate.call(); err != nil {
		return err
	}
	return s.Store.Create(ctx, name, head, replaced, owed...)
}

// header is a set of headers in tests, by their usual spelling. As an
// expectation, absent means that the header must not be there, and a value that
// begins with "~" is a regular expression.
type header map[string]string

const absent = "\x00absent"

// and returns the headers with others, which are names and values in turn.
func (h header) and(more ...string) header {
	all := maps.Clone(h)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

// step is a request and the response that it must have.
type step struct {
	// after is how much time passes before the request.
	after time.Duration
	do    string // method and target
	with  header
	body  string

	status int
	want   header
	// text is the body; "" means none.
	text string
}

// scenario is a sequence of steps on a new store.
type scenario struct {
	name  string
	steps []step
}

func runScenarios(t *testing.T, scenarios []scenario, changes ...func(*setup)) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			k := newKit(t, changes...)
			for _, st := range s.steps {
				k.run(t, st)
			}
		})
	}
}

// request makes a step's request.
func (s step) request(t testing.TB) *http.Request {
	t.Helper()
	method, target, _ := strings.Cut(s.do, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(s.body))
	for key, value := range s.with {
		if value == absent {
			continue
		}
		for v := range strings.SplitSeq(value, "\n") {
			r.Header.Add(key, v)
		}
	}
	return r
}

func (k *kit) run(t *testing.T, s step) *httptest.ResponseRecorder {
	t.Helper()
	k.clock.pass(s.after)
	w := httptest.NewRecorder()
	k.ServeHTTP(w, s.request(t))
	s.check(t, w.Code, w.Header(), w.Body.String())
	return w
}

func (s step) check(t *testing.T, status int, h http.Header, body string) {
	t.Helper()
	if status != s.status {
		t.Fatalf("%s: status %d, want %d; body %q", s.do, status, s.status, body)
	}
	for _, key := range slices.Sorted(maps.Keys(s.want)) {
		checkHeader(t, s.do, h, key, s.want[key])
	}
	// Every response, whatever it is, protects browsers and is open to them.
	checkHeader(t, s.do, h, "X-Content-Type-Options", "nosniff")
	checkHeader(t, s.do, h, "Cross-Origin-Resource-Policy", "cross-origin")
	checkHeader(t, s.do, h, "Access-Control-Allow-Origin", "*")
	checkHeader(t, s.do, h, "Access-Control-Expose-Headers", "~Stream-Next-Offset.*Stream-SSE-Data-Encoding")
	method, _, _ := strings.Cut(s.do, " ")
	if status >= 400 {
		checkHeader(t, s.do, h, "Cache-Control", "no-store")
		checkHeader(t, s.do, h, "Content-Type", "text/plain; charset=utf-8")
		if s.text == "" && method != http.MethodHead {
			// Errors explain themselves in one line; most tests leave it at that.
			if !strings.HasSuffix(body, "\n") || strings.Count(body, "\n") != 1 || len(body) < 10 {
				t.Errorf("%s: error body %q is not one line", s.do, body)
			}
			return
		}
	}
	if body != s.text {
		t.Errorf("%s: body %.200q, want %.200q", s.do, body, s.text)
	}
}

func checkHeader(t *testing.T, what string, h http.Header, key, want string) {
	t.Helper()
	values := h.Values(key)
	switch {
	case want == absent:
		if len(values) != 0 {
			t.Errorf("%s: %s is %q, want none", what, key, values)
		}
	case len(values) != 1:
		t.Errorf("%s: %s is %q, want one value, %q", what, key, values, want)
	case strings.HasPrefix(want, "~"):
		if !regexp.MustCompile(want[1:]).MatchString(values[0]) {
			t.Errorf("%s: %s is %q, want a match of %s", what, key, values[0], want[1:])
		}
	case values[0] != want:
		t.Errorf("%s: %s is %q, want %q", what, key, values[0], want)
	}
}

// at is an offset token in the first segment.
func at(position uint64) string { return stream.Offset{Position: position}.String() }

// lines is a logger's output, one line an element.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(p))
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "")
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// Steps that many scenarios begin with.
var (
	createText = step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain"}, status: 201}
	createJSON = step{do: "PUT /v1/stream/s", with: header{"Content-Type": "application/json"}, status: 201}
	closeIt    = step{do: "POST /v1/stream/s", with: header{"Stream-Closed": "true"}, status: 204}
	deleteIt   = step{do: "DELETE /v1/stream/s", status: 204}
)

// createUntil creates a text stream that ends so long after the epoch.
func createUntil(d time.Duration) step {
	return step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-Expires-At": epoch.Add(d).Format(time.RFC3339Nano)}, status: 201}
}

func appendText(s string) step {
	return step{do: "POST /v1/stream/s", with: header{"Content-Type": "text/plain"}, body: s, status: 204}
}

func appendJSON(s string) step {
	return step{do: "POST /v1/stream/s", with: header{"Content-Type": "application/json"}, body: s, status: 204}
}

// contains reports whether s contains every part.
func contains(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(s, part) })
}
