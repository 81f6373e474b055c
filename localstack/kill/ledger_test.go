package kill

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// entry is a message of a ledger: who wrote it, and which of his it is.
type entry struct {
	Writer int    `json:"w"`
	Number int    `json:"n"`
	Filler string `json:"f"`
}

// id is the entry without its filling.
func (e entry) id() [2]int { return [2]int{e.Writer, e.Number} }

// ledger is a long stream that several clients write, and that others read live. What the writers
// were told is what it is held to.
type ledger struct {
	url     string
	writers []*writer
	readers []*reader
}

// writer appends one entry after the other. A producer repeats a request until it is answered;
// others never repeat one.
type writer struct {
	id       int
	producer bool
	// Entries below next were sent, and told is what became of them.
	next int
	told []outcome
}

type outcome int

const (
	doubtful outcome = iota
	acknowledged
	refused
)

// reader follows the ledger in one way, and goes on where it was.
type reader struct {
	live string
	read [][2]int
}

func newLedger(base string, number int) *ledger {
	l := &ledger{url: base + "ledger/" + strconv.Itoa(number)}
	for i := range 4 {
		l.writers = append(l.writers, &writer{id: i, producer: i%2 == 1})
	}
	for _, live := range []string{"", "long-poll", "sse"} {
		l.readers = append(l.readers, &reader{live: live})
	}
	return l
}

// run writes until writing ends, and reads until all that was written then is read, or ctx ends.
func (l *ledger) run(ctx, writing context.Context, client *http.Client) error {
	for {
		status, _, _, err := l.send(ctx, client, http.MethodPut, nil, nil)
		if status == http.StatusCreated || status == http.StatusOK {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s was not created: %d, %w", l.url, status, err)
		}
	}
	errs := make(chan error, len(l.writers)+len(l.readers))
	var writers, readers sync.WaitGroup
	for _, w := range l.writers {
		writers.Go(func() { errs <- l.write(ctx, writing, client, w) })
	}
	var end atomic.Pointer[string]
	for _, r := range l.readers {
		readers.Go(func() { errs <- l.follow(ctx, client, r, &end) })
	}
	writers.Wait()
	for ctx.Err() == nil && end.Load() == nil {
		if status, header, _, err := l.send(ctx, client, http.MethodHead, nil, nil); err == nil && status == http.StatusOK {
			next := header.Get("Stream-Next-Offset")
			end.Store(&next)
		}
	}
	readers.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (l *ledger) write(ctx, writing context.Context, client *http.Client, w *writer) error {
	for writing.Err() == nil || w.producer && len(w.told) > w.next {
		e := entry{Writer: w.id, Number: w.next, Filler: strings.Repeat("x", 20+200*(w.next%3))}
		switch w.next % 60 {
		case 20: // too large for a head's buffer
			e.Filler = strings.Repeat("y", 100_000)
		case 50: // an object
			e.Filler = strings.Repeat("z", 300_000)
		}
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		header := http.Header{}
		if w.producer {
			header = http.Header{"Producer-Id": {fmt.Sprint("p", w.id)}, "Producer-Epoch": {"0"}, "Producer-Seq": {strconv.Itoa(w.next)}}
		}
		if len(w.told) == w.next {
			w.told = append(w.told, doubtful)
		}
		status, _, text, err := l.send(ctx, client, http.MethodPost, header, body)
		refusedConnection, _ := errors.AsType[*net.OpError](err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case refusedConnection != nil && refusedConnection.Op == "dial" && !w.producer:
			w.told = w.told[:w.next] // nobody was there to get it
			continue
		case err != nil || status >= 500 && !strings.Contains(text, "nothing was changed"):
		case status == http.StatusOK, status == http.StatusNoContent:
			w.told[w.next] = acknowledged
		case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
			w.told[w.next] = refused
		default:
			return fmt.Errorf("writer %d, entry %d: %d %s", w.id, w.next, status, text)
		}
		if !w.producer || w.told[w.next] == acknowledged {
			w.next++
		}
	}
	return nil
}

// follow reads on until it is where the ledger ends.
func (l *ledger) follow(ctx context.Context, client *http.Client, r *reader, end *atomic.Pointer[string]) error {
	offset := "-1"
	for {
		if last := end.Load(); last != nil && *last == offset {
			return nil
		}
		query := "?offset=" + offset
		if r.live != "" {
			query += "&live=" + r.live
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url+query, nil)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			offset, err = r.take(response, offset)
			response.Body.Close()
			if err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the reader by %q is at %s: %w", r.live, offset, ctx.Err())
		}
		if r.live == "" {
			time.Sleep(20 * time.Millisecond) // it is not the one to load the server
		}
	}
}

// take adds what a response has, and returns where it ends. A response that is torn counts as far
// as it goes.
func (r *reader) take(response *http.Response, from string) (next string, err error) {
	switch {
	case response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests:
		return from, nil
	case response.StatusCode > http.StatusNoContent:
		return from, fmt.Errorf("a read by %q from %s: %s", r.live, from, response.Status)
	case r.live == "sse":
		return r.takeEvents(response.Body, from)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return from, nil
	}
	if err := r.add(body); err != nil {
		return from, err
	}
	return response.Header.Get("Stream-Next-Offset"), nil
}

func (r *reader) takeEvents(body io.Reader, from string) (next string, err error) {
	next = from
	var data []byte
	kind := ""
	for lines := bufio.NewReader(body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return next, nil
		}
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case field == "event":
			kind = strings.TrimSpace(value)
		case field == "data" && kind == "data":
			data = []byte(value)
		case field == "data" && kind == "control":
			var control struct{ StreamNextOffset string }
			if err := json.Unmarshal([]byte(value), &control); err != nil {
				return next, err
			}
			if err := r.add(data); err != nil {
				return next, err
			}
			next, data = control.StreamNextOffset, nil
		}
	}
}

func (r *reader) add(page []byte) error {
	if len(page) == 0 {
		return nil
	}
	var entries []entry
	if err := json.Unmarshal(page, &entries); err != nil {
		return fmt.Errorf("a page that is none: %w", err)
	}
	for _, e := range entries {
		r.read = append(r.read, e.id())
	}
	return nil
}

func (l *ledger) send(ctx context.Context, client *http.Client, method string, header http.Header, body []byte) (status int, answered http.Header, text string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, l.url, strings.NewReader(string(body)))
	if err != nil {
		return 0, nil, "", err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(b), err
}

// tally is what became of the entries of ledgers.
type tally struct {
	acknowledged, doubtful, refused int
	lost, repeated, reordered       int
}

// check holds what was read against what the writers were told.
func (l *ledger) check(all *tally) error {
	read := l.readers[0].read
	for _, r := range l.readers[1:] {
		if !slices.Equal(r.read, read) {
			return fmt.Errorf("%s: the reader by %q has %d entries, others than the %d of catching up", l.url, r.live, len(r.read), len(read))
		}
	}
	times, last := map[[2]int]int{}, map[int]int{}
	for _, id := range read {
		if times[id]++; times[id] > 1 {
			all.repeated++
		}
		if previous, seen := last[id[0]]; seen && id[1] < previous {
			all.reordered++
		}
		last[id[0]] = id[1]
	}
	sent := 0
	for _, w := range l.writers {
		for n, o := range w.told {
			there := times[[2]int{w.id, n}] > 0
			delete(times, [2]int{w.id, n})
			sent++
			switch o {
			case acknowledged:
				all.acknowledged++
				if !there {
					all.lost++
				}
			case doubtful:
				all.doubtful++
			case refused:
				all.refused++
				if there {
					return fmt.Errorf("%s: entry %d of writer %d is there, and it was told that nothing happened", l.url, n, w.id)
				}
			}
		}
	}
	if len(times) > 0 {
		return fmt.Errorf("%s: %d entries were never sent: %v", l.url, len(times), times)
	}
	return nil
}
