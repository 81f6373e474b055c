package main

import (
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What the calculator takes for granted is what a deployment has if nobody sets it.
func TestDefaultsAreTheServers(t *testing.T) {
	if l := stream.DefaultLimits(); l.SegmentCount != segmentMessages || l.SegmentSize != segmentBytes {
		t.Errorf("a segment holds %d messages and %d bytes, not %d and %d", l.SegmentCount, l.SegmentSize, segmentMessages, segmentBytes)
	}
	c, err := config.ReadFunction(map[string]string{
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.SweepItems != sweepItems || c.SweepObjects != sweepObjects {
		t.Errorf("a sweep looks at %d items and %d objects, not %d and %d", c.SweepItems, c.SweepObjects, sweepItems, sweepObjects)
	}
	w := Usual()
	if c.ObjectBytes != int(w.ObjectBytes) {
		t.Errorf("OBJECT_BYTES is %d, not %g", c.ObjectBytes, w.ObjectBytes)
	}
	for name, d := range map[string][2]time.Duration{
		"POLL_FAST":      {c.PollFast, time.Duration(w.PollFast)},
		"POLL_IDLE":      {c.PollIdle, time.Duration(w.PollIdle)},
		"LONG_POLL_WAIT": {c.LongPollWait, time.Duration(w.LongPollWait)},
		"SSE_LIFETIME":   {c.SSELifetime, time.Duration(w.SSELifetime)},
		"RETIRE_AFTER":   {c.RetireAfter, time.Duration(w.RetireAfter)},
	} {
		if d[0] != d[1] {
			t.Errorf("%s is %v, not %v", name, d[0], d[1])
		}
	}
	if on := c.LogLevel == "info"; on != w.RequestLog {
		t.Errorf("LOG_LEVEL is %s, and requestLog %v", c.LogLevel, w.RequestLog)
	}
}
