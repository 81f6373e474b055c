package implementation

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A segment that was cut short or altered is an error, and never wrong data; what is not in it
// is served.
func TestDamagedSegments(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){
		"truncated": func(t *testing.T, file string) {
			if err := os.Truncate(file, 50); err != nil {
				t.Fatal(err)
			}
		},
		"altered": func(t *testing.T, file string) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body[10] ^= 1
			if err := os.WriteFile(file, body, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"missing": func(t *testing.T, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := startOwn(t)
			st := s.create(t, "damaged", "text/plain")
			for range 5 {
				st.put(t, strings.Repeat("old ", 100))
			}
			end := st.tail(t)
			st.put(t, "new")
			damage(t, s.segment(t))
			a := st.do(t, "GET", "?offset=-1", "")
			if a.StatusCode < 500 || strings.Contains(a.body, "old") {
				t.Errorf("%s: %.100q", a.Status, a.body)
			}
			if strings.Contains(a.body, s.dataDir) {
				t.Errorf("it tells where its files are: %s", a.body)
			}
			if got := st.read(t, end); got != "new" {
				t.Errorf("behind it: %q", got)
			}
		})
	}
}

// segment waits for the first segment to be read from its object, and returns the file.
func (s *server) segment(t *testing.T) (file string) {
	t.Helper()
	segments := &testStream{url: s.url + "/v1/admin/streams"}
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); ; {
		a := segments.do(t, "GET", "", "", "Authorization", "Bearer "+adminToken).want(t, 200)
		if strings.Contains(a.body, `"inObjects":1`) {
			break
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("no segment becomes an object: %s", a.body)
		}
	}
	err := filepath.WalkDir(filepath.Join(s.dataDir, "objects"), func(path string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(filepath.Base(path), "segment-") {
			file = path
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // moved or deleted while it was listed
		}
		return err
	})
	if err != nil || file == "" {
		t.Fatalf("there is no file of a segment: %v", err)
	}
	return file
}
