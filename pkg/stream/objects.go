package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ErrObjectExists says that another object than the one to be put is stored under
// the key.
var ErrObjectExists = errors.New("stream: another object is stored under the key")

// Objects stores large immutable objects outside the database: records that are
// too large for an item, and sealed segments. Every store of objects passes the
// contract suite of package streamtest.
//
// For all its methods: they may be called concurrently, from many processes. All
// reads and lists are strongly consistent: they see every write that returned
// before they began. A write that fails is not applied ([ErrNotApplied]: no
// effect, may be tried again), rejected ([ErrRejected]: no effect, and trying
// again is of no use), or unknown (any other error: it may have been applied, or
// may be yet, though not after the deadline of the call's context plus a minute).
// Bodies are immutable, those that are given and those that are returned.
//
// Keys are as [CheckObjectKey] says; other ones are rejected. No key continues
// another one with a slash: stores that are folders cannot have both. A key is
// stored at most once in the life of a store, so that an object which was deleted
// never comes back as another one.
type Objects interface {
	// PutObject stores body under key, if nothing is stored there. Durable when it
	// returns nil. If the same body is stored there already, by this call or by
	// another one, that is success too: a put may be repeated. If a different one
	// is, it does nothing and returns [ErrObjectExists].
	//
	// What is stored is the whole section, wherever the reader stands in it. It may
	// be read several times, and by its ReadAt only, until the call returns; an
	// error of it is the call's, and nothing is stored then. A store does not hold
	// the body in memory, unless memory is where it keeps its objects.
	PutObject(ctx context.Context, key string, body *io.SectionReader) error

	// Object returns n bytes of the object from offset on, or all that follow if n
	// is negative; [ErrNoItem] if nothing is stored under key. It never returns
	// less than was asked for: a range that is empty or not inside the object is
	// rejected, and a body that arrives shorter or longer, or whose checksum does
	// not match, is an error. Only a read of the whole object can check its
	// checksum; what is read in parts has to be checked by its own.
	Object(ctx context.Context, key string, offset, n int64) ([]byte, error)

	// ListObjects returns the keys that begin with prefix and come after the key
	// after ("" for all), in the order of their bytes: the first max of them, or
	// fewer only if there are no more.
	ListObjects(ctx context.Context, prefix, after string, max int) ([]string, error)

	// RemoveObjects deletes the objects with these keys, as far as they are there; all
	// of them in few requests if they have a long beginning in common. It makes sure of
	// it by listing what is left. After an error any part of them may be gone; calling it
	// again is always right.
	RemoveObjects(ctx context.Context, keys []string) error

	// DiscardObjects deletes up to about max objects whose keys begin with prefix,
	// which must not be empty. It makes sure of it by listing what is left, as some
	// stores answer that they deleted what they kept, and reports whether nothing
	// is. After an error any part of them may be gone; calling it again is always
	// right.
	DiscardObjects(ctx context.Context, prefix string, max int) (done bool, err error)
}

const (
	// maxObjectKey is the longest key of S3.
	maxObjectKey = 1024
	// maxObjectKeyPart is the longest name of a file on the file systems in use.
	maxObjectKeyPart = 255
)

// CheckObjectKey returns nil if a key can be used, and an error that wraps
// [ErrRejected] if not. A key has 1 to 1,024 bytes of ASCII letters, digits and
// "-_.=/". No part between slashes is empty, "." or "..", or longer than 255
// bytes. Such a key means the same in a URL, in XML and in a file system, unescaped.
func CheckObjectKey(key string) error {
	if err := checkKeyBytes(key); err != nil {
		return err
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("%w: object key %q has the part %q", ErrRejected, key, part)
		}
		if len(part) > maxObjectKeyPart {
			return fmt.Errorf("%w: object key %q has a part of %d bytes; it may have %d", ErrRejected, key, len(part), maxObjectKeyPart)
		}
	}
	return nil
}

// checkKeyBytes checks what holds for any beginning of a key too.
func checkKeyBytes(key string) error {
	if key == "" || len(key) > maxObjectKey {
		return fmt.Errorf("%w: an object key or prefix of %d bytes; it must have 1 to %d", ErrRejected, len(key), maxObjectKey)
	}
	for _, c := range []byte(key) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.=/", c) >= 0:
		default:
			return fmt.Errorf("%w: object key or prefix %q has a character other than ASCII letters, digits and -_.=/", ErrRejected, key)
		}
	}
	return nil
}

// CheckObjectRange returns nil if [Objects.Object] can be asked for a range, and
// an error that wraps [ErrRejected] if it cannot be inside any object.
func CheckObjectRange(offset, n int64) error {
	if offset < 0 || n == 0 || n > math.MaxInt64-offset {
		return fmt.Errorf("%w: %d bytes from offset %d on are not a range of an object", ErrRejected, n, offset)
	}
	return nil
}

// CheckObjectList returns nil if the arguments of [Objects.ListObjects] can be
// used, and an error that wraps [ErrRejected] if not.
func CheckObjectList(prefix, after string, max int) error {
	for _, key := range []string{prefix, after} {
		if key == "" {
			continue
		}
		if err := checkKeyBytes(key); err != nil {
			return err
		}
	}
	return checkObjectCount(max)
}

// CheckObjectDiscard returns nil if the arguments of [Objects.DiscardObjects] can
// be used, and an error that wraps [ErrRejected] if not.
func CheckObjectDiscard(prefix string, max int) error {
	if err := checkKeyBytes(prefix); err != nil {
		return err
	}
	return checkObjectCount(max)
}

func checkObjectCount(max int) error {
	if max < 1 {
		return fmt.Errorf("%w: at most %d objects; it must be 1 or more", ErrRejected, max)
	}
	return nil
}
