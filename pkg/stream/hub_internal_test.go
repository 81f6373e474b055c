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
