package embedded

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// randomWord is a part of a key, or some of it: mostly short, with the characters that
// sort before the slash; but also such as are cut into several folders, or whose names are
// not for files everywhere.
func randomWord(random *rand.Rand) string {
	b := make([]byte, 1+random.IntN(3))
	for i := range b {
		b[i] = "a-.=_0zA"[random.IntN(8)]
	}
	switch random.IntN(10) {
	case 0:
		return strings.Repeat("A", 125+random.IntN(4)) + string(b)
	case 1:
		return strings.Repeat("a", 251+random.IntN(2)) + string(b)
	case 2:
		return []string{"con", "CON", "co", "com1", "con.", "con-"}[random.IntN(6)]
	}
	return string(b)
}

// TestListOrder compares pages of any size with a sorted list of random keys.
func TestListOrder(t *testing.T) {
	eachCase(t, func(t *testing.T, on func(vfs.FS) vfs.FS) {
		random := rand.New(rand.NewPCG(1, 2))
		for round := range 30 {
			o := openObjects(t, "data", on(vfs.NewMem()))
			var keys []string
			for range 60 {
				key := randomWord(random)
				for range random.IntN(4) {
					key += "/" + randomWord(random)
				}
				continues := func(k string) bool {
					return k == key || strings.HasPrefix(k, key+"/") || strings.HasPrefix(key, k+"/")
				}
				if stream.CheckObjectKey(key) == nil && !slices.ContainsFunc(keys, continues) {
					putObject(t, o, key, nil)
					keys = append(keys, key)
				}
			}
			slices.Sort(keys)
			for range 40 {
				whole := keys[random.IntN(len(keys))]
				prefix := whole[:random.IntN(len(whole)+1)]
				after := ""
				if random.IntN(2) == 0 {
					whole = keys[random.IntN(len(keys))]
					after = whole[:1+random.IntN(len(whole))]
				}
				most := 1 + random.IntN(10)
				var want []string
				for _, key := range keys {
					if strings.HasPrefix(key, prefix) && key > after && len(want) < most {
						want = append(want, key)
					}
				}
				got, err := o.ListObjects(t.Context(), prefix, after, most)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("round %d: %d keys %s* after %q: %v, %v, want %v", round, most, prefix, after, got, err, want)
				}
			}
		}
	})
}

// Files that others leave in the folders are not objects.
func TestListOfForeignFiles(t *testing.T) {
	disk := vfs.Default
	o := openObjects(t, t.TempDir(), disk)
	want := []string{"Ab/c", "Ab/d"}
	for _, key := range want {
		putObject(t, o, key, nil)
	}
	for _, name := range []string{".DS_Store", "+ab/Thumbs.db", "+ab/+", "+ab/c~1", "A/b", "a~/c", "b~", "con", "d."} {
		path := disk.PathJoin(o.root, name)
		if err := disk.MkdirAll(disk.PathDir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := o.write(path, section(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := o.ListObjects(t.Context(), "", "", 10); err != nil || !slices.Equal(got, want) {
		t.Errorf("the keys are %v, %v, want %v", got, err, want)
	}
	if done, err := o.DiscardObjects(t.Context(), "Ab/", 10); err != nil || !done {
		t.Errorf("discard: %v, %v", done, err)
	}
	if got, err := o.ListObjects(t.Context(), "", "", 10); err != nil || len(got) > 0 {
		t.Errorf("left: %v, %v", got, err)
	}
}
