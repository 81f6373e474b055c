package faults

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxRemembered is of how many different requests earlier answers are remembered.
	maxRemembered = 4096
	// maxPast is how many of each.
	maxPast = 3
)

// answers are earlier answers to requests that may be answered so again: an eventually
// consistent read sees what was stored some time ago, and it is not said how long.
type answers struct {
	mu sync.Mutex
	of *lru.Cache[[sha256.Size]byte, []past]
}

// past is an answer of some time ago.
type past struct {
	header http.Header
	body   []byte
}

func newAnswers() answers {
	of, err := lru.New[[sha256.Size]byte, []past](maxRemembered)
	if err != nil {
		panic(err) // the size is ours
	}
	return answers{of: of}
}

// mayBeStale reports whether the answer is one that may be given again later.
func (c Call) mayBeStale() bool { return c.Eventual || c.Operation == "ListObjectsV2" }

// question is what a request asks, whoever does. The SDK writes what is in a JSON object
// in any order.
func (e *exchange) question() [sha256.Size]byte {
	body := e.body
	var asked map[string]any
	if json.Unmarshal(body, &asked) == nil {
		if ordered, err := json.Marshal(asked); err == nil {
			body = ordered
		}
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s", e.call.Operation, e.request.URL.RequestURI(), body))
}

// remembered remembers an answer that may be given again, and passes it on.
func (e *exchange) remembered(response *http.Response, err error) (*http.Response, error) {
	if err != nil || response.StatusCode != http.StatusOK || !e.call.mayBeStale() {
		return response, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	a := &e.layer.past
	a.mu.Lock()
	defer a.mu.Unlock()
	all, _ := a.of.Get(e.question())
	if len(all) == 0 || !bytes.Equal(all[len(all)-1].body, body) {
		all = append(all[max(0, len(all)+1-maxPast):len(all):len(all)], past{response.Header, body})
		a.of.Add(e.question(), all)
	}
	return response, nil
}

// stale answers as some time before. The first time there is no such answer.
func (e *exchange) stale() (*http.Response, error) {
	e.layer.past.mu.Lock()
	all, _ := e.layer.past.of.Get(e.question())
	e.layer.past.mu.Unlock()
	if len(all) == 0 {
		return e.remembered(e.deliver())
	}
	e.layer.note(e.call, e.fault)
	old := all[e.fault.Draw%uint64(len(all))]
	return responseOf(e.request, http.StatusOK, old.header, old.body), nil
}
