package main

const (
	admitFile  = "pkg/stream/admit.go"
	commitFile = "pkg/stream/commit.go"
	flushFile  = "pkg/stream/flush.go"
	settleFile = "pkg/stream/settle.go"
	judgeFile  = "pkg/stream/judge.go"
	planFile   = "pkg/stream/plan.go"
)

// simulated is the suite of random worlds.
var simulated = suite{"./pkg/streamtest/simulation", "^TestWorlds$"}

// mutants are the defects, in the order in which a record meets them.
var mutants = append(ofAppends, ofTheRest...)

// ofAppends are defects of what is acknowledged.
var ofAppends = []mutant{
	{"the commit id is not checked", simulated, []edit{
		{admitFile, `|| h.Excludes(b.ID) ||`, `||`},
	}},
	{"a commit that the head forgot is applied again", simulated, []edit{
		{admitFile, `|| h.forgot(b.Made()) ||`, `||`},
	}},
	{"an append is acknowledged before its commit", simulated, []edit{
		{commitFile, `	head, err := c.driver.Commit(ctx, c.name, b, c.limits)
`, `	head, err := c.driver.Commit(ctx, c.name, b, c.limits)
	if next, ok := Admit(c.known, b, c.limits); ok && err != nil {
		head, err = next, nil
	}
`},
	}},
	{"an unknown outcome is answered as a failure", suite{"./pkg/stream", "^TestStoreIsAway$"}, []edit{
		{settleFile, `			if h, readErr = c.reread(ctx, attempt); readErr != nil {
				return CommitMark{}, nil, unsettled(err)
`, `			if h, readErr = c.reread(ctx, attempt); readErr != nil {
				return CommitMark{}, nil, unavailable(err)
`},
	}},
	{"an unknown commit is tried again and its id not burned", simulated, []edit{
		{settleFile, `		burnErr := c.driver.Update(ctx, c.name, next)`, `		burnErr := error(nil)`},
	}},
	{"a head that has forgotten commits settles one", suite{"./pkg/stream", "^TestMemoryMovedOn$"}, []edit{
		{settleFile, `		case !covers(h, c.known) || len(h.Burned)`, `		case len(h.Burned)`},
	}},
	{"a late commit reaches the next life", simulated, []edit{
		{admitFile, `		return !h.CreatedAt.After(b.Now)`, `		return true`},
		{admitFile, `	return b.Incarnation == h.Incarnation`, `	return true`},
	}},
	{"a gap of a producer is accepted", simulated, []edit{
		{judgeFile, `	case tag.Seq > state.Seq+1:`, `	case tag.Seq > state.Seq+2:`},
	}},
	{"a repeated request of a producer is applied", simulated, []edit{
		{judgeFile, `	case tag.Seq <= state.Seq:`, `	case tag.Seq < state.Seq:`},
	}},
	{"a fenced producer is let through", suite{"./pkg/stream", "^TestJudge"}, []edit{
		{judgeFile, `	case tag.Epoch < state.Epoch:`, `	case tag.Epoch+1 < state.Epoch:`},
	}},
	{"a producer leaves the head and is not stored", simulated, []edit{
		{planFile, `			err := c.retry(ctx, func() error {
				return c.driver.SpillProducer(ctx, next.Life(c.name), id, next.Producers[id].Producer)
			})
`, `			err := ctx.Err()
`},
	}},
	{"a producer of a life that is over counts as new", suite{"./pkg/stream", "^TestRecallFromALifeThatIsOver$"}, []edit{
		{planFile, `		if next == nil && unknown {`, `		if next == nil && unknown && h == nil {`},
	}},
	{"the first batch of a segment does not count", simulated, []edit{
		{admitFile, `		h.SegmentCount += e.Count
		h.SegmentSize += e.Size
`, `		if e.From.Segment == e.To.Segment {
			h.SegmentCount += e.Count
			h.SegmentSize += e.Size
		}
`},
	}},
	{"what was staged long ago may be linked", suite{"./pkg/stream", "Staged|Sweep"}, []edit{
		{admitFile, ` || h.outdated(b.Staged) {`, ` {`},
	}},
}
