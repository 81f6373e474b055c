package metrics

// Names are what alarms and dashboards call metrics in CloudWatch.
type Names struct {
	SegmentsCompacted, CompactionFailures, CompactionLag string
	Sweeps, SweepFailures, SweepProblems, LivesDiscarded string
	DamageFound                                          string
}

// CloudWatchNames returns the names of the metrics that are watched.
func CloudWatchNames() Names {
	name := func(m metric) string { return definitions[m].cloudWatch }
	return Names{
		SegmentsCompacted:  name(segmentsCompacted),
		CompactionFailures: name(compactionFailures),
		CompactionLag:      name(compactionLag),
		Sweeps:             name(sweeps),
		SweepFailures:      name(sweepFailures),
		SweepProblems:      name(sweepProblems),
		LivesDiscarded:     name(livesDiscarded),
		DamageFound:        name(damageFound),
	}
}
