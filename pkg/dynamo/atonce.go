package dynamo

import "sync"

// maxAtOnce bounds the requests that one operation has under way at the same time.
const maxAtOnce = 16

// atOnce calls do for each number below n, several at a time, waits for all of them,
// and returns the error of the first number that has one. The kinds of several would
// contradict each other.
func atOnce(n int, do func(i int) error) error {
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
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
