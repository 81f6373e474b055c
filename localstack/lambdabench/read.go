package main

import (
	"context"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// readAll reads a stream from the start, page by page, in a process that knows nothing of
// it at first. It returns how many messages there are, and how long each page took.
func (s *site) readAll(ctx context.Context, name string) (messages int, pages times, c cost, err error) {
	p, err := s.process(stream.Poll{})
	if err != nil {
		return 0, nil, c, err
	}
	for at := stream.Start(); ; {
		start := time.Now()
		page, err := p.Read(p.counted(ctx), name, at)
		if err != nil {
			return 0, nil, c, err
		}
		pages = append(pages, time.Since(start))
		messages += page.Count
		if page.UpToDate() {
			return messages, pages, p.spent(), nil
		}
		at = stream.At(page.Next)
	}
}

func (t times) sum() (all time.Duration) {
	for _, d := range t {
		all += d
	}
	return all
}
