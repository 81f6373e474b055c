//go:build unix

package host

import (
	"slices"
	"strings"
	"testing"
)

// writes keeps each write by itself.
type writes struct{ all []string }

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, string(p))
	return len(p), nil
}

func TestLineWriter(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		name string
		in   []string
		want []string
	}{
		{"lines", []string{"a\nb\n"}, []string{"> a\n", "> b\n"}},
		{"pieces", []string{"a", "b", "c\nd"}, []string{"> abc\n", "> d\n"}},
		{"empty lines", []string{"\n\n"}, []string{"> \n", "> \n"}},
		{"nothing", []string{""}, nil},
		{"too long", []string{long[1:], "xy\n"}, []string{"> " + long + "\n", "> y\n"}},
		{"too long at once", []string{long + "y\n"}, []string{"> " + long + "\n", "> y\n"}},
	} {
		to := &writes{}
		l := &lineWriter{to: to, prefix: "> "}
		for _, p := range c.in {
			if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
				t.Errorf("%s: %d, %v", c.name, n, err)
			}
		}
		l.flush()
		if !slices.Equal(to.all, c.want) {
			t.Errorf("%s: %.80q, want %.80q", c.name, to.all, c.want)
		}
	}
}
