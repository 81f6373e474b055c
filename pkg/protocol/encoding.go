package protocol

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// encoding is a content coding (RFC 9110, section 8.4.1); identity is none at all.
type encoding string

const (
	identity   encoding = ""
	gzipCoding encoding = "gzip"
	zstdCoding encoding = "zstd"
)

// offered lists the codings in the order in which they are taken if a client likes them
// equally.
var offered = [...]encoding{zstdCoding, gzipCoding}

var (
	headerVary = []string{"Accept-Encoding"}
	// headerVaryBoth is for pages whose readers' origin matters, too.
	headerVaryBoth = []string{"Origin, Accept-Encoding"}
)

// encodingOf chooses how a page is sent, and tells caches if the client has a say in it.
// Small pages and those that are not text are sent as they are: what is in them may be
// compressed already.
func (x *exchange) encodingOf(p *stream.Page) encoding {
	if x.config.CompressFrom < 0 || p.Size < x.config.CompressFrom || !compresses(p.Head.ContentType) {
		return identity
	}
	h := x.w.Header()
	if _, byOrigin := h["Vary"]; byOrigin {
		h["Vary"] = headerVaryBoth
	} else {
		h["Vary"] = headerVary
	}
	return accepted(x.r.Header["Accept-Encoding"])
}

// compresses reports whether a content type is text of some kind.
func compresses(contentType string) bool {
	media := stream.MediaType(contentType)
	if isText(contentType) || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml") {
		return true
	}
	switch media {
	case "application/xml", "application/javascript", "application/x-ndjson", "application/jsonl":
		return true
	}
	return false
}

// accepted returns the coding that an Accept-Encoding field likes best (RFC 9110, section
// 12.5.3), and identity if it likes that better, or names none that is offered.
func accepted(fields []string) encoding {
	weights := map[string]int{}
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			if weight, ok := qvalue(parameters); ok {
				weights[strings.ToLower(strings.TrimSpace(coding))] = weight
			}
		}
	}
	best, most := identity, max(1, weights["identity"]) // 0 is never
	for _, e := range offered {
		weight, named := weights[string(e)]
		if !named && e == gzipCoding {
			// Who says "anything" may not know the newer ones.
			weight = weights["*"]
		}
		if weight > most || weight == most && best == identity {
			best, most = e, weight
		}
	}
	return best
}

// qvalue returns the weight of an element in thousandths; without parameters it is 1.
func qvalue(parameters string) (int, bool) {
	name, value, found := strings.Cut(parameters, "=")
	if !found {
		return 1000, strings.TrimSpace(parameters) == ""
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(q >= 0 && q <= 1) || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 0, false
	}
	return int(q * 1000), true
}

// suffix sets the entity tags of an encoding apart: they are other bytes (RFC 9110,
// section 8.8.1).
func (e encoding) suffix() string {
	if e == identity {
		return ""
	}
	return "+" + string(e)
}

// encoder compresses bodies, for any number of requests at once. Its memory is bounded by
// what is compressed at the same time: in zstd at most one body a processor.
type encoder struct {
	zstd  *zstd.Encoder
	gzips sync.Pool
}

// zstdWindow is enough for messages that repeat each other, and keeps the memory of an
// encoder small.
const zstdWindow = 512 << 10

// newEncoder returns an encoder of the fastest levels. The next ones take twice the time
// for a few percent (BenchmarkEncoding).
func newEncoder() (*encoder, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(zstdWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	c := &encoder{zstd: z}
	c.gzips.New = func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // there is such a level
		return w
	}
	return c, nil
}

// append appends a body to b, in an encoding that is not identity.
func (c *encoder) append(b []byte, e encoding, body []byte) []byte {
	if e == zstdCoding {
		return c.zstd.EncodeAll(body, b)
	}
	w := c.gzips.Get().(*gzip.Writer)
	defer c.gzips.Put(w)
	out := bytes.NewBuffer(b)
	w.Reset(out)
	_, _ = w.Write(body) // memory takes all
	_ = w.Close()
	return out.Bytes()
}
