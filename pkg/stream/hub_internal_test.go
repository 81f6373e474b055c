package stream

import (
	"errors"
	"testing"
	"testing/synctest"
)

// A commit's announcement may be late, and come after that of the deletion that
// followed the commit. It must not bring the dead life back: without polling,
// nobody would tell the readers again.
func TestLateAnnouncementOfADeletedLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b hub
		w := b.join("s")
		defer b.leave(w)
		dead, next := Incarnation{1}, Incarnation{2}
		seen := &Head{Incarnation: dead, Version: 1}
		b.announce("s", seen)
		b.end("s", dead)
		b.announce("s", &Head{Incarnation: dead, Version: 2})
		if v, err := w.next(t.Context(), seen); !errors.Is(err, errGone) {
			t.Errorf("after the deletion: %+v, %v", v, err)
		}
		b.announce("s", &Head{Incarnation: next, Version: 1})
		if v, err := w.next(t.Context(), seen); err != nil || v.head.Incarnation != next {
			t.Errorf("in the next life: %+v, %v", v, err)
		}
	})
}

// Moving records from the buffer into chunks, or into objects, is nothing to wake anybody
// for; and who has read them under the older head need not read them again.
func TestWhatIsNoNews(t *testing.T) {
	w := newWatcher("s", func() {})
	head := Head{Incarnation: Incarnation{1}, Version: 1, Tail: Offset{Position: 3}}
	w.update(&head)
	before := w.view.Load()
	moved := head
	moved.Version, moved.Compacted, moved.Buffer = 2, 1, []*Entry{{}}
	w.update(&moved)
	after := w.view.Load()
	select {
	case <-before.wake:
		t.Error("a head with the same records woke those who wait")
	default:
	}
	if after.head != &moved || after.wake != before.wake || after.pages != before.pages {
		t.Errorf("the view is %+v, after %+v", after, before)
	}
	for what, change := range map[string]func(h *Head){
		"an append":      func(h *Head) { h.Tail.Position++ },
		"the end":        func(h *Head) { h.Closed = true },
		"a deletion":     func(h *Head) { h.Deleted = true },
		"another life":   func(h *Head) { h.Incarnation[0]++ },
		"a new deadline": func(h *Head) { h.Deadline = h.Deadline.Add(1) },
	} {
		old := w.view.Load()
		next := *old.head
		next.Version++
		change(&next)
		w.update(&next)
		select {
		case <-old.wake:
		default:
			t.Errorf("%s woke nobody", what)
		}
		if w.view.Load().pages == old.pages {
			t.Errorf("%s: pages of before are still given out", what)
		}
	}
}

// Places at which nobody is reading are forgotten.
func TestPlacesAreBounded(t *testing.T) {
	var s pages
	for i := range 10 * maxPlaces {
		if _, err := s.at(t.Context(), Offset{Position: uint64(i)}, func() (*Page, error) { return new(Page), nil }); err != nil {
			t.Fatal(err)
		}
		if len(s.from) > maxPlaces {
			t.Fatalf("%d places are remembered", len(s.from))
		}
	}
}
