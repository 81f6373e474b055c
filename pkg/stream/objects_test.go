package stream_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What can be a key, and what cannot.
func TestCheckObjectKey(t *testing.T) {
	long := strings.Repeat("x", 255)
	for key, ok := range map[string]bool{
		"x": true, "a/b": true, "A-Z_a.z=9/0": true, "..x": true, "x/...": true, long: true,
		long + "/" + long + "/" + long + "/" + long: true, long + "/" + long + "/" + long + "/" + long + "/": false,
		"": false, "/": false, "/x": false, "x/": false, "a//b": false, ".": false, "..": false, "a/./b": false, "../x": false,
		long + "x": false, "a b": false, "a\\b": false, "ä": false, "a+b": false, "a%2fb": false, "a\x00": false,
		strings.Repeat("x/", 512) + "x": false,
	} {
		if err := stream.CheckObjectKey(key); (err == nil) != ok || err != nil && !errors.Is(err, stream.ErrRejected) {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestCheckObjectCalls(t *testing.T) {
	for i, c := range []struct {
		err error
		ok  bool
	}{
		{stream.CheckObjectRange(0, 1), true},
		{stream.CheckObjectRange(5, -1), true},
		{stream.CheckObjectRange(0, math.MaxInt64), true},
		{stream.CheckObjectRange(-1, 1), false},
		{stream.CheckObjectRange(0, 0), false},
		{stream.CheckObjectRange(1, math.MaxInt64), false},
		{stream.CheckObjectList("", "", 1), true},
		{stream.CheckObjectList("a/", "a/b", 9), true},
		{stream.CheckObjectList("a b", "", 9), false},
		{stream.CheckObjectList("a", "ä", 9), false},
		{stream.CheckObjectList("a", "", 0), false},
		{stream.CheckObjectDiscard("a", 1), true},
		{stream.CheckObjectDiscard("", 1), false},
		{stream.CheckObjectDiscard("a", 0), false},
	} {
		if (c.err == nil) != c.ok || c.err != nil && !errors.Is(c.err, stream.ErrRejected) {
			t.Errorf("row %d: %v", i, c.err)
		}
	}
}
