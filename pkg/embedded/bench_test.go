package embedded

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// BenchmarkAppend is what core, driver and engine cost an append on a disk that costs
// nothing: 32 writers at a time, on 32 streams and on one.
func BenchmarkAppend(b *testing.B) {
	for _, streams := range []int{32, 1} {
		b.Run(fmt.Sprint("streams=", streams), func(b *testing.B) {
			o := DefaultOptions()
			o.FS = vfs.NewMem()
			s, err := Open("data", o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			log, err := stream.New(s, stream.Options{Limits: stream.DefaultLimits()})
			if err != nil {
				b.Fatal(err)
			}
			for i := range streams {
				create := &stream.Create{Config: stream.Config{ContentType: "application/json"}}
				if _, _, err := log.Create(b.Context(), fmt.Sprint(i), create); err != nil {
					b.Fatal(err)
				}
			}
			var r stream.Records
			r.Add(make([]byte, 100))
			var writers atomic.Int64
			b.SetParallelism(16)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				name := fmt.Sprint(int(writers.Add(1)) % streams)
				for pb.Next() {
					done, err := log.Append(b.Context(), name, &stream.Append{ContentType: "application/json", Records: r})
					if err == nil && done.FlushDue() {
						err = log.Flush(b.Context(), name, done)
					}
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
