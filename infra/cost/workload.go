package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Workload is what a deployment is used for, on average over a month. A field that a
// JSON file leaves out is as in [Usual].
type Workload struct {
	// Name and About say what it is.
	Name  string `json:"name"`
	About string `json:"about"`

	// Streams is how many streams there are, ActiveStreams to how many of them the
	// appends go, in equal parts.
	Streams       float64 `json:"streams"`
	ActiveStreams float64 `json:"activeStreams"`
	// AppendsPerSecond counts requests. Each has MessagesPerRequest messages of
	// MessageBytes.
	AppendsPerSecond   float64 `json:"appendsPerSecond"`
	MessagesPerRequest float64 `json:"messagesPerRequest"`
	MessageBytes       float64 `json:"messageBytes"`
	// Producers is the share of the requests that are numbered by a producer, 0 to 1.
	Producers float64 `json:"producers"`

	// ReadsPerSecond counts catch-up requests, each of which returns ReadBytes. Cold is
	// the share of the bytes that are old enough to be in the bucket, and Tail the share
	// of the requests that ask for no more than the newest records, in the head.
	ReadsPerSecond float64 `json:"readsPerSecond"`
	ReadBytes      float64 `json:"readBytes"`
	Cold           float64 `json:"cold"`
	Tail           float64 `json:"tail"`

	// LiveReaders is how many clients are connected at any time, to WatchedStreams of
	// the active streams, by LongPoll or else by server-sent events. PollFast, PollIdle,
	// LongPollWait and SSELifetime are the settings of these names.
	LiveReaders    float64  `json:"liveReaders"`
	WatchedStreams float64  `json:"watchedStreams"`
	LongPoll       bool     `json:"longPoll"`
	PollFast       Duration `json:"pollFast"`
	PollIdle       Duration `json:"pollIdle"`
	LongPollWait   Duration `json:"longPollWait"`
	SSELifetime    Duration `json:"sseLifetime"`

	// RetentionDays is how long messages are kept. The bill is that of the month in which
	// as much is deleted as is appended; StoredGiB, if it is set, is what there is instead.
	RetentionDays float64 `json:"retentionDays"`
	StoredGiB     float64 `json:"storedGiB"`
	// RetireAfter and ObjectBytes are the settings of these names.
	RetireAfter Duration `json:"retireAfter"`
	ObjectBytes float64  `json:"objectBytes"`

	// CreatedPerDay, DeletedPerDay and ForksPerDay count streams.
	CreatedPerDay float64 `json:"createdPerDay"`
	DeletedPerDay float64 `json:"deletedPerDay"`
	ForksPerDay   float64 `json:"forksPerDay"`

	// R2 says that the bucket is on Cloudflare R2 instead of S3. CloudFront that it is in
	// front; CacheHits is the share of the catch-up reads that it answers, and Edges at
	// how many of its places the long-polls of one stream arrive, each of which asks the
	// function once for all of them. SSE passes through.
	R2         bool    `json:"r2"`
	CloudFront bool    `json:"cloudFront"`
	CacheHits  float64 `json:"cacheHits"`
	Edges      float64 `json:"edges"`

	// MemoryMB is that of the function api, and WorkMemoryMB that of compact and sweep.
	MemoryMB     float64 `json:"memoryMB"`
	WorkMemoryMB float64 `json:"workMemoryMB"`
	// RequestLog says whether there is a log line for each request (LOG_LEVEL=info), and
	// LogDays how long lines are kept. SweepEvery is how often the sweep runs.
	RequestLog bool     `json:"requestLog"`
	LogDays    float64  `json:"logDays"`
	SweepEvery Duration `json:"sweepEvery"`
}

// Duration is a [time.Duration] that JSON has as text, such as "500ms".
type Duration time.Duration

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// seconds is the duration as a number.
func (d Duration) seconds() float64 { return time.Duration(d).Seconds() }

// Usual is a workload that asks for nothing, with the settings that a deployment has if
// nobody changes them.
func Usual() Workload {
	return Workload{
		MessagesPerRequest: 1, MessageBytes: 100,
		PollFast: Duration(50 * time.Millisecond), PollIdle: Duration(250 * time.Millisecond),
		LongPollWait: Duration(20 * time.Second), SSELifetime: Duration(55 * time.Second),
		RetentionDays: 30, RetireAfter: Duration(24 * time.Hour), ObjectBytes: 16 << 10, Edges: 3,
		MemoryMB: 256, WorkMemoryMB: 512, RequestLog: true, LogDays: 30, SweepEvery: Duration(5 * time.Minute),
	}
}

// ReadWorkload reads a workload from JSON. A field that there is not, or a value that
// cannot be, is an error that names it.
func ReadWorkload(r io.Reader) (Workload, error) {
	w := Usual()
	body, err := io.ReadAll(r)
	if err != nil {
		return w, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return w, fmt.Errorf("workload: %w", err)
	}
	return w, w.check()
}

// check reports values that cannot be.
func (w Workload) check() error {
	var errs []error
	for _, f := range []struct {
		name       string
		value      float64
		least, max float64
	}{
		{"streams", w.Streams, 0, 1e12}, {"activeStreams", w.ActiveStreams, 0, w.Streams},
		{"appendsPerSecond", w.AppendsPerSecond, 0, 1e9}, {"messagesPerRequest", w.MessagesPerRequest, 1, 1e6},
		{"messageBytes", w.MessageBytes, 1, 10 << 20}, {"producers", w.Producers, 0, 1},
		{"readsPerSecond", w.ReadsPerSecond, 0, 1e9}, {"readBytes", w.ReadBytes, 0, 4 << 20},
		{"cold", w.Cold, 0, 1}, {"tail", w.Tail, 0, 1},
		{"liveReaders", w.LiveReaders, 0, 1e9}, {"watchedStreams", w.WatchedStreams, 0, w.LiveReaders},
		{"pollFast", w.PollFast.seconds(), 0.001, 3600}, {"pollIdle", w.PollIdle.seconds(), w.PollFast.seconds(), 3600},
		{"longPollWait", w.LongPollWait.seconds(), 1, 900}, {"sseLifetime", w.SSELifetime.seconds(), 1, 900},
		{"retentionDays", w.RetentionDays, 0, 1e5}, {"storedGiB", w.StoredGiB, 0, 1e9},
		{"objectBytes", w.ObjectBytes, 4096, 64 << 10},
		{"retireAfter", w.RetireAfter.seconds(), 60, 1e8},
		{"createdPerDay", w.CreatedPerDay, 0, 1e9}, {"deletedPerDay", w.DeletedPerDay, 0, 1e9}, {"forksPerDay", w.ForksPerDay, 0, 1e9},
		{"cacheHits", w.CacheHits, 0, 1}, {"edges", w.Edges, 1, 1e4},
		{"memoryMB", w.MemoryMB, 128, 10240}, {"workMemoryMB", w.WorkMemoryMB, 128, 10240},
		{"logDays", w.LogDays, 0, 3653}, {"sweepEvery", w.SweepEvery.seconds(), 60, 86400},
	} {
		if !(f.value >= f.least && f.value <= f.max) {
			errs = append(errs, fmt.Errorf("workload: %s is %g; it must be from %g to %g", f.name, f.value, f.least, f.max))
		}
	}
	if w.AppendsPerSecond > 0 && w.ActiveStreams == 0 {
		errs = append(errs, errors.New("workload: activeStreams is 0, but there are appends (appendsPerSecond)"))
	}
	if w.LiveReaders > 0 && w.WatchedStreams == 0 {
		errs = append(errs, errors.New("workload: watchedStreams is 0, but there are liveReaders"))
	}
	return errors.Join(errs...)
}

// A month, as bills have it.
const (
	hoursAMonth   = 730
	secondsAMonth = hoursAMonth * 3600
	daysAMonth    = hoursAMonth / 24.0
	gib           = 1 << 30
)

// requestBytes is the size of an append.
func (w Workload) requestBytes() float64 { return w.MessagesPerRequest * w.MessageBytes }

// each is what one of its appends takes.
func (w Workload) each() appended { return at(w.requestBytes(), w.ObjectBytes) }

// appends is how many there are a month.
func (w Workload) appends() float64 { return w.AppendsPerSecond * secondsAMonth }

// appendsPerSegment is how many requests fill a segment.
func (w Workload) appendsPerSegment() float64 {
	return max(1, min(segmentMessages/w.MessagesPerRequest, segmentBytes/w.requestBytes()))
}

// segments is how many end in a month.
func (w Workload) segments() float64 { return w.appends() / w.appendsPerSegment() }

// stored is how many GiB there are in all.
func (w Workload) stored() float64 {
	if w.StoredGiB > 0 {
		return w.StoredGiB
	}
	return w.AppendsPerSecond * w.requestBytes() * w.RetentionDays * 86400 / gib
}
