package bucket_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// numbered are keys as fill makes them.
func numbered(from, to int) (keys []string) {
	for i := from; i < to; i++ {
		keys = append(keys, fmt.Sprintf("a/%04d", i))
	}
	return keys
}

// What it costs: the deletes, and one list unless the keys are far apart.
func TestRemoveRequests(t *testing.T) {
	list, del := "list", "delete"
	every := func(step int) (keys []string) {
		for i, key := range numbered(0, 3500) {
			if i%step == 0 {
				keys = append(keys, key)
			}
		}
		return keys
	}
	for _, c := range []struct {
		name     string
		keys     []string
		requests []string
	}{
		{"none", nil, nil},
		{"one", numbered(5, 6), []string{del, list}},
		{"the last", numbered(3499, 3500), []string{del, list}},
		{"one page", numbered(700, 1700), []string{del, list}},
		{"several pages", numbered(700, 2950), []string{del, del, del, list}},
		{"all", numbered(0, 3500), []string{del, del, del, del, list}},
		{"a few between many", every(100), []string{del, list, list, list, list}},
		{"two, far apart", []string{"a/0000", "a/3400"}, []string{del, list, list}},
		{"another between many", append(numbered(0, 1000), "a/3400"), []string{del, del, list, list}},
		// Between a/ and a/9 is all there is.
		{"those that are not there", []string{"a", "a/0100x", "a/9", "b"}, []string{del, list, list, list, list}},
		{"a key twice", []string{"a/0001", "a/0000", "a/0001"}, []string{del, list}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			for _, key := range numbered(0, 3500) {
				f.objects[key] = stored{}
			}
			left := 0
			for key := range f.objects {
				if !slices.Contains(c.keys, key) {
					left++
				}
			}
			must(t, f.store().RemoveObjects(t.Context(), c.keys))
			f.wantRequests(c.requests...)
			for _, key := range c.keys {
				if _, found := f.objects[key]; found {
					t.Errorf("%s is left", key)
				}
			}
			if len(f.objects) != left {
				t.Errorf("%d objects are left, want %d", len(f.objects), left)
			}
		})
	}
}

func TestRemoveFailures(t *testing.T) {
	list, del := "list", "delete"
	for _, c := range []struct {
		name     string
		faults   []fault
		delete   func([]string) ([]string, []types.Error)
		want     string
		requests []string
	}{
		{"answers 200 and deletes nothing", nil, func([]string) ([]string, []types.Error) { return nil, nil }, "unknown", []string{del, list}},
		{"answers 200 and leaves the first out", nil, func(keys []string) ([]string, []types.Error) { return keys[1:], nil }, "unknown", []string{del, list}},
		{"answers 200 and leaves the last out", nil, func(keys []string) ([]string, []types.Error) { return keys[:len(keys)-1], nil }, "unknown", []string{del, list}},
		{"fails for one key", nil, func(keys []string) ([]string, []types.Error) {
			return keys[1:], []types.Error{{Key: aws.String(keys[0]), Code: aws.String("InternalError")}}
		}, "unknown", []string{del, del, del}},
		{"denied", []fault{before(accessDenied)}, nil, "rejected", []string{del}},
		{"throttled", repeated(before(slowDown)), nil, "not applied", []string{del, del, del}},
		{"500 once, applied", []fault{after(internal)}, nil, "success", []string{del, del, list}},
		{"not answered in time, not applied", []fault{before(errHangs)}, nil, "success", []string{del, del, list}},
		{"the list after it fails", append([]fault{{}}, repeated(before(internal))...), nil, "unknown", []string{del, list, list, list}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				fill(t, f, 500)
				f.faults, f.delete = c.faults, c.delete
				err := f.store().RemoveObjects(t.Context(), numbered(3, 300))
				if outcome(err) != c.want {
					t.Errorf("%s, want %s: %v", outcome(err), c.want, err)
				}
				f.wantRequests(c.requests...)
				f.faults, f.delete = nil, nil
				must(t, f.store().RemoveObjects(t.Context(), numbered(3, 300)))
				if len(f.objects) != 500-297 {
					t.Errorf("%d objects are left", len(f.objects))
				}
			})
		})
	}
}

// A store that has more objects than a page before the first key, and that answers with
// pages without a key, is listed on until the last key.
func TestRemoveBetweenMany(t *testing.T) {
	f := newFake(t)
	for i := range 2500 {
		must(t, put(t.Context(), f.store(), fmt.Sprintf("a/%c/%04d", 'a'+i%3, i), ""))
	}
	f.requests = nil
	keys := []string{"a/z", "a/b/2497"}
	f.delete = func(keys []string) ([]string, []types.Error) { return nil, nil }
	pages := 0
	f.list = func(out *s3.ListObjectsV2Output) {
		if pages++; pages == 1 {
			out.Contents, out.IsTruncated, out.NextContinuationToken = nil, aws.Bool(true), aws.String("a/0")
		}
	}
	if err := f.store().RemoveObjects(t.Context(), keys); outcome(err) != "unknown" {
		t.Errorf("the object is still there: %v", err)
	}
	f.delete = nil
	must(t, f.store().RemoveObjects(t.Context(), keys))
	if len(f.objects) != 2499 {
		t.Errorf("%d objects are left", len(f.objects))
	}
}
