package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// page is how many keys one request lists or deletes at most, in both stores.
const page = 1000

// maxEmptyPages is how many pages without a key a list may have in a row. A page
// may be empty and not be the last one, but no store has a reason to go on like
// that for ever.
const maxEmptyPages = 10

// ListObjects implements [stream.Objects].
func (s *Store) ListObjects(ctx context.Context, prefix, after string, max int) ([]string, error) {
	if err := stream.CheckObjectList(prefix, after, max); err != nil {
		return nil, err
	}
	var keys []string
	var token *string
	for empty := 0; ; {
		got, next, err := s.listPage(ctx, prefix, after, token, min(max-len(keys), page))
		if err != nil {
			return nil, fmt.Errorf("list objects %s*: %w", prefix, err)
		}
		keys = append(keys, got...)
		if next == nil || len(keys) >= max {
			return keys, nil
		}
		if empty++; len(got) > 0 {
			empty, after = 0, got[len(got)-1]
		}
		if empty > maxEmptyPages {
			return nil, fmt.Errorf("list objects %s*: bucket %s: %d pages without a key, and no end", prefix, s.bucket, empty)
		}
		token = next
	}
}

// listPage makes one request of a list: keys after one, from a token on if there
// is one. The next token is nil if there are no more. Keys that are not what was
// asked for, in order, are an error: a store that starts over would be listed for
// ever, and one that lists other keys would have them deleted.
func (s *Store) listPage(ctx context.Context, prefix, after string, token *string, max int) (keys []string, next *string, err error) {
	in := &s3.ListObjectsV2Input{
		Bucket:            aws.String(s.bucket),
		MaxKeys:           aws.Int32(int32(max)),
		ContinuationToken: token,
	}
	if prefix != "" {
		in.Prefix = aws.String(prefix)
	}
	if after != "" && token == nil {
		in.StartAfter = aws.String(after)
	}
	var out *s3.ListObjectsV2Output
	err = s.attempt(ctx, "ListObjectsV2", 0, func(ctx context.Context) (err error) {
		out, err = s.api.ListObjectsV2(ctx, in, once)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if len(out.Contents) > max {
		return nil, nil, fmt.Errorf("bucket %s: a list of %d objects, at most %d were asked for", s.bucket, len(out.Contents), max)
	}
	for _, o := range out.Contents {
		key := aws.ToString(o.Key)
		if key <= after || !strings.HasPrefix(key, prefix) {
			return nil, nil, fmt.Errorf("bucket %s: the list has the key %q after %q", s.bucket, key, after)
		}
		keys, after = append(keys, key), key
	}
	if !aws.ToBool(out.IsTruncated) {
		return keys, nil, nil
	}
	if aws.ToString(out.NextContinuationToken) == "" {
		return nil, nil, errors.New("the list goes on, but has no token")
	}
	return keys, out.NextContinuationToken, nil
}
