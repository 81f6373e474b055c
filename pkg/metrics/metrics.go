// Package metrics says in numbers what a server does: for its clients, and in the
// background, which is compaction, the sweep, the discarding of what deletions leave, and
// the writing of registries.
//
// [Requested], [Compacted], [Swept], [Collected] and [Registered] turn the report of a
// request or a run into values. Each metric has one meaning, written down in this file, and
// two names: that of CloudWatch, for which [EMF] makes a log line of them, and that of
// Prometheus, for which a [Registry] adds them up.
package metrics

import (
	"errors"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Unit is what a metric counts, by CloudWatch's name.
type Unit string

// The units in use.
const (
	Count   Unit = "Count"
	Bytes   Unit = "Bytes"
	Seconds Unit = "Seconds"
)

// metric is what can be measured. Its index in the table of definitions is its identity.
type metric int

// The metrics, in the order in which they are written.
const (
	compactions metric = iota
	compactionFailures
	segmentsCompacted
	bytesCompacted
	compactionLag
	compactionDuration
	damageFound

	sweeps
	sweepFailures
	sweepProblems
	sweepDuration
	itemsSwept
	objectsSwept
	itemRounds
	objectRounds
	streamsExpired
	segmentsSealed
	forksReleased
	streamsRecounted
	itemsRetired
	objectsRemoved
	orphansDiscarded
	foreignObjects

	livesDiscarded
	discardFailures

	registryRecords
	registryFailures

	requests
	requestDuration
	serverErrors
	appendAttempts
	appendConflicts
	tableRequests
	readUnits
	writeUnits
	bucketRequests
	storeDuration
	liveReaders
	liveLag

	metricCount
)

// definition is a metric's names and meaning.
type definition struct {
	// cloudWatch is its name there, prometheus that one's without the prefix.
	cloudWatch, prometheus string
	unit                   Unit
	// sampled says that each value counts by itself, as durations do. Other metrics
	// are sums.
	sampled bool
	help    string
}

// definitions is a table that never changes.
var definitions = [metricCount]definition{
	compactions:        {"Compactions", "compactions_total", Count, false, "Runs that looked for segments of one stream to move into objects."},
	compactionFailures: {NameCompactionFailures, "compaction_failures_total", Count, false, "Runs of compaction that failed; they are done again."},
	segmentsCompacted:  {NameSegmentsCompacted, "segments_compacted_total", Count, false, "Segments that were moved into objects."},
	bytesCompacted:     {"BytesCompacted", "compacted_bytes_total", Bytes, false, "Bytes of the objects that segments were moved into."},
	compactionLag:      {NameCompactionLag, "compaction_lag_seconds", Seconds, true, "How long after its end a segment was in an object."},
	compactionDuration: {"CompactionDuration", "compaction_duration_seconds", Seconds, true, "How long a run of compaction took."},
	damageFound:        {NameDamageFound, "damage_found_total", Count, false, "Runs that met records that are missing or altered. Somebody has to look."},

	sweeps:           {NameSweeps, "sweeps_total", Count, false, "Runs of the sweep."},
	sweepFailures:    {NameSweepFailures, "sweep_failures_total", Count, false, "Runs of the sweep that could not do everything."},
	sweepProblems:    {NameSweepProblems, "sweep_problems_total", Count, false, "What the sweep could not do."},
	sweepDuration:    {"SweepDuration", "sweep_duration_seconds", Seconds, true, "How long a run of the sweep took."},
	itemsSwept:       {"ItemsSwept", "swept_items_total", Count, false, "Stored items that the sweep looked at."},
	objectsSwept:     {"ObjectsSwept", "swept_objects_total", Count, false, "Stored objects that the sweep looked at."},
	itemRounds:       {"ItemRounds", "sweep_item_rounds_total", Count, false, "How often the sweep came to the end of all items."},
	objectRounds:     {"ObjectRounds", "sweep_object_rounds_total", Count, false, "How often the sweep came to the end of all objects."},
	streamsExpired:   {"StreamsExpired", "streams_expired_total", Count, false, "Streams that were over and that the sweep removed."},
	segmentsSealed:   {"SegmentsSealed", "segments_sealed_total", Count, false, "Last segments that the sweep ended because their streams were idle."},
	forksReleased:    {"ForksReleased", "forks_released_total", Count, false, "Forks that were over and that the sweep took off their sources."},
	streamsRecounted: {"StreamsRecounted", "streams_recounted_total", Count, false, "Streams whose forks were not counted right, which the sweep mended."},
	itemsRetired:     {"ItemsRetired", "items_retired_total", Count, false, "Chunks and staged items of living streams that nothing needed and the sweep let go."},
	objectsRemoved:   {"ObjectsRemoved", "objects_removed_total", Count, false, "Staged objects of living streams that nothing needed and the sweep removed."},
	orphansDiscarded: {"OrphansDiscarded", "orphans_discarded_total", Count, false, "Ended lives of streams whose data the sweep found although nothing owed it, and discarded."},
	foreignObjects:   {"ForeignObjects", "foreign_objects_total", Count, false, "Objects that the sweep met and that are none of the server's. They are left alone."},

	livesDiscarded:  {NameLivesDiscarded, "lives_discarded_total", Count, false, "Ended lives of streams whose data was discarded."},
	discardFailures: {"DiscardFailures", "discard_failures_total", Count, false, "Ended lives of streams that could not be discarded; they are found again."},

	registryRecords:  {"RegistryRecords", "registry_records_total", Count, false, "Records that were written into registries: streams that began or ended."},
	registryFailures: {NameRegistryFailures, "registry_failures_total", Count, false, "Streams that a registry could not be told of; they are found again."},

	requests:        {NameRequests, "requests_total", Count, false, "Requests of clients, by what was asked for and by the class of the answer's status."},
	requestDuration: {NameRequestDuration, "request_duration_seconds", Seconds, true, "How long a request took, the waiting of live readers included."},
	serverErrors:    {NameServerErrors, "server_errors_total", Count, false, "Requests that were answered with a status of 500 or more."},
	appendAttempts:  {NameAppendAttempts, "append_attempts_total", Count, false, "Writes that were tried for appends."},
	appendConflicts: {NameAppendConflicts, "append_conflicts_total", Count, false, "Those of them that met a head that did not admit them: a duplicate, a full segment, another writer."},
	tableRequests:   {NameTableRequests, "table_requests_total", Count, false, "Requests to DynamoDB that were made for requests of clients."},
	readUnits:       {NameReadUnits, "table_read_units_total", Count, false, "Read units that they are charged."},
	writeUnits:      {NameWriteUnits, "table_write_units_total", Count, false, "Write units that they are charged."},
	bucketRequests:  {NameBucketRequests, "bucket_requests_total", Count, false, "Requests to the bucket that were made for requests of clients."},
	storeDuration:   {NameStoreDuration, "store_duration_seconds", Seconds, true, "For how long of a request's time a request to the table or to the bucket was under way, if there was one."},
	liveReaders:     {NameLiveReaders, "live_readers", Count, true, "Requests of this process that wait for data."},
	liveLag:         {NameLiveLag, "live_lag_seconds", Seconds, true, "How long after its append the latest page was there that a live reader had waited for."},
}

// Value is a metric and what one run, or one request, adds to it.
type Value struct {
	metric metric
	number float64
	labels
}

// Compacted returns the values of a run of [stream.Log.Compact]: what it did, how long
// it took, how long ago the segment ended that was the reason for it, and its error. The
// lag counts if the run moved something; a negative one is not known, and left out.
func Compacted(c stream.Compaction, took, lag time.Duration, err error) []Value {
	values := []Value{
		{metric: compactions, number: 1},
		{metric: compactionFailures, number: one(err != nil)},
		{metric: damageFound, number: one(errors.Is(err, stream.ErrDamaged))},
		{metric: compactionDuration, number: took.Seconds()},
	}
	if c.Segments > 0 && lag >= 0 {
		values = append(values, Value{metric: compactionLag, number: lag.Seconds()})
	}
	return append(values, moved(c)...)
}

// moved returns what was moved, by whatever kind of run.
func moved(c stream.Compaction) []Value {
	return []Value{{metric: segmentsCompacted, number: float64(c.Segments)}, {metric: bytesCompacted, number: float64(c.Bytes)}}
}

// Swept returns the values of a run of [stream.Log.Sweep], with how long it took and its
// error.
func Swept(s stream.Swept, took time.Duration, err error) []Value {
	values := []Value{
		{metric: sweeps, number: 1},
		{metric: sweepFailures, number: one(err != nil)},
		{metric: damageFound, number: one(errors.Is(err, stream.ErrDamaged))},
		{metric: sweepProblems, number: float64(s.Problems)},
		{metric: sweepDuration, number: took.Seconds()},
		{metric: itemsSwept, number: float64(s.Items)},
		{metric: objectsSwept, number: float64(s.Objects)},
		{metric: itemRounds, number: one(s.ItemsEnd)},
		{metric: objectRounds, number: one(s.ObjectsEnd)},
		{metric: streamsExpired, number: float64(s.Expired)},
		{metric: segmentsSealed, number: float64(s.Sealed)},
		{metric: forksReleased, number: float64(s.Released)},
		{metric: streamsRecounted, number: float64(s.Recounted)},
		{metric: itemsRetired, number: float64(s.Retired)},
		{metric: objectsRemoved, number: float64(s.Removed)},
		{metric: orphansDiscarded, number: float64(s.Orphans)},
		{metric: foreignObjects, number: float64(s.Foreign)},
	}
	values = append(values, Value{metric: registryRecords, number: float64(s.Registered)})
	values = append(values, moved(s.Compaction)...)
	return append(values, Collected(s.Collected)...)
}

// Registered returns the values of a run of [stream.Log.Register].
func Registered(r stream.Registered) []Value {
	return []Value{{metric: registryRecords, number: float64(r.Records)}, {metric: registryFailures, number: float64(len(r.Failed))}}
}

// Collected returns the values of a run of [stream.Log.Collect].
func Collected(c stream.Collected) []Value {
	return []Value{{metric: livesDiscarded, number: float64(c.Settled)}, {metric: discardFailures, number: float64(c.Failed)}}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
