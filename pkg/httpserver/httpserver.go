// Package httpserver runs a handler as an HTTP/1.1 server for slow clients and long
// responses, until it is told to stop; and it stops so that no request is lost: it takes
// no more connections, has long responses end by themselves, and waits for the others.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// headerTimeout is how long a client may take to send a request's head.
	headerTimeout = 10 * time.Second
	// bodyTimeout is how long a client may take to send a body, and writeTimeout until when
	// it must have taken the answer; both begin with the request. A handler that knows
	// whether they advance moves these limits ([http.ResponseController]), as one must that
	// waits. They hold for all others, and for bodies that no handler reads: the server
	// waits for these before it answers, which leaves the difference for the answer.
	bodyTimeout  = 30 * time.Second
	writeTimeout = bodyTimeout + 30*time.Second
	// idleTimeout is how long a connection is kept between requests. It is longer than
	// load balancers keep theirs (those of AWS 60 s), as a request that meets the end of
	// its connection is answered by them with 502.
	idleTimeout = 2 * time.Minute
)

// Options are how a server stops, and where it reports.
type Options struct {
	// Stopping is called once when the server stops, after it has stopped to listen, and has
	// returned when Serve does. What would go on for long must end then. Nil if there is
	// nothing like that.
	Stopping func()
	// StopTimeout is how long a stop waits for requests under way. Those that take longer
	// are cut off.
	StopTimeout time.Duration
	// MaxHeader bounds a request's head in bytes: what is longer is answered 431, and the
	// connection closed. A handler that has a bound of its own, and says so better, wants
	// this one to be larger. 0 means 1 MiB.
	MaxHeader int
	// Logger gets what goes wrong with connections, as warnings. Nil discards it.
	Logger *slog.Logger
}

// Listen opens the address that a server is configured to listen on; port 0 is any that
// is free. An error names the variables HOST and PORT.
func Listen(host string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("listen on HOST %s, PORT %d: %w\nSet PORT to a port that is free, and HOST to an address of this machine", host, port, err)
	}
	return l, nil
}

// Serve serves until ctx ends, and then stops: it closes the listener and the connections
// that are idle, calls Stopping, and waits for the requests under way. A nil error means
// that all of them were answered. It closes the listener in any case. Requests do not end
// with ctx: their contexts go on until they are answered, or cut off.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o Options) error {
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	server := &http.Server{
		Handler:           limitBodies(h),
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    o.MaxHeader,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	told := make(chan struct{})
	server.RegisterOnShutdown(func() {
		defer close(told)
		if o.Stopping != nil {
			o.Stopping()
		}
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	// The end of ctx is why the server stops, so the stop has a context of its own.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.StopTimeout)
	defer cancel()
	err := server.Shutdown(stopping)
	<-told
	<-served
	if err != nil {
		return errors.Join(fmt.Errorf("requests were still under way %v after the stop began: %w", o.StopTimeout, err), server.Close())
	}
	return nil
}

// limitBodies limits how long requests may take that have a body. [http.Server.ReadTimeout]
// would end those without one, too, if they wait for longer than that.
func limitBodies(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// The server's own writers have deadlines.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		if len(r.TransferEncoding) > 0 {
			// It may have had a length, too, which net/http passes over and does not tell. A
			// proxy in front may have gone by that, and what follows is somebody else's then:
			// such a connection must end (RFC 9112, section 6.1).
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}
