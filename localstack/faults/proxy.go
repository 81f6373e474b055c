package faults

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
)

// Proxy is a server on loopback that passes requests on to a store, with a layer in between:
// for processes whose SDK cannot be reached into, and for what the SDK makes of a real
// connection that breaks.
type Proxy struct {
	// URL is where it is.
	URL    string
	server *http.Server
	served chan error
}

// NewProxy starts a proxy before the store at a URL, on a free port.
func NewProxy(store string, l *Layer) (*Proxy, error) {
	to, err := url.Parse(store)
	if err != nil {
		return nil, fmt.Errorf("faults: the store's URL: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost, base.DisableCompression = 64, true
	p := &Proxy{
		URL: "http://" + listener.Addr().String(),
		server: &http.Server{Handler: &httputil.ReverseProxy{
			Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(to) },
			Transport:    l.Over(base),
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { breakConnection(w) },
			// What has arrived of a body that breaks off is passed on.
			FlushInterval: -1,
			// Connections break on purpose.
			ErrorLog: log.New(io.Discard, "", 0),
		}},
		served: make(chan error, 1),
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// breakConnection resets the connection of a request.
func breakConnection(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it is only closed
	}
	c.Close()
}

// Close breaks all connections, also those that wait for an answer.
func (p *Proxy) Close() error {
	err := p.server.Close()
	if serving := <-p.served; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	return err
}
