// Package s3standin serves the S3 API from a directory on your own machine, in
// place of Amazon S3 or R2. It has what this project uses of that API, with
// conditional puts that are atomic, and keeps what it stores: a put is on the disk
// (in one bbolt file) before it is answered. It listens on loopback only, as it
// accepts any signature.
package s3standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3bolt"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrInUse says that another process serves the directory.
var ErrInUse = errors.New("the directory of the S3 stand-in is in use by another process")

// lockWait is how long a start waits for another process to leave the directory:
// one that is being restarted is about to.
const lockWait = time.Second

// Server is a running stand-in.
type Server struct {
	db       *bolt.DB
	http     *http.Server
	endpoint string
	served   chan error
}

// Start serves a directory, which it creates if need be, on a free port of
// loopback, and makes sure that the bucket exists. It fails with [ErrInUse] if
// another process serves the directory.
func Start(dir, bucket string) (*Server, error) {
	if err := gofakes3.ValidateBucketName(bucket); err != nil {
		return nil, fmt.Errorf("bucket name %q: %w", bucket, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	db, err := bolt.Open(filepath.Join(dir, "objects.bolt"), 0o600, &bolt.Options{Timeout: lockWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open the S3 stand-in in %s: %w", dir, err)
	}
	s, err := serve(db, bucket)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func serve(db *bolt.DB, bucket string) (*Server, error) {
	backend := &backend{Backend: s3bolt.New(db)}
	exists, err := backend.BucketExists(bucket)
	if err != nil {
		return nil, err
	}
	if !exists {
		if err := backend.CreateBucket(bucket); err != nil {
			return nil, fmt.Errorf("create bucket %s: %w", bucket, err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		db:       db,
		http:     &http.Server{Handler: gofakes3.New(backend).Server(), ReadHeaderTimeout: 10 * time.Second},
		endpoint: "http://" + listener.Addr().String(),
		served:   make(chan error, 1),
	}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// Endpoint is the URL of the S3 API.
func (s *Server) Endpoint() string { return s.endpoint }

// Stop lets the requests under way finish until ctx ends, cuts the others off, and
// closes the directory.
func (s *Server) Stop(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if serving := <-s.served; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	return errors.Join(err, s.db.Close())
}
