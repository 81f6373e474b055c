package stream

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// Keys of objects:
//
//	stream/<name>/<incarnation>/segment-<number>.<format>
//	stream/<name>/<incarnation>/staged-<at>-<commit>-<part>
//
// The name is base64url without padding. Where that is longer than a file's name may
// be, it is cut by slashes into parts, each but the last of which ends in "=", so that
// none looks like the end of a name. The incarnation is hexadecimal; numbers are decimal
// and as wide as they can get, so that keys sort; the commit is hexadecimal. The format
// is the version of the segment format: another version's object is another one.
const (
	objectRoot    = "stream/"
	segmentObject = "segment-"
	stagedObject  = "staged-"
	// keyPart is how long a part of a name is.
	keyPart = 240
)

// MaxName is the longest name, in bytes, whose objects have keys that every store of
// objects takes.
const MaxName = 700

// ObjectPrefix is what the keys of all objects of a life begin with.
func ObjectPrefix(life Life) string {
	var b strings.Builder
	b.WriteString(objectRoot)
	name := base64.RawURLEncoding.EncodeToString([]byte(life.Name))
	for len(name) > keyPart {
		b.WriteString(name[:keyPart])
		b.WriteString("=/")
		name = name[keyPart:]
	}
	b.WriteString(name)
	b.WriteByte('/')
	b.WriteString(life.Incarnation.String())
	b.WriteByte('/')
	return b.String()
}

// SegmentKey is the key of a sealed segment, as this program writes it.
func SegmentKey(life Life, n uint64) string { return segmentKey(life, n, segment.Version) }

func segmentKey(life Life, n uint64, format int) string {
	return fmt.Sprintf("%s%s%016d.%d", ObjectPrefix(life), segmentObject, n, format)
}

// StagedKey is the key of a staged part that is an object.
func StagedKey(life Life, id StagedID) string {
	return fmt.Sprintf("%s%s%011d-%016x-%04d", ObjectPrefix(life), stagedObject, id.At, uint64(id.Commit), id.Part)
}

// ObjectName says what an object is.
type ObjectName struct {
	Life Life
	// Segment is a segment's number. Staged is the id of a staged part, or zero if the
	// object is a segment.
	Segment uint64
	Staged  StagedID
}

// ParseObjectKey is the reverse of [SegmentKey], of any format, and of [StagedKey]. It
// reports false for every other key.
func ParseObjectKey(key string) (ObjectName, bool) {
	var n ObjectName
	rest, ok := strings.CutPrefix(key, objectRoot)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 3 {
		return n, false
	}
	last := len(parts) - 1
	encoded := strings.Join(parts[:last-1], "")
	name, err := base64.RawURLEncoding.DecodeString(strings.ReplaceAll(encoded, "=", ""))
	if err != nil {
		return n, false
	}
	inc, err := hex.DecodeString(parts[last-1])
	if err != nil || len(inc) != len(n.Life.Incarnation) {
		return n, false
	}
	n.Life = Life{string(name), Incarnation(inc)}
	if number, ok := strings.CutPrefix(parts[last], segmentObject); ok {
		number, version, _ := strings.Cut(number, ".")
		format, err1 := strconv.Atoi(version)
		n.Segment, err = strconv.ParseUint(number, 10, 64)
		return n, err == nil && err1 == nil && format > 0 && key == segmentKey(n.Life, n.Segment, format)
	}
	id, _ := strings.CutPrefix(parts[last], stagedObject)
	fields := strings.Split(id, "-")
	if len(fields) != 3 {
		return n, false
	}
	at, err1 := strconv.ParseInt(fields[0], 10, 64)
	commit, err2 := strconv.ParseUint(fields[1], 16, 64)
	part, err3 := strconv.Atoi(fields[2])
	n.Staged = StagedID{Commit: StagedCommit(commit), Part: part, At: at, Object: true}
	return n, err1 == nil && err2 == nil && err3 == nil && key == StagedKey(n.Life, n.Staged)
}
