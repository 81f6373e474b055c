package s3standin

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3bolt"
)

// backend keeps objects in a bbolt file. It corrects one thing of s3bolt (as of
// gofakes3 v1.2.0): the objects that it returns are memory of the mapped file,
// which is only valid until the next write, and the server reads it after that.
// Here an object is copied before a write can begin.
type backend struct {
	*s3bolt.Backend
	mu sync.RWMutex
}

var _ gofakes3.Backend = (*backend)(nil)

func (b *backend) GetObject(bucket, key string, r *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, err := b.Backend.GetObject(bucket, key, r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(o.Contents)
	if err != nil {
		return nil, err
	}
	o.Contents, o.Hash = io.NopCloser(bytes.NewReader(body)), slices.Clone(o.Hash)
	return o, nil
}

func (b *backend) HeadObject(bucket, key string) (*gofakes3.Object, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	o, err := b.Backend.HeadObject(bucket, key)
	if err != nil {
		return nil, err
	}
	o.Hash = slices.Clone(o.Hash)
	return o, nil
}

// PutObject reads the body first: a slow client must not keep others waiting.
func (b *backend) PutObject(bucket, key string, meta map[string]string, body io.Reader, size int64, c *gofakes3.PutConditions) (gofakes3.PutObjectResult, error) {
	data, err := gofakes3.ReadAll(body, size)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.PutObject(bucket, key, meta, bytes.NewReader(data), size, c)
}

func (b *backend) CopyObject(fromBucket, fromKey, bucket, key string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.CopyObject(fromBucket, fromKey, bucket, key, meta)
}

func (b *backend) DeleteObject(bucket, key string) (gofakes3.ObjectDeleteResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.DeleteObject(bucket, key)
}

func (b *backend) DeleteMulti(bucket string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.DeleteMulti(bucket, keys...)
}

func (b *backend) CreateBucket(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.CreateBucket(name)
}

func (b *backend) DeleteBucket(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.DeleteBucket(name)
}

func (b *backend) ForceDeleteBucket(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Backend.ForceDeleteBucket(name)
}
