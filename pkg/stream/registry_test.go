package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// registryName is the registry of streams without tenants.
const registryName = "__registry__"

func TestRegistryOf(t *testing.T) {
	for _, c := range []struct {
		tenants             bool
		name, registry, key string
		is                  bool
	}{
		{false, "a", "__registry__", "a", false},
		{false, "a/b", "__registry__", "a/b", false},
		{false, "__registry__", "__registry__", "__registry__", true},
		{false, "t/__registry__", "__registry__", "t/__registry__", false},
		{true, "t/a", "t/__registry__", "a", false},
		{true, "t/a/b", "t/__registry__", "a/b", false},
		{true, "t/__registry__", "t/__registry__", "__registry__", true},
		{true, "t/u/__registry__", "t/__registry__", "u/__registry__", false},
		{true, "t", "__registry__", "t", false},
	} {
		r := stream.Registry{Tenants: c.tenants}
		registry, key := r.Of(c.name)
		if registry != c.registry || key != c.key || r.Is(c.name) != c.is {
			t.Errorf("%+v: %q, %q, %v", c, registry, key, r.Is(c.name))
		}
	}
}

// registering has a log keep a registry, whose records are short.
func registering(o *stream.Options) {
	o.Registry.On = true
	o.Record = func(key string, n stream.Notice) ([]byte, error) {
		sign := "+"
		if n.Over {
			sign = "-"
		}
		return []byte(fmt.Sprintf("%q", sign+key)), nil
	}
}

// register tells of streams, and expects so many records.
func register(t *testing.T, l *stream.Log, want int, names ...string) {
	t.Helper()
	if done, err := l.Register(t.Context(), names); err != nil || done.Records != want || len(done.Failed) > 0 {
		t.Errorf("Register(%q): %+v, %v, want %d records", names, done, err, want)
	}
}

func readRegistry(t *testing.T, l *stream.Log) string {
	t.Helper()
	var text []byte
	for from := stream.Start(); ; {
		p, err := l.Read(t.Context(), registryName, from)
		if errors.Is(err, stream.ErrNotFound) {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		for record := range p.Records() {
			text = append(text, record...)
		}
		if p.UpToDate() {
			return strings.ReplaceAll(string(text), `""`, `" "`)
		}
		from = stream.At(p.Next)
	}
}

func TestRegistryNeedsARecord(t *testing.T) {
	if _, err := stream.New(newStore(), stream.Options{Limits: short(), Registry: stream.Registry{On: true}}); err == nil {
		t.Error("no error")
	}
}

// A telling is one step, and costs a read for each stream.
func TestRegister(t *testing.T) {
	var owed []string
	l, s := openCold(t, roomyLimits(), registering, func(o *stream.Options) { o.Owing = func(name string) { owed = append(owed, name) } })
	create(t, l)
	s.took()
	register(t, l, 1, name)
	if ops := s.took(); ops != "owing head create tell" {
		t.Errorf("the first took %q", ops)
	}
	put(t, l, text("x"))
	if err := l.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	create(t, l)
	s.took()
	register(t, l, 2, name, name, "other")
	if ops := s.took(); ops != "owing owing head tell" {
		t.Errorf("the second took %q", ops)
	}
	register(t, l, 0, name, registryName)
	if want := fmt.Sprintf(`"+%[1]s" "-%[1]s" "+%[1]s"`, name); readRegistry(t, l) != want {
		t.Errorf("the registry says %s, want %s", readRegistry(t, l), want)
	}
	if !slices.Equal(owed, []string{name, name, name}) {
		t.Errorf("told of %q", owed)
	}
}

// roomyLimits are such that nothing is flushed or linked.
func roomyLimits() stream.Limits { return stream.DefaultLimits() }

// While it is off nothing is told of streams that begin, ever; the ends of others wait.
func TestRegistryOff(t *testing.T) {
	on, s := openCold(t, roomyLimits(), registering)
	off := joinCold(t, s, roomyLimits())
	create(t, on)
	if done, err := off.Register(t.Context(), []string{name}); err != nil || done.Records != 0 {
		t.Errorf("off: %+v, %v", done, err)
	}
	if err := off.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if h := create(t, off); !h.Unregistered {
		t.Errorf("%+v", h)
	}
	register(t, on, 2, name)
	if err := on.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	register(t, on, 0, name)
}

// Clients cannot write it, whether it is on or off, there or not.
func TestRegistryIsReadOnly(t *testing.T) {
	l, s := openCold(t, roomyLimits(), registering)
	for _, there := range []bool{false, true} {
		for _, l := range []*stream.Log{l, joinCold(t, s, roomyLimits())} {
			ctx := t.Context()
			before := readRegistry(t, l)
			_, _, created := l.Create(ctx, registryName, &stream.Create{Config: stream.Config{ContentType: "application/json"}})
			_, appended := l.Append(ctx, registryName, text("x"))
			_, closed := l.Append(ctx, registryName, text("", closing))
			_, _, onto := l.Create(ctx, registryName, &stream.Create{Fork: &stream.Fork{Source: name}})
			for _, err := range []error{created, appended, closed, onto, l.Delete(ctx, registryName)} {
				if !errors.Is(err, stream.ErrReadOnly) {
					t.Errorf("there %v: %v", there, err)
				}
			}
			if _, _, err := l.Create(ctx, name, &stream.Create{Fork: &stream.Fork{Source: registryName}}); !errors.Is(err, stream.ErrRegistryFork) {
				t.Errorf("there %v: %v", there, err)
			}
			if after := readRegistry(t, l); after != before {
				t.Errorf("it says %s, and said %s", after, before)
			}
		}
		if !there {
			create(t, l)
			register(t, l, 1, name)
		}
	}
}

// A stream that cannot be told of keeps no other from being told of.
func TestRegisterApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, roomyLimits(), registering)
		var names []string
		for i := range 5 {
			n := fmt.Sprint("s", i)
			names = append(names, n)
			if _, _, err := l.Create(t.Context(), n, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
				t.Fatal(err)
			}
		}
		tells := 0
		s.hook(func(op string) fault {
			if op != "tell" {
				return fine
			}
			// All five, two of them, one of these, and of the three the first and both of
			// the rest are tried; the first single one is the one that fails.
			if tells++; tells == 1 || tells == 2 || tells == 3 {
				return rejected
			}
			return fine
		})
		done, err := l.Register(t.Context(), names)
		if !errors.Is(err, stream.ErrUnavailable) || done.Records != 4 || !slices.Equal(done.Failed, names[:1]) {
			t.Errorf("%+v, %v", done, err)
		}
		s.hook(nil)
		register(t, l, 1, names...)
		if got := readRegistry(t, l); got != `"+s1" "+s2" "+s3" "+s4" "+s0"` {
			t.Errorf("the registry says %s", got)
		}
	})
}

// A client's stream in the place of the registry, from before there was one, is an error
// that says so.
func TestNoRegistry(t *testing.T) {
	l, s := openCold(t, roomyLimits(), registering)
	foreign := &stream.Head{Incarnation: stream.Incarnation{1}, Version: 1, Config: stream.Config{ContentType: "text/plain"}}
	if err := s.Store.Create(t.Context(), registryName, foreign, nil); err != nil {
		t.Fatal(err)
	}
	create(t, l)
	done, err := l.Register(t.Context(), []string{name})
	if !errors.Is(err, stream.ErrUnavailable) || !strings.Contains(err.Error(), registryName) || !slices.Equal(done.Failed, []string{name}) {
		t.Errorf("%+v, %v", done, err)
	}
}

// The end of an expired stream is told with the sweep that removes it, and that of one
// that forks need with the sweep that finds it, once.
func TestRegistryOfExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := openCold(t, roomyLimits(), registering)
		create(t, l, ttl(time.Minute))
		fork := &stream.Create{Config: stream.Config{TTL: 2 * time.Hour, HasTTL: true}, Fork: &stream.Fork{Source: name}}
		if _, _, err := l.Create(t.Context(), "fork", fork); err != nil {
			t.Fatal(err)
		}
		if swept := sweep(t, l); swept.Registered != 2 {
			t.Errorf("%+v", swept)
		}
		time.Sleep(time.Hour)
		sweep(t, l)
		if swept := sweep(t, l); swept.Registered != 1 {
			t.Errorf("the source expired: %+v", swept)
		}
		if swept := sweep(t, l); swept.Registered != 0 {
			t.Errorf("once more: %+v", swept)
		}
		time.Sleep(2 * time.Hour)
		for range 3 {
			sweep(t, l)
		}
		if got := readRegistry(t, l); !strings.HasSuffix(got, `"-`+name+`" "-fork"`) {
			t.Errorf("the registry says %s", got)
		}
	})
}
