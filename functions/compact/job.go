package main

import (
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// job is a stream that has a record in an event.
type job struct {
	stream string
	// ended is when the first of its records was made, as DynamoDB says: in whole
	// seconds. Zero means that it does not say.
	ended time.Time
	// compact and register say what its records ask for.
	compact, register bool
}

// jobs returns the streams that an event is about, each once, in the order of their
// first records. Records of items that are no heads are passed over with a warning: the
// mapping should have a filter.
func (f *function) jobs(e events.DynamoDBEvent) []job {
	var jobs []job
	seen := make(map[string]int)
	foreign := 0
	for _, r := range e.Records {
		name, ok := streamOf(r)
		if !ok {
			foreign++
			continue
		}
		at, found := seen[name]
		if !found {
			at = len(jobs)
			seen[name] = at
			jobs = append(jobs, job{stream: name, ended: r.Change.ApproximateCreationDateTime.Time})
		}
		ends, owes := changeOf(r)
		jobs[at].compact = jobs[at].compact || ends
		jobs[at].register = jobs[at].register || owes
	}
	if foreign > 0 {
		f.logger.Warn("records are of no stream; the event source should have a filter", "records", foreign, "filter", dynamo.EndedFilter)
	}
	return jobs
}

// streamOf returns the stream whose head a record is about.
func streamOf(r events.DynamoDBEventRecord) (string, bool) {
	pk, sk := r.Change.Keys["pk"], r.Change.Keys["sk"]
	if pk.DataType() != events.DataTypeString || sk.DataType() != events.DataTypeString {
		return "", false
	}
	return dynamo.NameOfHead(pk.String(), sk.String())
}

// changeOf returns what a record asks for. One that does not say is of a mapping without a
// filter, where only looking tells.
func changeOf(r events.DynamoDBEventRecord) (ends, owes bool) {
	mark, found := r.Change.NewImage[dynamo.ChangeAttribute]
	if !found || mark.DataType() != events.DataTypeString {
		return true, true
	}
	return dynamo.ChangeOf(mark.String())
}

// lag is how long ago the segment ended, and up to a second more than that, as the
// record's time has no fraction. It is negative if it is not known.
func (j job) lag() time.Duration {
	if j.ended.IsZero() {
		return -1
	}
	return max(0, time.Since(j.ended))
}
