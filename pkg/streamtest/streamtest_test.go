package streamtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
)

// A new field of a head must get a value in fullHead, or no driver is tested with
// one.
func TestFullHeadIsFull(t *testing.T) {
	for _, path := range unset(reflect.ValueOf(*fullHead()), "Head") {
		t.Errorf("%s is zero in fullHead", path)
	}
	if _, err := inspect(t.Context(), memory.New(), new(memory.Objects), "none"); err == nil {
		t.Error("fsck found a stream in an empty store")
	}
}

// unset lists the fields that are zero in all elements of a value.
func unset(v reflect.Value, path string) (paths []string) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return unset(v.Elem(), path)
	case v.Type().String() == "time.Time" || v.Kind() != reflect.Struct && v.Kind() != reflect.Slice && v.Kind() != reflect.Map:
		if v.IsZero() {
			return []string{path}
		}
		return nil
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			paths = append(paths, unset(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
		return paths
	case v.Len() == 0:
		return []string{path}
	}
	// A path is unset if it is in every element.
	var elements []reflect.Value
	if v.Kind() == reflect.Map {
		for _, key := range v.MapKeys() {
			elements = append(elements, v.MapIndex(key))
		}
	} else {
		for i := range v.Len() {
			elements = append(elements, v.Index(i))
		}
	}
	paths = unset(elements[0], path+"[]")
	for _, e := range elements[1:] {
		paths = slices.DeleteFunc(paths, func(p string) bool { return !slices.Contains(unset(e, path+"[]"), p) })
	}
	return paths
}

func TestFaultsFindDefects(t *testing.T) {
	for name, breaks := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := 0
			for seed := range uint64(6) {
				if _, err := randomRound(t.Context(), breaks(memory.New()), new(memory.Objects), seed); err != nil {
					found++
				}
			}
			for _, m := range []Method{Commit, Update, Delete, SpillProducer, Fork} {
				for n := range 12 {
					for i, one := range trialsOf(m, n+1, n%2 == 0) {
						one.name = fmt.Sprint(one.name, i)
						if _, err := one.run(t.Context(), breaks(memory.New()), new(memory.Objects)); err != nil {
							if found == 0 {
								t.Logf("%s: %.300v", one.name, err)
							}
							found++
						}
					}
					if found > 0 {
						return
					}
				}
			}
			t.Error("not found")
		})
	}
}

// The checker itself, with a sound stream and histories that are not its own.
func TestVerifyFindsDefects(t *testing.T) {
	ctx := t.Context()
	d, o := memory.New(), new(memory.Objects)
	r := newRig(t, d, o, Tiny())
	r.create("s", "text/plain")
	h := &History{}
	must(t, r.write(ctx, h, "s", "text/plain", "w", 6, false))
	must(t, h.Verify(ctx, r.Log, d, o, "s"))
	for want, change := range map[string]func(w []*Write){
		"was told that it failed":      func(w []*Write) { w[2].outcome = failed },
		"acknowledged, but is not":     func(w []*Write) { w[2].words = []string{`"other"`} },
		"there in parts only":          func(w []*Write) { w[1].words[1] = `"other"` },
		"are known":                    func(w []*Write) { w[5].words, w[5].outcome = []string{`"other"`}, inDoubt },
		"but was acknowledged before":  func(w []*Write) { w[4].end, w[3].start = 1, 2 },
		"was handed out for both byte": func(w []*Write) { w[3].tail = w[2].tail },
		"is there 9 times":             func(w []*Write) { w[0].words = []string{`"w.`} },
	} {
		tampered := &History{}
		for _, w := range h.writes {
			copied := *w
			copied.words = slices.Clone(w.words)
			tampered.writes = append(tampered.writes, &copied)
		}
		change(tampered.writes)
		if err := tampered.Verify(ctx, r.Log, d, o, "s"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got: %v", want, err)
		}
	}
}
