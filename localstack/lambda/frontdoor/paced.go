package frontdoor

import (
	"io"
	"time"
)

// Lambda sends the first bytes of a streamed response as fast as it can, and the
// rest at a rate.
const (
	unpacedBytes   = 6 << 20
	bytesPerSecond = 2 << 20
)

// paced writes at Lambda's rate, until done is closed: for whom is it slow then.
type paced struct {
	w    io.Writer
	done <-chan struct{}
	sent int64
}

func (p *paced) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	before := max(p.sent, unpacedBytes)
	p.sent += int64(n)
	if over := p.sent - before; over > 0 && err == nil {
		timer := time.NewTimer(time.Duration(over) * time.Second / bytesPerSecond)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-p.done:
		}
	}
	return n, err
}
