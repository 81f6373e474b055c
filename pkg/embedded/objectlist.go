package embedded

import (
	"context"
	"slices"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// ListObjects implements [stream.Objects]. It reads the names of each folder that has
// any of the keys, all of them, and looks at each file that it returns.
func (o *Objects) ListObjects(_ context.Context, prefix, after string, max int) ([]string, error) {
	if err := stream.CheckObjectList(prefix, after, max); err != nil {
		return nil, err
	}
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	if folder != "" && stream.CheckObjectKey(strings.TrimSuffix(folder, "/")) != nil {
		return nil, nil // it cannot begin a key, and may lead out of the root
	}
	info, err := o.fs.Stat(o.path(folder))
	if isMissing(err) || err == nil && !info.IsDir() {
		return nil, nil
	}
	l := lister{objects: o, prefix: prefix, after: after, max: max}
	if err == nil {
		err = l.folder(folder)
	}
	return l.keys, err
}

// lister is a walk through folders of keys in the order of keys, which is not that of
// the names of files.
type lister struct {
	objects       *Objects
	prefix, after string
	max           int
	keys          []string
}

// folder lists a folder, which is "" or ends in a slash. Names sort as their keys do,
// but for folders: what is in one comes where its name with a slash does, and "-" and
// "." sort before that. So a folder waits for the names that come before it.
func (l *lister) folder(folder string) error {
	names, err := l.names(nil, folder, "")
	if err != nil {
		return err
	}
	slices.Sort(names)
	var waiting []string // folders, the one that comes first last
	visit := func(next string) error {
		for n := len(waiting) - 1; n >= 0 && (next == "" || waiting[n] < next) && len(l.keys) < l.max; n-- {
			inner := waiting[n]
			waiting = waiting[:n]
			if err := l.folder(inner); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range names {
		if err := visit(name); err != nil || len(l.keys) == l.max {
			return err
		}
		info, err := l.objects.fs.Stat(l.objects.path(name))
		switch {
		case isMissing(err):
			// It was removed meanwhile.
		case err != nil:
			return err
		case info.IsDir():
			waiting = append(waiting, name+"/")
		case name > l.after:
			l.keys = append(l.keys, name)
		}
	}
	return visit("")
}

// names appends the names in a folder that may be or begin a key that is asked for: with
// the folder, and unsorted. What is in folders in which names are continued is among them;
// begun is the path of one of these, seen from the folder, or "".
func (l *lister) names(names []string, folder, begun string) ([]string, error) {
	files, err := l.objects.fs.List(l.objects.fs.PathJoin(l.objects.path(folder), begun))
	if isMissing(err) {
		return names, nil
	}
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name, cut, ok := objectKey(begun + file)
		name = folder + name
		switch {
		case !ok:
			// Somebody else's.
		case cut:
			if l.over(name) || !strings.HasPrefix(name, l.prefix) && !strings.HasPrefix(l.prefix, name) {
				continue
			}
			if names, err = l.names(names, folder, begun+file+"/"); err != nil {
				return nil, err
			}
		case strings.HasPrefix(name, l.prefix) && !l.over(name+"/"):
			names = append(names, name)
		}
	}
	return names, nil
}

// over reports whether all keys that begin so come before those that are asked for.
func (l *lister) over(begins string) bool {
	return begins < l.after && !strings.HasPrefix(l.after, begins)
}
