package bucket_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// fill stores n objects.
func fill(t *testing.T, f *fake, n int) {
	s := f.store()
	for i := range n {
		must(t, put(t.Context(), s, fmt.Sprintf("a/%04d", i), ""))
	}
	f.requests = nil
}

func TestDiscardFailures(t *testing.T) {
	list, del := "list", "delete"
	perKey := func(code string) func([]string) ([]string, []types.Error) {
		return func(keys []string) ([]string, []types.Error) {
			return keys[1:], []types.Error{{Key: aws.String(keys[0]), Code: aws.String(code), Message: aws.String("why")}}
		}
	}
	for _, c := range []struct {
		name     string
		faults   []fault
		delete   func([]string) ([]string, []types.Error)
		want     string
		requests []string
	}{
		{"answers 200 and deletes nothing", nil, func([]string) ([]string, []types.Error) { return nil, nil }, "unknown", []string{list, del, list}},
		{"answers 200 and leaves one out", nil, func(keys []string) ([]string, []types.Error) { return keys[:len(keys)-1], nil }, "unknown", []string{list, del, list}},
		{"fails for one key", nil, perKey("InternalError"), "unknown", []string{list, del, del, del}},
		{"throttled for one key, others are gone", nil, perKey("SlowDown"), "unknown", []string{list, del, del, del}},
		{"denied for a key", nil, perKey("AccessDenied"), "rejected", []string{list, del}},
		{"denied", []fault{{}, before(accessDenied)}, nil, "rejected", []string{list, del}},
		{"may not list", []fault{before(accessDenied)}, nil, "rejected", []string{list}},
		{"throttled", append([]fault{{}}, repeated(before(slowDown))...), nil, "not applied", []string{list, del, del, del}},
		{"500 once, applied", []fault{{}, after(internal)}, nil, "success", []string{list, del, del, list}},
		{"not answered in time, not applied", []fault{{}, before(errHangs)}, nil, "success", []string{list, del, del, list}},
		{"the list after it fails", append([]fault{{}, {}}, repeated(before(internal))...), nil, "unknown", []string{list, del, list, list, list}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				fill(t, f, 5)
				f.faults, f.delete = c.faults, c.delete
				done, err := f.store().DiscardObjects(t.Context(), "a/", 100)
				if outcome(err) != c.want || done != (c.want == "success") {
					t.Errorf("%v, %s, want %s: %v", done, outcome(err), c.want, err)
				}
				f.wantRequests(c.requests...)
			})
		})
	}
}

// A discard that was interrupted is finished by the next one.
func TestDiscardAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		fill(t, f, 2500)
		f.faults = []fault{{}, {}, {}, before(accessDenied)}
		if _, err := f.store().DiscardObjects(t.Context(), "a/", 2500); outcome(err) != "rejected" {
			t.Fatal(err)
		}
		if len(f.objects) != 1500 {
			t.Fatalf("%d objects are left", len(f.objects))
		}
		f.requests = nil
		if done, err := f.store().DiscardObjects(t.Context(), "a/", 2500); err != nil || !done || len(f.objects) != 0 {
			t.Fatalf("%v, %v, %d objects are left", done, err, len(f.objects))
		}
		// The cost that the package's comment gives.
		f.wantRequests("list", "delete", "list", "delete", "list")
	})
}

func TestBadLists(t *testing.T) {
	contents := func(keys ...string) (all []types.Object) {
		for _, key := range keys {
			all = append(all, types.Object{Key: aws.String(key)})
		}
		return all
	}
	more := func(out *s3.ListObjectsV2Output) {
		out.IsTruncated, out.NextContinuationToken = aws.Bool(true), aws.String("a/0000")
	}
	for _, c := range []struct {
		name string
		list func(*s3.ListObjectsV2Output)
	}{
		{"starts over", func(out *s3.ListObjectsV2Output) { out.Contents = contents("a/0000", "a/0001"); more(out) }},
		{"repeats its last key", func(out *s3.ListObjectsV2Output) { out.Contents = contents("a/0000"); more(out) }},
		{"has no end", func(out *s3.ListObjectsV2Output) { out.Contents = nil; more(out) }},
		{"is truncated without a token", func(out *s3.ListObjectsV2Output) { out.IsTruncated = aws.Bool(true) }},
		{"is not in order", func(out *s3.ListObjectsV2Output) { out.Contents = contents("a/0001", "a/0000") }},
		{"has a key twice", func(out *s3.ListObjectsV2Output) { out.Contents = contents("a/0001", "a/0001") }},
		{"has keys of others", func(out *s3.ListObjectsV2Output) { out.Contents = contents("a/0001", "b/0001") }},
		{"has an object without a key", func(out *s3.ListObjectsV2Output) { out.Contents = []types.Object{{}} }},
		{"has more than was asked for", func(out *s3.ListObjectsV2Output) {
			out.Contents = nil
			for i := range 1001 {
				out.Contents = append(out.Contents, contents(fmt.Sprintf("a/%04d", i))...)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			fill(t, f, 3)
			f.list = c.list
			if keys, err := f.store().ListObjects(t.Context(), "a/", "", 5000); outcome(err) != "unknown" {
				t.Errorf("%d keys, %v, want an error", len(keys), err)
			}
			// Nothing may be deleted on the word of such a list.
			if done, err := f.store().DiscardObjects(t.Context(), "a/", 5000); outcome(err) != "unknown" || len(f.objects) != 3 {
				t.Errorf("discard: %v, %v, %d objects are left", done, err, len(f.objects))
			}
		})
	}
}

// Pages without a key are not the end of a list.
func TestEmptyPages(t *testing.T) {
	f := newFake(t)
	fill(t, f, 2)
	pages := 0
	f.list = func(out *s3.ListObjectsV2Output) {
		if pages++; pages < 4 {
			out.Contents, out.IsTruncated, out.NextContinuationToken = nil, aws.Bool(true), aws.String(fmt.Sprint("Z", pages))
		}
	}
	keys, err := f.store().ListObjects(t.Context(), "a/", "", 10)
	if err != nil || len(keys) != 2 {
		t.Errorf("%v, %v", keys, err)
	}
}
