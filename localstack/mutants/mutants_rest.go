package main

const (
	compactFile = "pkg/stream/compact.go"
	pageFile    = "pkg/stream/page.go"
	watcherFile = "pkg/stream/watcher.go"
	logFile     = "pkg/stream/log.go"
	sweepFile   = "pkg/stream/sweep.go"
	memoryFile  = "pkg/memory/memory.go"
)

// ofTheRest are defects of what happens to records afterwards, and of who reads them.
var ofTheRest = []mutant{
	{"the buffer is trimmed before its chunks are put", simulated, []edit{
		{flushFile, `	to, err := l.putChunks(ctx, h.Life(name), h.chunks(l.limits))
	if to == (Offset{}) && err != nil {
		return nil, err
	}
	trimmed, trimErr := l.trim(ctx, name, h, to)
`, `	trimmed, err := l.trim(ctx, name, h, h.Tail)
	if err == nil {
		_, err = l.putChunks(ctx, h.Life(name), h.chunks(l.limits))
	}
	var trimErr error
`},
	}},
	{"chunks are let go before the manifest is put", simulated, []edit{
		{compactFile, `	err = l.retry(ctx, func() error { return l.driver.PutManifest(ctx, s.life, m) })
`, `	if err := l.retire(ctx, s.life, s.chunks, s.links); err != nil {
		return Manifest{}, err
	}
	err = l.retry(ctx, func() error { return l.driver.PutManifest(ctx, s.life, m) })
`},
	}},
	{"the head says compacted before the manifest is put", simulated, []edit{
		{compactFile, `		m, err = l.store(ctx, h, s)
`, `		if err = l.settleCompact(ctx, life, n+1); err == nil {
			m, err = l.store(ctx, h, s)
		}
`},
	}},
	{"an object is not verified", simulated, []edit{
		{compactFile, `	return m, l.verifyObject(ctx, m)`, `	return m, nil`},
	}},
	{"a reader ignores a gap", suite{"./pkg/stream", "^TestReadNeverPassesAGap$"}, []edit{
		{pageFile, `	if p.Next.Before(e.From) {
		return errGap
	}
`, `	if p.Next.Before(e.From) {
		p.Next = e.From
	}
`},
	}},
	{"a read sees an old head", simulated, []edit{
		{logFile, `	h, err := l.driver.Head(ctx, name, Strong)`, `	h, err := l.driver.Head(ctx, name, Eventual)`},
	}},
	{"a follower follows an old head backwards", suite{"./pkg/stream", "^TestStalePoll$"}, []edit{
		{watcherFile, `old.head.Version >= h.Version:`, `old.head.Version == h.Version:`},
		{watcherFile, `v.head.Version > seen.Version):`, `v.head.Version != seen.Version):`},
	}},
	{"a fork does not count", simulated, []edit{
		{admitFile, `	next.Forks++
`, ``},
	}},
	{"a fork that is over still counts", simulated, []edit{
		{admitFile, `	next.Forks = max(0, next.Forks-1)
`, ``},
	}},
	{"a fork does not flush its source", simulated, []edit{
		{"pkg/stream/fork.go", `	if source.BufferFrom().Before(at) {`, `	if source.BufferFrom().Before(at) && source.Closed {`},
	}},
	{"the sweep collects what forks need", simulated, []edit{
		{sweepFile, `	if h.Incarnation != life.Incarnation {
`, `	if h.Incarnation != life.Incarnation || h.Deleted {
`},
	}},
	{"the registry is told before the state changes", simulated, []edit{
		{memoryFile, `	if err := s.creatable(name, replaced); err != nil {
		return err
	}
	s.create(name, head, replaced, owed)
`, `	s.owe(name, owed)
	if err := s.creatable(name, replaced); err != nil {
		return err
	}
	s.create(name, head, replaced, nil)
`},
	}},
	{"a deletion ends whatever life there is", suite{"./pkg/memory", "^TestDriver$"}, []edit{
		{memoryFile, `stored == nil || stored.Incarnation != inc || stored.Forks > 0`, `stored == nil || stored.Forks > 0`},
	}},
	{"a late update is applied to any version", suite{"./pkg/memory", "^TestDriver$"}, []edit{
		{memoryFile, `stored.Version != next.Version-1 {`, `stored.Version >= next.Version {`},
	}},
}
