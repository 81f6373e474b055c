package auth

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		matches, others  string // with spaces between them
	}{
		{"a", "", "a", "b ab a/b A"},
		{"a/b", "", "a/b", "a a/b/c a/bc x/a/b"},
		{"a/", "", "a/b a/b/c", "a ab b/a"},
		{"a/**", "", "a/b a/b/c", "a ab"},
		{"**", "", "a a/b a/b/c", ""},
		{"*", "", "a abc", "a/b"},
		{"a/*", "", "a/b", "a a/b/c"},
		{"*/b", "", "a/b", "b a/b/c a/c/b"},
		{"a*c", "", "ac abc abbc", "a c abcd xabc a/c"},
		{"*a*b*", "", "ab xaxbx aabb", "ba a b a/b"},
		{"a*a", "", "aa aba", "a"},
		{"**/log", "", "a/log a/b/log", "log a/log/b"},
		{"a/**/z", "", "a/b/z a/b/c/z a/z/z", "a/z a/b"},
		{"**/x/**/y", "", "a/x/b/y x/x/x/y/y a/x/y/x/y", "x/y a/x/y"},
		{"**/**", "", "a/b a/b/c", "a"},
		{"users/{sub}/**", "ann", "users/ann/x users/ann/x/y", "users/ann users/bob/x users/annx/x"},
		{"{sub}", "ann", "ann", "bob"},
		{"u-{sub}-*", "ann", "u-ann- u-ann-x", "u-bob-x u-ann"},
		// A subject is no pattern.
		{"users/{sub}/x", "*", "users/*/x", "users/ann/x"},
		{"users/{sub}/x", "**", "users/**/x", "users/ann/x users/a/b/x"},
		{"users/{sub}/x", "{sub}", "users/{sub}/x", "users/ann/x"},
		// What is special elsewhere is not here.
		{"a.b", "", "a.b", "axb"}, {"[ab]", "", "[ab]", "a"}, {"a?", "", "a?", "ab"}, {`a\*`, "", `a\x`, "a*"}, {"{a,b}", "", "{a,b}", "a"},
		{"ä/*", "", "ä/ö", "a/ö"},
	} {
		p, err := parsePattern(c.pattern, c.subject)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		for name := range strings.FieldsSeq(c.matches) {
			if !p.matches(name) {
				t.Errorf("%q does not match %q", c.pattern, name)
			}
		}
		for name := range strings.FieldsSeq(c.others) {
			if p.matches(name) {
				t.Errorf("%q matches %q", c.pattern, name)
			}
		}
	}
}

func TestPatternsThatCannotBeUsed(t *testing.T) {
	for pattern, subject := range map[string]string{
		"": "", "/": "", "/a": "", "a//b": "", "//": "", ".": "", "a/..": "", "a/./b": "", "a**": "", "**b/c": "", "a/***": "",
		"a\x00": "", "a\xff": "", "a\nb": "", strings.Repeat("a", 701): "",
		"{sub}": "", "x/{sub}": "a/b", "{sub}/x": "..", "y/{sub}": "a\nb", "z{sub}": ".",
	} {
		if _, err := parsePattern(pattern, subject); err == nil {
			t.Errorf("%q with the subject %q can be used", pattern, subject)
		}
	}
}

// Patterns mean what the same regular expression does.
func TestPatternsAgainstRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(a|b|\*|ab|a\*b|\*\*)(/(a|b|\*|a\*|\*b\*|\*\*)){0,4}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab]{1,3}(/[ab]{1,3}){0,5}`).Draw(t, "name")
		p, err := parsePattern(text, "")
		if err != nil {
			t.Fatal(err)
		}
		var expr []string
		for s := range strings.SplitSeq(text, "/") {
			if s == "**" {
				expr = append(expr, "[^/]+(/[^/]+)*")
			} else {
				expr = append(expr, strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, "[^/]*"))
			}
		}
		want := regexp.MustCompile("^" + strings.Join(expr, "/") + "$").MatchString(name)
		if p.matches(name) != want {
			t.Fatalf("%q matches %q: %v", text, name, !want)
		}
		// Without "**" and in one segment, it is the glob of shells.
		if !strings.Contains(text, "**") {
			if glob, err := path.Match(text, name); err != nil || glob != want {
				t.Fatalf("path.Match: %v, %v", glob, err)
			}
		}
	})
}

// No pattern makes a server work for long: the worst ones there are end at once. (The
// bound is hundreds of times what they take; exponential time would not end at all.)
func TestPatternsTakeNoTime(t *testing.T) {
	name := strings.TrimSuffix(strings.Repeat("a/", 350), "/")
	start := time.Now()
	for _, text := range []string{
		strings.Repeat("**/", 200) + "b", strings.Repeat("**/a/", 100) + "b", strings.Repeat("a*", 300) + "b", strings.Repeat("*a", 340) + "b/**",
	} {
		p, err := parsePattern(text, "")
		if err != nil {
			t.Fatal(err)
		}
		if p.matches(name) || p.matches(strings.Repeat("a", 700)) {
			t.Errorf("%.20q matches", text)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"a", "a/", "**", "a/**/b", "*a*", "{sub}/*", "a//b", "\xff"} {
		f.Add(s, "ann", "a/b")
	}
	f.Fuzz(func(t *testing.T, text, subject, name string) {
		p, err := parsePattern(text, subject)
		if err != nil {
			return
		}
		p.matches(name)
		if len(p) == 0 {
			t.Error("an empty pattern")
		}
		// Without wildcards a pattern is the name of one stream.
		if !strings.ContainsAny(text, "*{") && !strings.HasSuffix(text, "/") {
			if p.matches(name) != (name == text) {
				t.Errorf("%q matches %q", text, name)
			}
		}
	})
}
