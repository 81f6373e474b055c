package registry_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestRecord(t *testing.T) {
	for _, c := range []struct {
		key    string
		notice stream.Notice
		want   string
	}{
		{"chat/1", stream.Notice{ContentType: "application/json", CreatedAt: 1738591200000},
			`{"type":"stream","key":"chat/1","value":{"path":"chat/1","contentType":"application/json","createdAt":1738591200000},"headers":{"operation":"insert"}}`},
		{`ü"/`, stream.Notice{ContentType: `text/plain; x="y"`},
			`{"type":"stream","key":"ü\"/","value":{"path":"ü\"/","contentType":"text/plain; x=\"y\"","createdAt":0},"headers":{"operation":"insert"}}`},
		{"chat/1", stream.Notice{Over: true}, `{"type":"stream","key":"chat/1","headers":{"operation":"delete"}}`},
	} {
		if got, err := registry.Record(c.key, c.notice); err != nil || string(got) != c.want {
			t.Errorf("%s, %v\nwant %s", got, err, c.want)
		}
	}
}
