//go:build unix

package host

import (
	"io"
	"sync"
	"time"
)

// Response is a function's answer, from the moment when it begins.
type Response struct {
	// RequestID is the invocation's id.
	RequestID string
	// Process is the number of the process that answers.
	Process int
	// ContentType is what the runtime posted the answer as.
	ContentType string
	// Body is the answer, as it is written. It ends with a [*FunctionError] if the
	// function fails after it has begun, or with [ErrClosed]. Whoever does not want
	// the rest closes it: the function is not told, it runs on and writes into the void.
	// One who neither reads nor closes holds the function up until its timeout.
	Body io.ReadCloser
}

// handover is how long the end of a response waits for the process to become
// free. Runtimes ask for the next invocation a moment after they have answered;
// without this, a client that sends one request after another would, at random,
// meet a process that is not free yet, and start another one or be refused. The
// network's latency hides this on AWS.
const handover = 100 * time.Millisecond

// invocation is one request to a function, until its process is free again.
type invocation struct {
	id, trace string
	payload   []byte
	// limit is how long the answer may be.
	limit    int64
	deadline time.Time

	mu       sync.Mutex
	answer   *io.PipeWriter
	response *Response
	err      error
	claimed  bool

	// begun is closed once there is a response or an error.
	begun chan struct{}
	// finished is closed once the process has asked for the next, or is gone.
	finished chan struct{}
}

func newInvocation(payload []byte, limit int64) *invocation {
	return &invocation{
		id: NewRequestID(), trace: NewTraceID(time.Now()), payload: payload, limit: limit,
		begun: make(chan struct{}), finished: make(chan struct{}),
	}
}

// claim reports whether nobody has answered the invocation before.
func (i *invocation) claim() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	first := !i.claimed
	i.claimed = true
	return first
}

// begin starts the response, and returns where to write it. It returns nil if the
// invocation has failed already.
func (i *invocation) begin(process int, contentType string) *io.PipeWriter {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil || i.response != nil {
		return nil
	}
	r, w := io.Pipe()
	i.answer = w
	i.response = &Response{
		RequestID: i.id, Process: process, ContentType: contentType,
		Body: &responseBody{PipeReader: r, invocation: i},
	}
	close(i.begun)
	return w
}

// fail ends the invocation with an error, in place of a response or in its
// middle. The first error counts, and none after the response's end does.
func (i *invocation) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.response != nil:
		_ = i.answer.CloseWithError(err) // always nil
	case i.err == nil:
		i.err = err
		close(i.begun)
	}
}

// abandon drops the response, if there ever is one.
func (i *invocation) abandon() {
	<-i.begun
	if i.response != nil {
		_ = i.response.Body.Close() // always nil
	}
}

// handOver waits for the process to become free, for a moment.
func (i *invocation) handOver() {
	timer := time.NewTimer(handover)
	defer timer.Stop()
	select {
	case <-i.finished:
	case <-timer.C:
	}
}

// responseBody reads the answer. Its end, good or bad, waits for the handover.
type responseBody struct {
	*io.PipeReader
	invocation *invocation
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil && err != io.ErrClosedPipe {
		b.invocation.handOver()
	}
	return n, err
}

func (b *responseBody) Close() error { return b.CloseWithError(errDropped) }
