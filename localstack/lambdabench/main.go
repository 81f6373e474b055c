// The lambdabench command measures the serverless path on one machine: what each
// operation costs in requests and units, how many round trips it waits for, what the
// settings that trade the one for the other do, what the function takes of a processor
// and of memory, and how it starts. `make bench-lambda` runs it.
//
// Most tables are of the driver and the core on a model of DynamoDB (localstack/dynamomodel)
// whose calls take as long as one in a region does, in time that is simulated. So neither
// the machine nor a processor's time is in them: counts and medians repeat within 2 %;
// tails, and how fair processes that contend are to each other, vary by a third. What a
// processor does is in the tables of the function's process (processor, bootstrap), which
// runs against stand-ins and is measured by the kernel's clock.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func main() {
	o := options{limits: dynamo.Limits(stream.DefaultLimits())}
	flag.StringVar(&o.parts, "parts", strings.Join(partNames(), ","), "what to measure")
	flag.StringVar(&o.bootstrap, "bootstrap", "bin/api/bootstrap", "the streaming function, built for this machine")
	flag.StringVar(&o.size, "size", "bin/arm64/api/bootstrap", "the same, built for the cloud")
	flag.StringVar(&o.sizes, "sizes", "50,100,200,300,400,500,700,850,1024,1500,2000,2100,2500,4096,8192,16384,32768,61440,65536,102400,262144,1048576", "bytes of the requests of the part life")
	flag.IntVar(&o.limits.ObjectSize, "object-bytes", o.limits.ObjectSize, "OBJECT_BYTES")
	flag.DurationVar(&o.roundTrip, "round-trip", 5*time.Millisecond, "the median of a call to the table")
	flag.DurationVar(&o.bucketTrip, "bucket-trip", 30*time.Millisecond, "the median of a call to the bucket")
	flag.Uint64Var(&o.seed, "seed", 1, "what the times of calls are drawn from")
	flag.StringVar(&o.json, "json", "", "a file for all figures: a list of {table, row, column, value, unit}")
	// Simulated time is testing/synctest's, which is for tests: so this program is one.
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "lambdabench", F: func(t *testing.T) {
		if err := run(t, os.Stdout, o); err != nil {
			t.Error(err)
		}
	}}}, nil, nil)
}

// options are what the flags say.
type options struct {
	parts, bootstrap, size, sizes, json string
	roundTrip, bucketTrip               time.Duration
	seed                                uint64
	limits                              stream.Limits
}

// part is a number of tables about one thing.
type part struct {
	name string
	run  func(context.Context, *report, options) error
	// simulated says that it runs in simulated time.
	simulated bool
}

func parts() []part {
	return []part{
		{"latency", latency, true},
		{"contention", contention, true},
		{"compacting", compacting, true},
		{"units", writeUnits, true},
		{"life", life, true},
		{"cold", cold, true},
		{"catchup", catchUp, true},
		{"live", live, true},
		{"buffer", bufferSettings, true},
		{"large", largeSettings, true},
		{"segment", segmentSettings, true},
		{"size", binarySize, false},
		{"bootstrap", start, false},
		{"processor", processor, false},
	}
}

func partNames() (names []string) {
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

func run(t *testing.T, w io.Writer, o options) error {
	all, r := parts(), &report{w: w}
	for name := range strings.SplitSeq(o.parts, ",") {
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("there is no part %q: there are %s", name, strings.Join(partNames(), ", "))
		}
		if err := all[i].measure(t, r, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if o.json == "" {
		return nil
	}
	return r.save(o.json)
}

func (p part) measure(t *testing.T, r *report, o options) error {
	if !p.simulated {
		return p.run(t.Context(), r, o)
	}
	err := errors.New("it did not end")
	synctest.Test(t, func(t *testing.T) { err = p.run(t.Context(), r, o) })
	return err
}
