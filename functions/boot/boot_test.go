package boot_test

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// function is a complete configuration, with some variables changed.
func function(t *testing.T, change map[string]string) config.Function {
	t.Helper()
	vars := map[string]string{
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}
	for name, value := range change {
		vars[name] = value
	}
	c, err := config.ReadFunction(vars)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLimits: every configuration that is accepted gives limits that work, and the
// variables that are for them have an effect.
func TestLimits(t *testing.T) {
	for _, link := range []int{1, 2 << 10, 48 << 10} {
		for _, object := range []int{1, 64 << 10, 256 << 10} {
			for _, producers := range []int{1, 16, 256} {
				l := boot.Limits(function(t, map[string]string{
					"LINK_BYTES": strconv.Itoa(link), "OBJECT_BYTES": strconv.Itoa(object), "PRODUCERS_PER_HEAD": strconv.Itoa(producers),
				}))
				if err := l.Validate(); err != nil {
					t.Errorf("%d, %d, %d: %v", link, object, producers, err)
				}
				if l.StageSize != link || l.ObjectSize != object || l.Producers != producers {
					t.Errorf("%d, %d, %d: %+v", link, object, producers, l)
				}
			}
		}
	}
	l := boot.Limits(function(t, map[string]string{"SEGMENT_MAX_MESSAGES": "7", "SEGMENT_MAX_BYTES": "8", "PAGE_BYTES": "9"}))
	if l.SegmentCount != 7 || l.SegmentSize != 8 || l.PageSize != 9 {
		t.Errorf("%+v", l)
	}
}

// TestHandlerMakesNoRequest: a store that is out of order does not keep a process from
// starting, and one that works is not asked.
func TestHandlerMakesNoRequest(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 100)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			c.Close()
			asked <- struct{}{}
		}
	}()
	defer silent.Close()
	endpoint := "http://" + silent.Addr().String()
	h, err := boot.Handler(function(t, map[string]string{"DYNAMODB_ENDPOINT": endpoint, "S3_ENDPOINT": endpoint}), slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/v1/stream/a", nil))
	if w.Code != http.StatusNoContent {
		t.Errorf("OPTIONS: %d", w.Code)
	}
	select {
	case <-asked:
		t.Fatal("a store was asked before there was a request for it")
	default:
	}
	// The listener would have noticed: it does now.
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/stream/a", nil))
	<-asked
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("GET without a store: %d", w.Code)
	}
}

// TestAdmin: the administrators' API is there, behind its token, and nothing else is
// taken from the streams.
func TestAdmin(t *testing.T) {
	const token = "sixteen-characters"
	for _, c := range []struct {
		path, configured, shown string
		want                    int
	}{
		{"/v1/admin/streams", "", "", http.StatusNotFound},
		{"/v1/admin/streams", token, "", http.StatusUnauthorized},
		{"/v1/admin/metrics", token, token, http.StatusNotFound},
		{"/v1/stream/admin", token, "", http.StatusNoContent},
	} {
		h, err := boot.Handler(function(t, map[string]string{"ADMIN_TOKEN": c.configured}), slog.New(slog.DiscardHandler), false)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		method := http.MethodGet
		if c.want == http.StatusNoContent {
			method = http.MethodOptions // which needs no store
		}
		r := httptest.NewRequest(method, c.path, nil)
		if c.shown != "" {
			r.Header.Set("Authorization", "Bearer "+c.shown)
		}
		if h.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

func TestCheckNamesTheVariable(t *testing.T) {
	for name, values := range map[string][]string{
		"DYNAMODB_ENDPOINT": {"nonsense", "host:1", "http://", "ftp://host", "http://a b"},
		"S3_ENDPOINT":       {"nonsense", "http://", "ftp://host", "http://user:password@host"},
	} {
		for _, value := range values {
			err := boot.Check(function(t, map[string]string{name: value}))
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
			if err != nil && strings.Contains(err.Error(), "password") {
				t.Errorf("the message tells the password: %v", err)
			}
		}
	}
	for _, change := range []map[string]string{
		{}, {"DYNAMODB_ENDPOINT": "http://127.0.0.1:8000", "S3_ENDPOINT": "https://account.r2.cloudflarestorage.com", "S3_REGION": "auto"},
		{"S3_ACCESS_KEY_ID": "id", "S3_SECRET_ACCESS_KEY": "secret"},
	} {
		if err := boot.Check(function(t, change)); err != nil {
			t.Errorf("%v: %v", change, err)
		}
	}
}

// TestLogger: one JSON object a line, from the level on that is configured.
func TestLogger(t *testing.T) {
	levels := []string{"debug", "info", "warn", "error"}
	for i, level := range levels {
		var out strings.Builder
		log := boot.Logger(&out, level)
		log.Debug("debug")
		log.Info("info", "text", "two\nlines")
		log.Warn("warn")
		log.Error("error")
		var got []string
		for line := range strings.Lines(out.String()) {
			var entry struct{ Msg string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			got = append(got, entry.Msg)
		}
		if !slices.Equal(got, levels[i:]) {
			t.Errorf("level %s logs %v", level, got)
		}
	}
}

func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1) // asks only
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	const variable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
	for _, c := range []struct {
		environ map[string]string
		want    int64
	}{
		{map[string]string{variable: "128"}, 48 << 20},
		{map[string]string{variable: "10240"}, 3840 << 20},
		{map[string]string{}, before},
		{map[string]string{variable: "much"}, before},
		{map[string]string{variable: "0"}, before},
		{map[string]string{variable: "-128"}, before},
		{map[string]string{variable: "128", "GOMEMLIMIT": "1GiB"}, before},
	} {
		debug.SetMemoryLimit(before)
		boot.LimitMemory(c.environ)
		if got := debug.SetMemoryLimit(-1); got != c.want {
			t.Errorf("%v: %d, want %d", c.environ, got, c.want)
		}
	}
}

func TestEnviron(t *testing.T) {
	t.Setenv("BOOT_TEST", "a=b=c")
	t.Setenv("BOOT_EMPTY", "")
	vars := boot.Environ()
	if got := vars["BOOT_TEST"]; got != "a=b=c" {
		t.Errorf("%q", got)
	}
	if value, set := vars["BOOT_EMPTY"]; !set || value != "" {
		t.Errorf("%q, %v", value, set)
	}
}
