package admin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// streamInfo is what is told of a stream.
type streamInfo struct {
	Name        string `json:"name"`
	Incarnation string `json:"incarnation"`
	ContentType string `json:"contentType"`
	CreatedAt   string `json:"createdAt"`
	UsedAt      string `json:"usedAt"`
	Tail        string `json:"tail"`
	Closed      bool   `json:"closed"`
	TTLSeconds  *int64 `json:"ttlSeconds,omitempty"`
	// ExpiresAt is when the stream ends unless it is used before.
	ExpiresAt string        `json:"expiresAt,omitempty"`
	Segments  segmentCounts `json:"segments"`
	// CompactionOwed says that segments ended that are not in objects yet.
	CompactionOwed bool `json:"compactionOwed"`
	// BufferedBytes are those of the records in the head.
	BufferedBytes int `json:"bufferedBytes"`
}

type segmentCounts struct {
	// InObjects are sealed and in objects; Others are in chunks and in the head.
	InObjects uint64 `json:"inObjects"`
	Others    uint64 `json:"others"`
}

// streams answers with a part of the list of streams.
func (h *Handler) streams(r *http.Request) (answer, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return answer{}, err
	}
	var after string
	if q.cursor != "" {
		if after, err = parseStreamCursor(q.cursor); err != nil {
			return answer{}, err
		}
	}
	found, next, err := h.log.Streams(r.Context(), q.prefix, after, q.limit)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		Streams []streamInfo `json:"streams"`
		Next    string       `json:"next,omitempty"`
	}{Streams: make([]streamInfo, len(found))}
	for i, s := range found {
		list.Streams[i] = describe(s.Name, s.Head)
	}
	if next != "" {
		list.Next = streamCursor(next)
	}
	return jsonAnswer(http.StatusOK, list), nil
}

func describe(name string, h *stream.Head) streamInfo {
	s := streamInfo{
		Name: name, Incarnation: h.Incarnation.String(), ContentType: h.ContentType,
		CreatedAt: timestamp(h.CreatedAt), UsedAt: timestamp(h.UsedAt), ExpiresAt: timestamp(h.Deadline),
		Tail: h.Tail.String(), Closed: h.Closed,
		Segments:       segmentCounts{InObjects: h.Compacted, Others: h.Tail.Segment + 1 - h.Compacted},
		CompactionOwed: h.CompactionOwed(), BufferedBytes: h.BufferSize,
	}
	if h.HasTTL {
		seconds := int64(h.TTL / time.Second)
		s.TTLSeconds = &seconds
	}
	return s
}

// timestamp is a time in the form of RFC 3339, or empty for none.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// segmentInfo is what is told of a segment that is in an object.
type segmentInfo struct {
	Stream      string `json:"stream"`
	Incarnation string `json:"incarnation"`
	Segment     uint64 `json:"segment"`
	// From and To are the offsets before and after its records.
	From     string `json:"from"`
	To       string `json:"to"`
	Messages int    `json:"messages"`
	// Bytes is the size of the object, Object its key, CRC32C its checksum, in
	// hexadecimal.
	Bytes  int64  `json:"bytes"`
	Object string `json:"object"`
	CRC32C string `json:"crc32c"`
}

// segments answers with a part of the list of segments.
func (h *Handler) segments(r *http.Request) (answer, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return answer{}, err
	}
	var after stream.SegmentPlace
	if q.cursor != "" {
		if after, err = parseSegmentCursor(q.cursor); err != nil {
			return answer{}, err
		}
	}
	found, next, err := h.log.Segments(r.Context(), q.prefix, after, q.limit)
	if err != nil {
		return answer{}, err
	}
	list := struct {
		Segments []segmentInfo `json:"segments"`
		Next     string        `json:"next,omitempty"`
	}{Segments: make([]segmentInfo, len(found))}
	for i, s := range found {
		list.Segments[i] = segmentInfo{
			Stream: s.Name, Incarnation: s.Incarnation.String(), Segment: s.Segment,
			From: s.From.String(), To: s.To.String(), Messages: s.Count,
			Bytes: s.Size, Object: s.Object, CRC32C: fmt.Sprintf("%08x", s.CRC),
		}
	}
	if next != nil {
		list.Next = segmentCursor(*next)
	}
	return jsonAnswer(http.StatusOK, list), nil
}
