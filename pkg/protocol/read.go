package protocol

// read serves GET: here what does not wait (section 5.6), and elsewhere the live
// modes.
func (x *exchange) read() error {
	q, err := parseQuery(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	switch q.live {
	case liveLongPoll:
		return x.longPoll(q)
	case liveSSE:
		return x.sse(q)
	}
	x.kind = "catch-up"
	page, err := x.log.Read(x.ctx, x.name, q.from)
	if err != nil {
		return err
	}
	if q.from.IsNow() {
		x.sendPage(page, uncached)
		return nil
	}
	x.sendPage(page, x.catchUpCaching(page))
	return nil
}
