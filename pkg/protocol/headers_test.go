package protocol

import (
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestCloses(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "TRUE": true, "True": true, "": false, "false": false, "1": false, "yes": false, "true, true": false, " true": false} {
		if got := closes(http.Header{"Stream-Closed": {value}}); got != want {
			t.Errorf("Stream-Closed %q closes: %v", value, got)
		}
	}
	if closes(http.Header{"Stream-Closed": {"true", "true"}}) || closes(nil) {
		t.Error("a header that is not there exactly once closes")
	}
}

// A number is accepted exactly if it is digits and in range, and then it is what
// strconv says.
func FuzzParseDigits(f *testing.F) {
	for _, s := range []string{"0", "00", "12", "9007199254740991", "9007199254740992", "18446744073709551616", "-1", "+1", "1e3", " 1", "1\n", "١"} {
		f.Add(s)
	}
	digits := regexp.MustCompile(`\A[0-9]+\z`)
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseUint(s, 10, 64)
		valid := digits.MatchString(s) && err == nil && want <= maxSafeInteger
		if got, ok := parseDigits(s, maxSafeInteger); ok != valid || ok && got != want {
			t.Fatalf("%q is %d, %v; want %d, %v", s, got, ok, want, valid)
		}
	})
}

func FuzzParseTTL(f *testing.F) {
	for _, s := range []string{"0", "1", "00", "01", "3153600000", "3153600001", "99999999999999999999", "1.0", "-1", ""} {
		f.Add(s)
	}
	syntax := regexp.MustCompile(`\A(0|[1-9][0-9]*)\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseTTL(s)
		want, atoiErr := strconv.ParseInt(s, 10, 64)
		valid := syntax.MatchString(s) && atoiErr == nil && want <= int64(maxTTL/time.Second)
		if (err == nil) != valid {
			t.Fatalf("%q gives %v", s, err)
		}
		if err == nil && (got != time.Duration(want)*time.Second || got < 0) {
			t.Fatalf("%q is %v", s, got)
		}
		// No TTL that is accepted overflows a deadline.
		if err == nil && time.Now().Add(got+time.Minute).Year() > 9999 {
			t.Fatalf("%q ends beyond what times can say", s)
		}
	})
}

func FuzzParseExpiresAt(f *testing.F) {
	for _, s := range []string{"2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123+00:00", "9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00.001Z", "2026-1-1T00:00:00Z", "2026-01-01T00:00:00,5Z", "2026-02-30T00:00:00Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseExpiresAt(s)
		if err != nil {
			return
		}
		want, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatalf("%q was accepted: %v", s, err)
		}
		if got.UnixMilli() != want.UnixMilli() || got.UnixMilli() <= 0 || got.Nanosecond()%1e6 != 0 {
			t.Fatalf("%q is %v", s, got)
		}
		// HEAD tells it in a form that gives the same time.
		if got.Year() < 10000 {
			again, err := parseExpiresAt(got.Format(expiresAtFormat))
			if err != nil || !again.Equal(got) {
				t.Fatalf("%q, told as %q, is %v, %v", s, got.Format(expiresAtFormat), again, err)
			}
		}
	})
}

// What is accepted as a content type is one, and decides the same mode here and
// in the core.
func FuzzContentType(f *testing.F) {
	for _, s := range []string{"", "text/plain", "application/json; charset=utf-8", "Application/JSON", "text", "a/b; c", "a/b;c=d;c=e", "application/json ", "multipart/form-data; boundary=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := contentType(http.Header{"Content-Type": {s}})
		if err != nil || got == "" {
			return
		}
		if got != s {
			t.Fatalf("%q became %q", s, got)
		}
		media, _, err := mime.ParseMediaType(s)
		if err != nil || strings.Count(media, "/") != 1 {
			t.Fatalf("%q was accepted: %v", s, err)
		}
		if isJSON(s) != ((stream.Config{ContentType: s}).Unit() == stream.Messages) {
			t.Fatalf("%q: is it JSON?", s)
		}
	})
}

func FuzzProducer(f *testing.F) {
	f.Add("p", "0", "0")
	f.Add("", "1", "x")
	f.Add("\xff", "-1", "9007199254740992")
	f.Fuzz(func(t *testing.T, id, epoch, seq string) {
		got, err := producer(http.Header{"Producer-Id": {id}, "Producer-Epoch": {epoch}, "Producer-Seq": {seq}})
		if err != nil {
			return
		}
		if got.ID != id || id == "" || got.Epoch > maxSafeInteger || got.Seq > maxSafeInteger {
			t.Fatalf("%q %q %q is %+v", id, epoch, seq, got)
		}
	})
}
