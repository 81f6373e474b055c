package embedded

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestObjectPath(t *testing.T) {
	for key, want := range map[string]string{
		"a/b-1.2":                            "a/b-1.2",
		"Ab":                                 "+ab",
		"aB/c/D_=":                           "a+b/c/+d_=",
		"AZaz/09":                            "+a+zaz/09",
		"a.":                                 "a+0",
		"...":                                "..+0",
		".a.b/c.":                            ".a.b/c+0",
		"nul.1":                              "n~/ul.1",
		"x/con/lpt9":                         "x/c~/on/l~/pt9",
		"CON/con_/aCon/com/com10/com1-.a":    "+c+o+n/con_/a+con/com/com10/com1-.a",
		strings.Repeat("a", 255):             strings.Repeat("a", 255),
		strings.Repeat("a", 254) + "A":       strings.Repeat("a", 254) + "~/+a",
		strings.Repeat("a", 253) + "A":       strings.Repeat("a", 253) + "+a",
		strings.Repeat("a", 252) + "AA":      strings.Repeat("a", 252) + "+a~/+a",
		strings.Repeat("a", 253) + "AA":      strings.Repeat("a", 253) + "~/+a+a",
		strings.Repeat("A", 127) + ".":       strings.Repeat("+a", 127) + "~/+0",
		strings.Repeat("A", 127) + "aux.b":   strings.Repeat("+a", 127) + "~/a~/ux.b",
		strings.Repeat("A", 255) + "/B":      strings.Repeat("+a", 127) + "~/" + strings.Repeat("+a", 127) + "~/+a/+b",
		"nul." + strings.Repeat("A", 127):    "n~/ul." + strings.Repeat("+a", 125) + "~/+a+a",
		"prn" + strings.Repeat("A", 125):     "prn" + strings.Repeat("+a", 125),
		"stream/QQ/00/segment-0000000001.1":  "stream/+q+q/00/segment-0000000001.1",
		"stream/QQ/00/staged-0000-0f00-0001": "stream/+q+q/00/staged-0000-0f00-0001",
	} {
		if got := objectPath(key); got != want {
			t.Errorf("%s is at %s, want %s", key, got, want)
		}
		checkObjectPath(t, key)
	}
	for _, folder := range []string{"", "a/", "A/con/", "a/B./"} {
		want := strings.NewReplacer("A", "+a", "B.", "+b+0", "con", "c~/on").Replace(folder)
		if got := objectPath(folder); got != want {
			t.Errorf("the folder %q is at %q, want %q", folder, got, want)
		}
	}
}

// What is not the path of an object is not taken for one.
func TestNoObjectPath(t *testing.T) {
	for _, path := range []string{
		"", "/", "a/", "/a", "a//b", ".", "a/..", "A", "a/B", ".DS_Store", "Thumbs.db",
		"+", "a+", "++a", "+A", "+1", "a.", "a/b./c", "a+0b", "+0", ".+0/b", "con", "a/nul.x",
		"a~/b", "a~b", "~", "~/a", "c~/o~/n", "c~/on~/", "+~/a", "ä", "a b", "a\\b",
		strings.Repeat("a", 256), strings.Repeat("a", 254) + "~/aa", strings.Repeat("+a", 127) + "+a",
		strings.Repeat("+a", 127) + "~/" + strings.Repeat("+a", 128) + "~/+a",
	} {
		if key, cut, ok := objectKey(path); ok && !cut {
			t.Errorf("%q is taken for the path of %q", path, key)
		}
	}
}

// checkObjectPath checks what holds for every key.
func checkObjectPath(t interface{ Errorf(string, ...any) }, key string) {
	path := objectPath(key)
	if got, cut, ok := objectKey(path); got != key || cut || !ok {
		t.Errorf("%s is at %s, which is the path of %q, %v, %v", key, path, got, cut, ok)
	}
	if len(path) > 2*len(key)+len(key)/60+20 {
		t.Errorf("%s has %d bytes, and its path %s has %d", key, len(key), path, len(path))
	}
	for i, c := range []byte(path) {
		if isUpper(c) {
			t.Errorf("%s has upper case", path)
		}
		if c != '/' || path[i-1] != cutMark[0] {
			continue
		}
		if begins, cut, ok := objectKey(path[:i]); !ok || !cut || !strings.HasPrefix(key, begins) {
			t.Errorf("%s is in the folder of those that begin with %q, %v, %v", key, begins, cut, ok)
		}
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || len(name) > 255 || strings.HasSuffix(name, ".") || isDevice(name) {
			t.Errorf("%s is at %s, and %q is no name for a file", key, path, name)
		}
	}
}

// objectKeys draws keys that are easily taken for each other.
func objectKeys() *rapid.Generator[string] {
	word := rapid.OneOf(
		rapid.StringMatching(`[aAbB.=_0-]{1,3}`),
		rapid.SampledFrom([]string{"con", "CON", "con.", "aux.a", "c", "co", "Nul.x", "...", "com1", "cOm1"}),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.SampledFrom([]string{"a", "A", "aA"}).Draw(t, "run"), rapid.IntRange(120, 130).Draw(t, "times"))
		}),
	)
	part := rapid.Map(rapid.SliceOfN(word, 1, 3), func(words []string) string { return strings.Join(words, "") })
	key := rapid.Map(rapid.SliceOfN(part, 1, 4), func(parts []string) string { return strings.Join(parts, "/") })
	return key.Filter(func(key string) bool { return stream.CheckObjectKey(key) == nil })
}

// Each key has a path of its own, whatever the case, and is in a folder of the path of
// another one only if its key is.
func TestObjectPathProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := objectKeys().Draw(t, "a"), objectKeys().Draw(t, "b")
		checkObjectPath(t, a)
		checkObjectPath(t, b)
		if pa, pb := objectPath(a), objectPath(b); a != b && strings.EqualFold(pa, pb) {
			t.Errorf("%s and %s are at %s and %s", a, b, pa, pb)
		} else if strings.HasPrefix(pb, pa+"/") && !strings.HasPrefix(b, a+"/") {
			t.Errorf("%s is at %s, %s is at %s", a, pa, b, pb)
		}
	})
}

func FuzzObjectPath(f *testing.F) {
	for _, seed := range []string{"a/b-1.2", "Ab", "+ab", "a.", "a+0", "nul.1", "n~/ul.1", "a~", "a/b~/c", "", "+", "a+0b"} {
		f.Add(seed)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		key := fmt.Sprintf("%s%d/%s", strings.Repeat("A", 100+random.IntN(50)), random.IntN(100), strings.Repeat("aA", 80+random.IntN(20)))
		f.Add(key)
		f.Add(objectPath(key))
	}
	f.Fuzz(func(t *testing.T, s string) {
		if stream.CheckObjectKey(s) == nil {
			checkObjectPath(t, s)
		}
		if key, cut, ok := objectKey(s); ok && !cut {
			if err := stream.CheckObjectKey(key); err != nil || objectPath(key) != s {
				t.Errorf("%q is taken for the path of %q, which is at %q, %v", s, key, objectPath(key), err)
			}
		}
	})
}
