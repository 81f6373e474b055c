package streamtest

import (
	"context"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// inspected is what a driver and its objects hold for a stream.
type inspected struct {
	*fsck.Report
	text string
}

// Text returns all records, joined.
func (i *inspected) Text() string { return i.text }

// inspect checks what a driver and its objects hold for a stream, below the log.
func inspect(ctx context.Context, d stream.Driver, o stream.Objects, name string) (*inspected, error) {
	var text strings.Builder
	r, err := fsck.Read(ctx, d, o, name, fsck.Sink{
		Begin:  text.Reset,
		Record: func(record []byte) { text.Write(record) },
	})
	if err != nil {
		return nil, err
	}
	return &inspected{Report: r, text: text.String()}, nil
}
