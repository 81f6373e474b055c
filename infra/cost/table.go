package main

// table is what is in the table and the bucket on average.
type table struct {
	gib, bucketGiB float64
	items, objects float64
}

// tableOf returns what a workload keeps where. A message is in the table until its segment is full and
// compacted, and then until it is retired and removed; from its compaction on it is in the bucket,
// and large requests are there from the start.
func tableOf(w Workload) table {
	t := table{items: w.Streams, gib: w.Streams * (headBytes + itemBytes) / gib}
	if w.AppendsPerSecond > 0 {
		l, kept := w.each(), w.RetentionDays*86400
		fill := w.appendsPerSegment() / (w.AppendsPerSecond / w.ActiveStreams) / 2
		hot := min(kept, fill+w.RetireAfter.seconds()+ttlSeconds)
		bytes := w.requestBytes() * (1 - l.puts)
		t.items += w.AppendsPerSecond * hot * l.chunks()
		t.gib += w.AppendsPerSecond * hot * (bytes + l.chunks()*itemBytes) / gib
		waiting := w.AppendsPerSecond * min(kept, fill) * bytes / gib
		t.bucketGiB -= min(waiting, w.stored())
		t.objects += w.AppendsPerSecond / w.appendsPerSegment() * max(0, kept-fill)
	}
	t.bucketGiB += w.stored()
	t.gib += t.bucketGiB * manifestShare
	return t
}
