package protocol

import (
	"net/http"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The headers of a fork (section 4.2).
const (
	headerForkedFrom = "Stream-Forked-From"
	headerForkAt     = "Stream-Fork-Offset"
	headerForkSub    = "Stream-Fork-Sub-Offset"
)

// fork reads from where a new stream inherits; nil means that it does not.
func fork(h http.Header) (*stream.Fork, error) {
	source, forks, err := one(h, headerForkedFrom)
	if err != nil {
		return nil, err
	}
	if !forks {
		for _, key := range []string{headerForkAt, headerForkSub} {
			if _, present := h[key]; present {
				return nil, problem(errBadHeader, "%s needs %s", key, headerForkedFrom)
			}
		}
		return nil, nil
	}
	f := &stream.Fork{}
	path, ok := strings.CutPrefix(source, pathPrefix)
	if !ok {
		return nil, problem(errBadHeader, "%s must be the path of a stream of this server, such as %sid", headerForkedFrom, pathPrefix)
	}
	if f.Source, err = parseName(path); err != nil {
		return nil, err
	}
	at, hasAt, err := one(h, headerForkAt)
	if err != nil {
		return nil, err
	}
	if hasAt {
		if f.At, err = stream.ParseOffset(at); err != nil {
			return nil, problem(errBadHeader, "%s must be a Stream-Next-Offset that the source gave out, or %v for its start", headerForkAt, stream.Offset{})
		}
		f.HasAt = true
	}
	f.Sub, err = forkSub(h)
	if err == nil && f.Sub > 0 && !hasAt {
		err = problem(errBadHeader, "%s needs %s", headerForkSub, headerForkAt)
	}
	return f, err
}

// forkSub reads a whole number without sign or leading zeros; absent means 0.
func forkSub(h http.Header) (uint64, error) {
	sub, present, err := one(h, headerForkSub)
	if err != nil || !present {
		return 0, err
	}
	n, ok := parseDigits(sub, maxSafeInteger)
	if !ok || sub != "0" && sub[0] == '0' {
		return 0, problem(errBadHeader, "%s must be a whole number from 0 to %d, written without leading zeros", headerForkSub, uint64(maxSafeInteger))
	}
	return n, nil
}

// forkType returns the content type of a fork's first content if its request has none:
// that of its source. Where there is no source the log will say so.
func (x *exchange) forkType(f *stream.Fork) string {
	if head, err := x.log.Head(x.ctx, f.Source); err == nil {
		return head.ContentType
	}
	return ""
}
