package linear

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Doer makes requests, as [http.Client] does.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client makes one request after the other to the streams of a group, and records them.
type Client struct {
	// History takes its records, as those of the client with this ID to a Group.
	History *History
	Group   string
	ID      int
	// HTTP makes its requests to the server at Base, whose path ends with a slash: what follows
	// is a stream's name.
	HTTP Doer
	Base string
	// Path is the path of Base, for sources of forks.
	Path string
}

// errNothing says that a request had no effect, and told nothing of the stream.
var errNothing = errors.New("nothing happened")

// Do makes a request that is not a read, and records it unless it had no effect for want of
// storage; then it reports false.
func (c *Client) Do(ctx context.Context, r Request) (Answer, bool) {
	method := map[Kind]string{Create: http.MethodPut, Append: http.MethodPost, Delete: http.MethodDelete, Head: http.MethodHead}[r.Kind]
	header := make(http.Header)
	set := func(key, value string) {
		if value != "" {
			header.Set(key, value)
		}
	}
	set("Content-Type", r.Type)
	set("Stream-Seq", r.Seq)
	if r.Closed {
		set("Stream-Closed", "true")
	}
	if r.Producer != "" {
		set("Producer-Id", r.Producer)
		set("Producer-Epoch", strconv.FormatUint(r.Epoch, 10))
		set("Producer-Seq", strconv.FormatUint(r.Number, 10))
	}
	if r.Source != "" {
		set("Stream-Forked-From", c.Path+r.Source)
		set("Stream-Fork-Offset", r.At)
	}
	sent := c.History.now()
	response, err := c.send(ctx, method, r.Name, header, encode(r))
	var a Answer
	if err == nil {
		a, err = answer(response)
		response.Body.Close()
	}
	if errors.Is(err, errNothing) || err != nil && r.Kind == Head {
		return Answer{}, false
	}
	if err != nil {
		a = Answer{Unknown: true}
	}
	c.History.add(c.Group, c.ID, r, sent, a)
	return a, true
}

// Get reads a stream from an offset: what there is, or with "long-poll" or "sse" what comes, and
// records what it was told. It reports false if that was nothing.
func (c *Client) Get(ctx context.Context, name, from, live string) (Answer, bool) {
	sent := c.History.now()
	query := url.Values{"offset": {from}}
	if live != "" {
		query.Set("live", live)
	}
	response, err := c.send(ctx, http.MethodGet, name+"?"+query.Encode(), nil, "")
	if err != nil {
		return Answer{}, false
	}
	defer response.Body.Close()
	if live == "sse" && response.StatusCode == http.StatusOK {
		return c.events(name, from, sent, response)
	}
	a, err := answer(response)
	if err != nil {
		return Answer{}, false
	}
	c.History.add(c.Group, c.ID, Request{Kind: Read, Name: name, From: from}, sent, a)
	return a, true
}

// events records what server-sent events tell, each as a read of its own that began with the
// response, and returns the last. What is torn tells nothing.
func (c *Client) events(name, from string, sent int64, response *http.Response) (last Answer, told bool) {
	var all []event
	defer func() { c.History.addEvents(c.Group, c.ID, sent, all) }()
	kind, data := "", ""
	for lines := bufio.NewReader(response.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return last, told
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case field == "event":
			kind = strings.TrimPrefix(value, " ")
		case field == "data" && kind == "data":
			data = strings.TrimPrefix(value, " ")
		case field == "data" && kind == "control":
			var control struct {
				StreamNextOffset       string
				UpToDate, StreamClosed bool
			}
			text, err := decode(response.Header.Get("Content-Type"), data)
			if data == "" {
				text, err = "", nil
			}
			if err != nil || json.Unmarshal([]byte(value), &control) != nil {
				text, control.StreamNextOffset = "not an event: "+line, ""
			}
			last, told = Answer{Status: http.StatusOK, Text: text, Next: control.StreamNextOffset, UpToDate: control.UpToDate, Closed: control.StreamClosed}, true
			all = append(all, event{Request{Kind: Read, Name: name, From: from}, last, c.History.now()})
			from, data = last.Next, ""
		}
	}
}

func (c *Client) send(ctx context.Context, method, target string, header http.Header, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.Base+target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	response, err := c.HTTP.Do(request)
	if refused, ok := errors.AsType[*net.OpError](err); ok && refused.Op == "dial" {
		return nil, errNothing // nobody was there to get it
	}
	return response, err
}

// answer reads a response. It fails with errNothing if the server says that nothing happened,
// and with any other error if nobody knows what did.
func answer(response *http.Response) (Answer, error) {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	h := response.Header
	number := func(key string) uint64 {
		n, _ := strconv.ParseUint(h.Get(key), 10, 64) // absent is 0
		return n
	}
	a := Answer{
		Status: response.StatusCode, Next: h.Get("Stream-Next-Offset"), Type: h.Get("Content-Type"),
		UpToDate: h.Get("Stream-Up-To-Date") == "true", Closed: h.Get("Stream-Closed") == "true",
		Producer: h.Get("Producer-Seq") != "", Epoch: number("Producer-Epoch"), Number: number("Producer-Seq"),
		Gap: h.Get("Producer-Expected-Seq") != "", Expected: number("Producer-Expected-Seq"),
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		return a, errNothing
	case a.Status == http.StatusServiceUnavailable && strings.Contains(string(body), "nothing was changed"):
		return a, errNothing
	case a.Status >= 500:
		return a, fmt.Errorf("%s: %s", response.Status, body)
	case a.Status == http.StatusOK:
		a.Text, err = decode(a.Type, string(body))
		if err != nil {
			a.Text = fmt.Sprintf("not a page: %v", err) // which no model explains
		}
	}
	return a, nil
}

// A record of text ends with a stop. In JSON it is a string.
const (
	stop       = ";"
	jsonType   = "application/json"
	textType   = "text/plain"
	filling    = "~"
	maxRecords = 2
)

// encode returns the body of a request.
func encode(r Request) string {
	if r.Type != jsonType || r.Text == "" {
		return r.Text
	}
	records := strings.SplitAfter(r.Text, stop)
	b, _ := json.Marshal(records[:len(records)-1]) // strings always marshal
	return string(b)
}

// decode returns the text of a page.
func decode(contentType, body string) (string, error) {
	if contentType != jsonType && !(strings.HasPrefix(contentType, "text/event-stream") && strings.HasPrefix(body, "[")) || body == "" {
		return body, nil
	}
	var records []string
	if err := json.Unmarshal([]byte(body), &records); err != nil {
		return "", err
	}
	return strings.Join(records, ""), nil
}
