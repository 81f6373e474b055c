package stream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a client created under a name that is a registry's since there are tenants is not
// told of there, and does not owe that for ever.
func TestRegistryOwesBeforeTenants(t *testing.T) {
	const own = "acme/__registry__"
	plain, s := openCold(t, roomyLimits(), registering)
	config := stream.Config{ContentType: "application/json"}
	for _, name := range []string{own, "acme/a"} {
		if _, _, err := plain.Create(t.Context(), name, &stream.Create{Config: config}); err != nil {
			t.Fatal(err)
		}
	}
	l := joinCold(t, s, roomyLimits(), registering, func(o *stream.Options) { o.Registry.Tenants = true })
	register(t, l, 1, own, "acme/a")
	register(t, l, 0, own, "acme/a")
	owesNothing(t, s, own)
	p, err := l.Read(t.Context(), own, stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	if got := pageRecords(t, p); len(got) != 1 || got[0] != `"+a"` {
		t.Errorf("the registry says %q", got)
	}
}

// The end of a client's stream in the place of the registry, from before there was one, is
// not told either: the registry that takes its place begins without it.
func TestRegistryOwesBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, roomyLimits(), registering)
		foreign := &stream.Head{
			Incarnation: stream.Incarnation{1}, Version: 1, Config: stream.Config{ContentType: "text/plain"},
			CreatedAt: time.Now(), UsedAt: time.Now(), Deadline: time.Now().Add(time.Minute),
		}
		if err := s.Store.Create(t.Context(), registryName, foreign, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if swept := sweep(t, l); swept.Expired != 1 {
			t.Errorf("%+v", swept)
		}
		sweep(t, l)
		owesNothing(t, s, registryName)
		create(t, l)
		register(t, l, 1, name)
		if got := readRegistry(t, l); got != `"+`+name+`"` {
			t.Errorf("the registry says %s", got)
		}
	})
}

func owesNothing(t *testing.T, s *store, name string) {
	t.Helper()
	if owing, err := s.Store.Owing(t.Context(), name); err != nil || len(owing.Notices) > 0 {
		t.Errorf("%q owes %+v, %v", name, owing.Notices, err)
	}
}
