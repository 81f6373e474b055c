package metrics

// Names in CloudWatch of the metrics that alarms and dashboards are made of. [EMF] says
// which have a value only when something happened.
const (
	// Background work, without dimensions. The lag is in seconds.
	NameSegmentsCompacted  = "SegmentsCompacted"
	NameCompactionFailures = "CompactionFailures"
	NameCompactionLag      = "CompactionLag"
	NameDamageFound        = "DamageFound"
	NameSweeps             = "Sweeps"
	NameSweepFailures      = "SweepFailures"
	NameSweepProblems      = "SweepProblems"
	NameLivesDiscarded     = "LivesDiscarded"
	NameRegistryFailures   = "RegistryFailures"

	// Requests: their number, with the dimensions Operation and StatusClass.
	NameRequests = "Requests"
	// Seconds, with the dimension Operation. Its sum over a period, divided by the
	// period, is how many such requests were under way on average: of long-poll and sse,
	// the live readers.
	NameRequestDuration = "RequestDuration"

	// Without dimensions. Durations are in seconds.
	NameServerErrors    = "ServerErrors"
	NameAppendAttempts  = "AppendAttempts"
	NameAppendConflicts = "AppendConflicts"
	NameTableRequests   = "TableRequests"
	NameReadUnits       = "ReadUnits"
	NameWriteUnits      = "WriteUnits"
	NameBucketRequests  = "BucketRequests"
	NameStoreDuration   = "StoreDuration"
	NameLiveReaders     = "LiveReaders"
	NameLiveLag         = "LiveLag"
)

// The dimensions of metrics in CloudWatch.
const (
	// DimensionOperation is what was asked for: create, append, read, long-poll, sse,
	// head, delete, or other.
	DimensionOperation = "Operation"
	// DimensionStatus is the class of the answer's status: 2xx, 3xx, 4xx or 5xx.
	DimensionStatus = "StatusClass"
)
