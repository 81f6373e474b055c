package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// memoryServer is the server of -ceiling: just enough of the protocol for all
// rows, with net/http in front of slices in memory. It stores nothing and
// checks nothing, so its figures are what this client, net/http and loopback
// can do at most. The tests run the rows against it.
type memoryServer struct {
	mu      sync.Mutex
	streams map[string]*memoryStream
}

type memoryStream struct {
	json  bool
	parts [][]byte // JSON ones each end with a comma
	tail  int
	grown chan struct{} // closed and replaced by each append
}

// serveMemory serves on PORT of loopback for as long as the process lives.
func serveMemory() error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		return err
	}
	return http.Serve(l, newMemoryServer())
}

func newMemoryServer() *memoryServer {
	return &memoryServer{streams: make(map[string]*memoryStream)}
}

func (m *memoryServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if r.ContentLength > 0 {
		body = make([]byte, r.ContentLength, r.ContentLength+1)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return
		}
	}
	m.mu.Lock()
	s := m.streams[r.URL.Path]
	if s == nil && r.Method == "PUT" {
		s = &memoryStream{json: r.Header.Get("Content-Type") == jsonMode, grown: make(chan struct{})}
		m.streams[r.URL.Path] = s
	}
	if s == nil {
		m.mu.Unlock()
		http.Error(w, "no such stream", 404)
		return
	}
	status := 204
	switch r.Method {
	case "PUT":
		status = 201
	case "POST":
		s.append(body)
		if r.Header.Get("Producer-Id") != "" {
			status = 200
		}
	case "DELETE":
		delete(m.streams, r.URL.Path)
	case "GET":
		m.mu.Unlock()
		m.get(w, r, s)
		return
	}
	w.Header().Set("Stream-Next-Offset", offsetOf(s.tail))
	m.mu.Unlock()
	w.WriteHeader(status)
}

func (s *memoryStream) append(body []byte) {
	if s.json {
		if body[0] == '[' {
			body = body[1 : len(body)-1]
		}
		body = append(body, ',')
	}
	s.parts = append(s.parts, body)
	s.tail += len(body)
	close(s.grown)
	s.grown = make(chan struct{})
}

func offsetOf(n int) string { return fmt.Sprintf("%016d", n) }

// after returns what the stream holds from an offset on, the tail, and what
// will tell of more. An offset is always where a part begins.
func (m *memoryServer) after(s *memoryStream, offset int) ([][]byte, int, chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, at := len(s.parts), s.tail
	for at > offset {
		i--
		at -= len(s.parts[i])
	}
	return s.parts[i:], s.tail, s.grown
}

func (m *memoryServer) get(w http.ResponseWriter, r *http.Request, s *memoryStream) {
	query := r.URL.Query()
	from, err := strconv.Atoi(query.Get("offset"))
	if err != nil {
		http.Error(w, "bad offset", 400)
		return
	}
	from = max(from, 0)
	if query.Get("live") == "sse" {
		m.events(w, r, s, from)
		return
	}
	parts, tail, grown := m.after(s, from)
	for query.Get("live") == "long-poll" && len(parts) == 0 {
		select {
		case <-r.Context().Done():
			return
		case <-grown:
			parts, tail, grown = m.after(s, from)
		}
	}
	size := tail - from
	if s.json {
		size = max(size, 1) + 1
	}
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(size))
	h.Set("Stream-Next-Offset", offsetOf(tail))
	h.Set("Stream-Up-To-Date", "true")
	s.write(w, parts)
}

// write writes parts as one body; for JSON as an array, whose first bracket
// precedes and whose last one takes the place of a comma.
func (s *memoryStream) write(w io.Writer, parts [][]byte) {
	if !s.json {
		for _, p := range parts {
			w.Write(p)
		}
		return
	}
	io.WriteString(w, "[")
	for i, p := range parts {
		if i == len(parts)-1 {
			p = p[:len(p)-1]
		}
		w.Write(p)
	}
	io.WriteString(w, "]")
}

func (m *memoryServer) events(w http.ResponseWriter, r *http.Request, s *memoryStream, from int) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	var b bytes.Buffer
	for {
		parts, tail, grown := m.after(s, from)
		if len(parts) > 0 {
			b.WriteString("event: data\ndata:")
			s.write(&b, parts)
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "event: control\ndata:{\"streamNextOffset\":\"%s\",\"upToDate\":true}\n\n", offsetOf(tail))
		if _, err := b.WriteTo(w); err != nil {
			return
		}
		if flush.Flush() != nil {
			return
		}
		from = tail
		select {
		case <-r.Context().Done():
			return
		case <-grown:
		}
	}
}
