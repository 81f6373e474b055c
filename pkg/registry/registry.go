// Package registry says what the records of a registry ([stream.Registry]) look like:
// change events in JSON, from which readers build by key which streams there are.
package registry

import (
	"encoding/json"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// event is a record.
type event struct {
	Type    string  `json:"type"`
	Key     string  `json:"key"`
	Value   *value  `json:"value,omitempty"`
	Headers headers `json:"headers"`
}

type value struct {
	Path        string `json:"path"`
	ContentType string `json:"contentType"`
	CreatedAt   int64  `json:"createdAt"`
}

type headers struct {
	Operation string `json:"operation"`
}

// Record returns what a registry says of a stream, under the name that the stream has
// there: that it was created, or that it is over. It is for [stream.Options].
func Record(key string, n stream.Notice) ([]byte, error) {
	e := event{Type: "stream", Key: key, Headers: headers{"delete"}}
	if !n.Over {
		e.Value = &value{key, n.ContentType, n.CreatedAt}
		e.Headers.Operation = "insert"
	}
	return json.Marshal(e)
}
