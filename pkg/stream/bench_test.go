package stream_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// BenchmarkAppend is what the core costs an append, with a driver that costs
// next to nothing.
func BenchmarkAppend(b *testing.B) {
	for _, producers := range []int{0, 1, 8} {
		name := map[int]string{0: "plain", 1: "1 producer", 8: "8 producers"}[producers]
		b.Run(name, func(b *testing.B) {
			log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
			if err != nil {
				b.Fatal(err)
			}
			config := stream.Config{ContentType: "application/json"}
			if _, _, err := log.Create(b.Context(), "s", &stream.Create{Config: config}); err != nil {
				b.Fatal(err)
			}
			var r stream.Records
			r.Add(make([]byte, 100))
			ids := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				a := &stream.Append{ContentType: "application/json", Records: r}
				if producers > 0 {
					a.Producer = &stream.ProducerTag{ID: ids[n%producers], Producer: stream.Producer{Seq: uint64(n / producers)}}
				}
				done, err := log.Append(b.Context(), "s", a)
				if err == nil && done.FlushDue() {
					err = log.Flush(b.Context(), "s", done)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReadTail is a reader that is one record behind.
func BenchmarkReadTail(b *testing.B) {
	log, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits()})
	if err != nil {
		b.Fatal(err)
	}
	var r stream.Records
	r.Add(make([]byte, 100))
	create := &stream.Create{Config: stream.Config{ContentType: "application/json"}, Records: r}
	if _, _, err := log.Create(b.Context(), "s", create); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := log.Read(b.Context(), "s", stream.Start()); err != nil {
			b.Fatal(err)
		}
	}
}
