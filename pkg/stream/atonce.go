package stream

import (
	"errors"
	"sync"
)

// maxAtOnce bounds the requests that one operation has under way at the same time.
const maxAtOnce = 16

// atOnce calls do for each number below n, several at a time, waits for all of them,
// and returns their errors.
func atOnce(n int, do func(i int) error) error {
	if n == 1 {
		return do(0)
	}
	errs := make([]error, n)
	free := make(chan struct{}, maxAtOnce)
	var all sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			errs[i] = do(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
