package protocol

import (
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// headerDebugTiming asks for a Server-Timing header, by the value 1.
const headerDebugTiming = "X-Debug-Timing"

// serverTiming adds Server-Timing (W3C Server Timing) to an answer whose client asks for
// it: durations in milliseconds and counts, and nothing else, up to the moment at which
// the headers leave. What a live reader waits for later is not in it, nor a flush after
// the answer.
//
//	total     since the request began
//	store     in which a request to a store was under way, and how many there were
//	units     capacity units of the table
//	attempts  of an append, and how many met a head that did not admit them
//	wait      for data
//
// Such an answer is nobody else's: caches must not keep it, though they may give one that
// they have, without the header.
func (x *exchange) serverTiming() {
	if asked := x.r.Header[headerDebugTiming]; len(asked) != 1 || asked[0] != "1" {
		return
	}
	h := x.w.Header()
	h["Server-Timing"] = []string{string(x.appendTiming(nil))}
	h["Timing-Allow-Origin"] = headerAnyOrigin // or scripts of other origins see zeros
	h["Cache-Control"] = headerNoStore
}

func (x *exchange) appendTiming(b []byte) []byte {
	spent := x.usage.Spent()
	b = appendDuration(append(b, "total"...), time.Since(x.start))
	if len(spent.Calls) > 0 {
		b = appendDuration(append(b, ", store"...), spent.Busy)
		b = append(b, `;desc="`...)
		b = appendCount(b, spent.Requests(stream.Table), " table, ")
		b = appendCount(b, spent.Requests(stream.Bucket), ` bucket"`)
	}
	if spent.ReadUnits+spent.WriteUnits > 0 {
		b = append(b, `, units;desc="`...)
		b = strconv.AppendFloat(b, spent.ReadUnits, 'f', -1, 64)
		b = append(b, " read, "...)
		b = strconv.AppendFloat(b, spent.WriteUnits, 'f', -1, 64)
		b = append(b, ` write"`...)
	}
	if spent.Attempts > 0 {
		b = append(b, `, attempts;desc="`...)
		b = appendCount(b, spent.Attempts, ", ")
		b = appendCount(b, spent.Conflicts, ` in conflict"`)
	}
	if x.live.Waited > 0 {
		b = appendDuration(append(b, ", wait"...), x.live.Waited)
	}
	return b
}

func appendDuration(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(append(b, ";dur="...), float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

func appendCount(b []byte, n int, unit string) []byte {
	return append(strconv.AppendInt(b, int64(n), 10), unit...)
}
