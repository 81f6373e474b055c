//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// deadLetterFile is where changes are kept that were given up.
func deadLetterFile(c config.LambdaHost) string {
	return filepath.Join(c.DataDir, "dead-letters.jsonl")
}

// deadLetters keeps changes that the function failed on too often, each batch as a line
// of JSON in a file: what Lambda puts into the bucket that is a mapping's destination on
// failure. It may be used concurrently: each shard has a goroutine.
type deadLetters struct {
	file string
	// function is the function's ARN.
	function string
	logger   *slog.Logger
}

// deadLetter is Lambda's record of an invocation that failed, without the id of the
// request, which nobody knows here. Payload is the event as text; only destinations that
// are buckets get it.
type deadLetter struct {
	RequestContext struct {
		FunctionARN            string             `json:"functionArn"`
		Condition              eventsource.Reason `json:"condition"`
		ApproximateInvokeCount int                `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	ResponseContext struct {
		StatusCode      int    `json:"statusCode"`
		ExecutedVersion string `json:"executedVersion"`
		FunctionError   string `json:"functionError,omitempty"`
	} `json:"responseContext"`
	Version   string    `json:"version"`
	Timestamp time.Time `json:"timestamp"`
	Batch     struct {
		ShardID             string    `json:"shardId"`
		StartSequenceNumber string    `json:"startSequenceNumber"`
		EndSequenceNumber   string    `json:"endSequenceNumber"`
		FirstArrival        time.Time `json:"approximateArrivalOfFirstRecord"`
		LastArrival         time.Time `json:"approximateArrivalOfLastRecord"`
		BatchSize           int       `json:"batchSize"`
		StreamARN           string    `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
	Payload string `json:"payload"`
}

func newDeadLetter(function string, f eventsource.Failure, now time.Time) deadLetter {
	var d deadLetter
	d.RequestContext.FunctionARN = function
	d.RequestContext.Condition = f.Reason
	d.RequestContext.ApproximateInvokeCount = f.Attempts
	d.ResponseContext.StatusCode = 200
	d.ResponseContext.ExecutedVersion = "$LATEST"
	if failed := (*host.FunctionError)(nil); errors.As(f.Err, &failed) {
		d.ResponseContext.FunctionError = "Unhandled"
	}
	d.Version, d.Timestamp = "1.0", now.UTC()
	d.Batch.ShardID = f.Shard
	d.Batch.StartSequenceNumber, d.Batch.EndSequenceNumber = f.FirstSequenceNumber, f.LastSequenceNumber
	d.Batch.FirstArrival, d.Batch.LastArrival = f.FirstArrival.UTC(), f.LastArrival.UTC()
	d.Batch.BatchSize = f.BatchSize
	d.Batch.StreamARN = f.StreamARN
	d.Payload = string(f.Event)
	return d
}

// add appends a failure to the file, and says so in the log. If it cannot, what would be
// in the file is in the log.
func (l deadLetters) add(f eventsource.Failure) {
	line, err := json.Marshal(newDeadLetter(l.function, f, time.Now()))
	if err != nil {
		panic("dead letter: " + err.Error()) // strings, numbers and times can be encoded
	}
	if err := appendLine(l.file, line); err != nil {
		l.logger.Error("a dead letter could not be written", "error", err.Error(), "letter", string(line))
		return
	}
	l.logger.Error("changes that the function failed on are in the dead letters", "file", l.file,
		"records", f.BatchSize, "first", f.FirstSequenceNumber, "last", f.LastSequenceNumber)
}

// appendLine adds a line to a file, which is made if it is not there, in one write, so
// that lines never mix.
func appendLine(file string, line []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(append(line, '\n'))
	return err
}
