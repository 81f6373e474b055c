package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// stage puts the records of an append into items or objects, all at once, and returns
// the entries that link them. A crash leaves some that nothing links; the sweep finds
// them, or they go with their life.
func (l *Log) stage(ctx context.Context, life Life, a *Append) ([]Entry, error) {
	id, at := l.randomUint64()|1, l.now().Unix()
	// A content type other than the stream's will be refused, whatever is cut here.
	parts := a.Records.split(Config{ContentType: a.ContentType}.Unit(), l.limits.PartSize)
	entries := make([]Entry, len(parts))
	err := atOnce(len(parts), func(i int) error {
		part := parts[i]
		staged := StagedID{Commit: StagedCommit(id), Part: i, At: at, Object: l.limits.isObject(part)}
		entries[i] = Entry{Count: part.Count, Size: part.Size, Staged: staged}
		return l.retry(ctx, func() error { return l.putStaged(ctx, life, staged, part.Frames) })
	})
	return entries, err
}

func (l *Log) putStaged(ctx context.Context, life Life, id StagedID, f Frames) error {
	if !id.Object {
		return l.driver.PutStaged(ctx, life, id, f)
	}
	if l.objects == nil {
		return fmt.Errorf("%w: no objects are configured for %d bytes", ErrRejected, len(f))
	}
	return l.objects.PutObject(ctx, StagedKey(life, id), io.NewSectionReader(bytes.NewReader(f), 0, int64(len(f))))
}

// staged returns the records that a link stands for.
func (l *Log) staged(ctx context.Context, life Life, id StagedID) (Frames, error) {
	if !id.Object {
		return l.driver.Staged(ctx, life, id)
	}
	if l.objects == nil {
		return nil, fmt.Errorf("%w: no objects are configured", ErrRejected)
	}
	return l.objects.Object(ctx, StagedKey(life, id), 0, -1)
}
