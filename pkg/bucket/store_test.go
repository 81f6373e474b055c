package bucket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// The fake passes the suite too, so what the tests below find is not its own.
func TestObjectsOnFake(t *testing.T) {
	streamtest.RunObjects(t, func(t *testing.T) stream.Objects { return newFake(t).store() })
}

// put puts an object.
func put(ctx context.Context, s stream.Objects, key, body string) error {
	return s.PutObject(ctx, key, io.NewSectionReader(strings.NewReader(body), 0, int64(len(body))))
}

// outcome is what the error of a call promises.
func outcome(err error) string {
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, stream.ErrObjectExists):
		return "exists"
	case errors.Is(err, stream.ErrNoItem):
		return "missing"
	case errors.Is(err, stream.ErrNotApplied):
		return "not applied"
	case errors.Is(err, stream.ErrRejected):
		return "rejected"
	default:
		return "unknown"
	}
}

var (
	slowDown     = answer(http.StatusServiceUnavailable, "SlowDown")
	internal     = answer(http.StatusInternalServerError, "InternalError")
	accessDenied = answer(http.StatusForbidden, "AccessDenied")
	noBucket     = answer(http.StatusNotFound, "NoSuchBucket")
	dial         = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
)

// before is a fault of a request that was not applied, after of one that was.
func before(err error) fault { return fault{err: err} }
func after(err error) fault  { return fault{err: err, applied: true} }

func TestPutObjectFailures(t *testing.T) {
	toPut, toGet := "put", "get"
	for _, c := range []struct {
		name     string
		faults   []fault
		want     string
		requests []string
	}{
		{"applied, but not answered in time", []fault{after(errHangs)}, "success", []string{toPut, toPut, toGet}},
		{"applied, connection reset", []fault{after(reset)}, "success", []string{toPut, toPut, toGet}},
		{"applied, 500", []fault{after(internal)}, "success", []string{toPut, toPut, toGet}},
		{"lost, then applied", []fault{before(errHangs), {}}, "success", []string{toPut, toPut}},
		{"applied, and the comparison fails once", []fault{after(reset), {}, before(internal), {}}, "success", []string{toPut, toPut, toGet, toGet}},
		{"applied, and cannot be compared", []fault{after(reset), {}, before(slowDown), before(slowDown), before(slowDown)}, "unknown", []string{toPut, toPut, toGet, toGet, toGet}},
		{"throttled once", []fault{before(slowDown)}, "success", []string{toPut, toPut}},
		{"throttled", []fault{before(slowDown), before(slowDown), before(slowDown)}, "not applied", []string{toPut, toPut, toPut}},
		{"throttled by R2", repeated(before(answer(429, "TooManyRequests"))), "not applied", []string{toPut, toPut, toPut}},
		{"a proxy's 429", repeated(before(answer(429, ""))), "not applied", []string{toPut, toPut, toPut}},
		{"conflict", repeated(before(answer(409, "ConditionalRequestConflict"))), "not applied", []string{toPut, toPut, toPut}},
		{"damaged on its way", repeated(before(answer(400, "XAmzContentSHA256Mismatch"))), "not applied", []string{toPut, toPut, toPut}},
		{"nobody there", repeated(before(dial)), "not applied", []string{toPut, toPut, toPut}},
		{"500", repeated(before(internal)), "unknown", []string{toPut, toPut, toPut}},
		{"a proxy's 503", repeated(before(answer(503, ""))), "unknown", []string{toPut, toPut, toPut}},
		{"reset", repeated(before(reset)), "unknown", []string{toPut, toPut, toPut}},
		// The first attempt may be applied yet: what the others did says nothing.
		{"500, then throttled", []fault{before(internal), before(slowDown), before(slowDown)}, "unknown", []string{toPut, toPut, toPut}},
		{"timeout, then denied", []fault{before(errHangs), before(accessDenied)}, "unknown", []string{toPut, toPut}},
		{"denied", []fault{before(accessDenied)}, "rejected", []string{toPut}},
		{"no bucket", []fault{before(noBucket)}, "rejected", []string{toPut}},
		{"throttled, then denied", []fault{before(slowDown), before(accessDenied)}, "rejected", []string{toPut, toPut}},
		{"other region", []fault{before(answer(301, "PermanentRedirect"))}, "rejected", []string{toPut}},
		{"a header that the store does not know", []fault{before(answer(501, "NotImplemented"))}, "rejected", []string{toPut}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t, c.faults...)
				err := put(t.Context(), f.store(), "a/1", "body")
				if got := outcome(err); got != c.want {
					t.Errorf("%s, want %s: %v", got, c.want, err)
				}
				f.wantRequests(c.requests...)
				if _, stored := f.objects["a/1"]; c.want == "success" && !stored {
					t.Error("success, and nothing is stored")
				}
			})
		})
	}
}

// repeated is a fault that happens to every attempt.
func repeated(f fault) []fault { return slices.Repeat([]fault{f}, 3) }

// A put that meets another body reports it, whatever happened to its first attempt.
func TestPutObjectMeetsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s := f.store()
		must(t, put(t.Context(), s, "a/1", "theirs"))
		f.faults = []fault{before(errHangs)}
		if err := put(t.Context(), s, "a/1", "mine"); outcome(err) != "exists" {
			t.Errorf("%v, want exists", err)
		}
	})
}

func TestObjectFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		faults []fault
		want   string
	}{
		{"reset once", []fault{before(reset)}, "success"},
		{"not answered in time, twice", []fault{before(errHangs), before(errHangs)}, "success"},
		{"throttled once", []fault{before(slowDown)}, "success"},
		{"500", repeated(before(internal)), "unknown"},
		{"not answered in time", repeated(before(errHangs)), "unknown"},
		{"denied", []fault{before(accessDenied)}, "rejected"},
		{"no bucket", []fault{before(noBucket)}, "rejected"},
		{"no key", []fault{before(answer(404, "NoSuchKey"))}, "missing"},
		{"500, then no key", []fault{before(internal), before(answer(404, "NoSuchKey"))}, "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				s := f.store()
				must(t, put(t.Context(), s, "a/1", "body"))
				f.faults = c.faults
				got, err := s.Object(t.Context(), "a/1", 1, 2)
				if outcome(err) != c.want || err == nil && string(got) != "od" {
					t.Errorf("%q, %s, want %s: %v", got, outcome(err), c.want, err)
				}
			})
		})
	}
}

// The messages for those who set it up say what to do.
func TestHints(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{noBucket, "create the bucket"},
		{accessDenied, "s3:ListBucket"},
		{answer(403, "SignatureDoesNotMatch"), "secret"},
		{answer(301, "PermanentRedirect"), "another region"},
	} {
		err := put(t.Context(), newFake(t, before(c.err)).store(), "a", "")
		if outcome(err) != "rejected" || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bucket b") {
			t.Errorf("%v, want the bucket's name and %q", err, c.want)
		}
	}
}

// A call ends when its context does, in the middle of its pauses too.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, slices.Repeat([]fault{before(errHangs)}, 100)...)
		o := bucket.DefaultOptions()
		o.Attempts = 100
		s, err := bucket.New(f, "b", o)
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		begin := time.Now()
		if err := put(ctx, s, "a", ""); outcome(err) != "unknown" {
			t.Errorf("%v, want an unknown outcome", err)
		}
		if took := time.Since(begin); took != 25*time.Second {
			t.Errorf("it took %v", took)
		}
		f.wantRequests("put", "put", "put")
	})
}

func TestNewChecksOptions(t *testing.T) {
	for _, change := range []func(*bucket.Options){
		func(o *bucket.Options) { o.Timeout = 0 },
		func(o *bucket.Options) { o.Rate = 0 },
		func(o *bucket.Options) { o.Attempts = 0 },
		func(o *bucket.Options) { o.Pause = 0 },
	} {
		o := bucket.DefaultOptions()
		change(&o)
		if _, err := bucket.New(newFake(t), "b", o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
	if _, err := bucket.New(newFake(t), "", bucket.DefaultOptions()); err == nil {
		t.Error("no bucket name is accepted")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
