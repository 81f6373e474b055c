package embedded

import (
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Paths of objects. Many file systems take names that differ in case for the same, and
// keys do differ so. So the names of files have no upper case, and nothing else that a
// file system may read in its own way:
//
//	key                     path                             because
//	a/b-1.2                 a/b-1.2
//	Ab                      +ab                              an upper-case letter is + and the lower one
//	a.                      a+0                              Windows drops a dot at the end
//	A of 255 bytes          +a+a... 254 bytes ~/ +a+a...     a name has at most 255 bytes
//	nul.1                   n~/ul.1                          Windows takes it for a device
//
// So a part of a key is cut into nested folders where it must be, and the names of all but
// the last end in "~". Neither "+" nor "~" is in any key.
//
// A path has at most a little more than twice the bytes of its key. Where it is longer,
// with the folder of all objects, than the system takes (1,024 bytes on macOS), the key is
// rejected.
const (
	escape  = '+'
	lastDot = "+0"
	cutMark = "~"
	// maxFileName is the longest name of a file, in bytes, on the file systems in use.
	maxFileName = 255
	// toLower is what makes an upper-case letter a lower-case one.
	toLower = 'a' - 'A'
)

// isDevice reports whether Windows takes a name for that of a device.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	switch {
	case base == "con", base == "prn", base == "aux", base == "nul":
		return true
	case len(base) == 4 && '0' <= base[3] && base[3] <= '9':
		return base[:3] == "com" || base[:3] == "lpt"
	}
	return false
}

// objectPath is where an object is, with slashes, seen from the root. It takes a folder
// of keys, which ends in a slash, and "" for the root, as well.
func objectPath(key string) string {
	path := make([]byte, 0, 2*len(key)+8)
	for part := range strings.SplitAfterSeq(key, "/") {
		part, slash := strings.CutSuffix(part, "/")
		path = appendCut(path, escapePart(part))
		if slash {
			path = append(path, '/')
		}
	}
	return string(path)
}

func escapePart(part string) string {
	part, dot := strings.CutSuffix(part, ".")
	name := make([]byte, 0, 2*len(part)+len(lastDot))
	for _, c := range []byte(part) {
		if isUpper(c) {
			name = append(name, escape)
			c += toLower
		}
		name = append(name, c)
	}
	if dot {
		name = append(name, lastDot...)
	}
	return string(name)
}

// appendCut appends the name, cut where it must be.
func appendCut(path []byte, name string) []byte {
	for {
		n := maxFileName - len(cutMark)
		switch {
		case isDevice(name):
			n = 1
		case len(name) <= maxFileName:
			return append(path, name...)
		case name[n-1] == escape:
			n-- // what is escaped stays together
		}
		path = append(append(append(path, name[:n]...), cutMark...), '/')
		name = name[n:]
	}
}

// objectKey is the reverse of objectPath. It reports false for every path that no object
// has. For a folder in which parts of keys are continued (cut), it returns what they begin
// with, and may do so for one that no object is in.
func objectKey(path string) (key string, cut, ok bool) {
	path, cut = strings.CutSuffix(path, cutMark)
	key, ok = unescape(strings.ReplaceAll(path, cutMark+"/", ""))
	if ok && !cut {
		ok = stream.CheckObjectKey(key) == nil && objectPath(key) == path
	}
	return key, cut, ok
}

// unescape reverses escapePart, for any number of parts.
func unescape(name string) (string, bool) {
	part := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == escape {
			if i++; i == len(name) {
				return "", false
			}
			switch {
			case name[i] == lastDot[1]:
				c = '.'
			case isUpper(name[i] - toLower):
				c = name[i] - toLower
			default:
				return "", false
			}
		}
		part = append(part, c)
	}
	return string(part), true
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
