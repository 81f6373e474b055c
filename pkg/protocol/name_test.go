package protocol

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestParseName(t *testing.T) {
	longest := strings.Repeat("é", maxName/2)
	for escaped, want := range map[string]string{
		"a":                     "a",
		"a/b/c":                 "a/b/c",
		"a%20b":                 "a b",
		"%61":                   "a",
		"a+b":                   "a+b",
		"%E2%82%AC":             "€",
		"...":                   "...",
		".a":                    ".a",
		"a/__ds":                "a/__ds",
		"__dsx":                 "__dsx",
		"%5C":                   `\`,
		"%252F":                 "%2F",
		"a:b@c;d=e,f":           "a:b@c;d=e,f",
		url.PathEscape(longest): longest,
	} {
		if got, err := parseName(escaped); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", escaped, got, err, want)
		}
	}
	for escaped, want := range map[string]error{
		"":                             errBadName,
		"/":                            errBadName,
		"/a":                           errBadName,
		"a/":                           errBadName,
		"a//b":                         errBadName,
		".":                            errBadName,
		"a/..":                         errBadName,
		"../a":                         errBadName,
		"a/%2E%2e/b":                   errBadName,
		"a%2Fb":                        errBadName,
		"a%2fb":                        errBadName,
		"a%":                           errBadName,
		"a%zz":                         errBadName,
		"a%00":                         errBadName,
		"a%0A":                         errBadName,
		"a%7F":                         errBadName,
		"a%C2%85":                      errBadName,
		"a%FF":                         errBadName,
		url.PathEscape(longest + "x"):  errBadName,
		strings.Repeat("a", maxName+1): errBadName,
		"__ds":                         errReserved,
		"__ds/subscriptions/x":         errReserved,
		"%5F_ds/x":                     errReserved,
	} {
		if got, err := parseName(escaped); !errors.Is(err, want) {
			t.Errorf("%q is %q, %v; want an error, %v", escaped, got, err, want)
		}
	}
}

// Whatever is accepted is a safe id, and there is one id for each path that
// means the same.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"a", "a/b", "a%20b", "%2e", "__ds/x", "a//b", "%C3%A9", "a%2Fb", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		name, err := parseName(escaped)
		if err != nil {
			if !errors.Is(err, errBadName) && !errors.Is(err, errReserved) {
				t.Fatalf("unexpected error: %v", err)
			}
			return
		}
		if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			t.Fatalf("%q is not a plain id", name)
		}
		segments := strings.Split(name, "/")
		for _, s := range segments {
			if s == "" || s == "." || s == ".." {
				t.Fatalf("%q has the segment %q", name, s)
			}
		}
		if segments[0] == reservedSegment {
			t.Fatalf("%q is reserved", name)
		}
		if strings.Count(escaped, "/") != strings.Count(name, "/") {
			t.Fatalf("%q and its id %q differ in their segments", escaped, name)
		}
		for i, s := range segments {
			segments[i] = url.PathEscape(s)
		}
		if again, err := parseName(strings.Join(segments, "/")); err != nil || again != name {
			t.Fatalf("%q, escaped again, is %q, %v", name, again, err)
		}
	})
}
