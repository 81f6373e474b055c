package bucket_test

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a request takes of the bucket is each attempt, and the time that it was under way.
func TestUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, before(slowDown), after(reset), fault{}, before(errHangs), fault{}, fault{})
		store, u := f.store(), new(stream.Usage)
		ctx := stream.WithUsage(t.Context(), u)
		if err := put(ctx, store, "a/1", "body"); err != nil { // throttled, lost, there already, read in vain, read
			t.Fatal(err)
		}
		if _, err := store.ListObjects(ctx, "a/", "", 10); err != nil {
			t.Fatal(err)
		}
		call := func(name string) stream.Call { return stream.Call{Store: stream.Bucket, Operation: name} }
		want := []stream.Calls{{Call: call("PutObject"), Requests: 3}, {Call: call("GetObject"), Requests: 2}, {Call: call("ListObjectsV2"), Requests: 1}}
		got := u.Spent()
		if !reflect.DeepEqual(got.Calls, want) || got.Requests(stream.Bucket) != len(f.requests) {
			t.Errorf("spent %+v, of the requests %v", got, f.requests)
		}
		if got.Busy < time.Second || got.Busy > time.Minute {
			t.Errorf("busy for %v", got.Busy)
		}
	})
}
