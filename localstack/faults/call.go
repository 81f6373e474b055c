package faults

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// Store is a kind of store.
type Store string

// The stores that requests are understood of.
const (
	Table  Store = "dynamodb"
	Bucket Store = "s3"
)

// Call is a request as plans know it.
type Call struct {
	Store Store
	// Operation is its name in the store's API.
	Operation string
	// Stream is the one that it is about; the first, if there are several, and empty if it
	// is about none.
	Stream string
	// Nth counts the requests of the operation since the plan is used, and N those of the
	// operation and the stream, this one included.
	Nth, N int
	// Eventual says that it is a read that may miss the newest writes.
	Eventual bool
}

func (c Call) String() string { return fmt.Sprintf("%s of %q %d", c.Operation, c.Stream, c.N) }

// writes reports whether the call changes something.
func (c Call) writes() bool {
	switch c.Operation {
	case "GetItem", "Query", "Scan", "GetObject", "ListObjectsV2", "DescribeTable", "DescribeStream", "GetShardIterator", "GetRecords":
		return false
	}
	return true
}

var (
	// inItem finds the stream in the key of an item: stream#<name>, data#<life>#<name>.
	inItem = regexp.MustCompile(`"S":"(?:stream#|data#[^#"]*#)((?:[^"\\]|\\.)*)"`)
	// inObject finds it in the key of an object.
	inObject = regexp.MustCompile(`stream/([A-Za-z0-9_-]+)/`)
	strongly = regexp.MustCompile(`"ConsistentRead":\s*true`)
)

// callOf returns the call that a request makes.
func callOf(r *http.Request, body []byte) Call {
	if _, op, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		c := Call{Store: Table, Operation: op}
		if m := inItem.FindSubmatch(body); m != nil {
			c.Stream = string(m[1])
		}
		switch op {
		case "GetItem", "Query", "Scan":
			c.Eventual = !strongly.Match(body)
		}
		return c
	}
	c := Call{Store: Bucket, Operation: objectOperation(r)}
	m := inObject.FindStringSubmatch(r.URL.Path + "?" + r.URL.Query().Get("prefix"))
	if m == nil && c.Operation == "DeleteObjects" {
		m = inObject.FindStringSubmatch(string(body))
	}
	if m != nil {
		if name, err := base64.RawURLEncoding.DecodeString(m[1]); err == nil {
			c.Stream = string(name)
		}
	}
	return c
}

// objectOperation names what a request asks of a bucket whose name is in the path.
func objectOperation(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut && key != "":
		return "PutObject"
	case r.Method == http.MethodGet && key != "":
		return "GetObject"
	case r.Method == http.MethodGet:
		return "ListObjectsV2"
	case r.Method == http.MethodPost && r.URL.Query().Has("delete"):
		return "DeleteObjects"
	}
	return r.Method + " of a bucket"
}
