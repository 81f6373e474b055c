package eventsource

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetriesAreSpacedAndHoldUpTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		r := startMapping(t, stream, func(call int, _ []string) (string, error) {
			if call < 10 {
				return "", errFunction
			}
			return "null", nil
		}, func(c *Config) { c.BatchSize = 1 })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := r.function.seen(); got != "1|1|1|1|1|1|1|1|1|1|2" {
			t.Errorf("the function has seen %s", got)
		}
		at := r.function.times()
		want := []time.Duration{0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000} // ms; jitter is 0
		for i := 1; i < len(want); i++ {
			if got := at[i] - at[i-1]; got != want[i]*time.Millisecond {
				t.Errorf("retry %d came after %v, want %v", i, got, want[i]*time.Millisecond)
			}
		}
		if len(r.failures) != 0 {
			t.Errorf("given up without a limit: %+v", r.failures)
		}
	})
}

func TestJitter(t *testing.T) {
	m := &Mapping{config: Config{Jitter: func() float64 { return 0.5 }}}
	for failures, want := range map[int]time.Duration{1: 75, 2: 150, 4: 600, 30: 7500, 1000: 7500} {
		if got := m.backoff(failures); got != want*time.Millisecond {
			t.Errorf("after %d failures it waits %v, want %v", failures, got, want*time.Millisecond)
		}
	}
}

func TestRetryAttemptsExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 3)
		r := startMapping(t, stream, failFor("1", "2"), func(c *Config) { c.BatchSize, c.MaximumRetryAttempts = 2, 2 })
		r.after(t, 10*time.Second, "1 2|1 2|1 2|3")
		if len(r.failures) != 1 {
			t.Fatalf("failures are %+v", r.failures)
		}
		f := r.failures[0]
		if !f.FirstArrival.Equal(r.function.begun) || !f.LastArrival.Equal(r.function.begun) {
			t.Errorf("the records arrived at %v and %v, not at %v", f.FirstArrival, f.LastArrival, r.function.begun)
		}
		if f.Reason != RetryAttemptsExhausted || f.FirstSequenceNumber != "1" || f.LastSequenceNumber != "2" || f.BatchSize != 2 || f.Attempts != 3 ||
			f.Shard != "a" || f.StreamARN != testARN || !errors.Is(f.Err, errFunction) || !strings.Contains(string(f.Event), `"SequenceNumber":"2"`) {
			t.Errorf("the failure is %+v", f)
		}
	})
}

func TestNoRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		r := startMapping(t, stream, failFor("1"), func(c *Config) { c.BatchSize, c.MaximumRetryAttempts = 1, 0 })
		r.after(t, 0, "1|2")
		if len(r.failures) != 1 || r.failures[0].Attempts != 1 {
			t.Errorf("failures are %+v", r.failures)
		}
	})
}

// Splitting finds the record that makes the function fail, and only that is given
// up. Splits are not attempts.
func TestBisect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 5)
		r := startMapping(t, stream, failFor("4"), func(c *Config) { c.MaximumRetryAttempts, c.BisectBatchOnFunctionError = 1, true })
		r.after(t, time.Minute, "1 2 3 4 5|1 2 3|4 5|4|4|5")
		if len(r.failures) != 1 || r.failures[0].FirstSequenceNumber != "4" || r.failures[0].BatchSize != 1 || r.failures[0].Attempts != 2 {
			t.Errorf("failures are %+v", r.failures)
		}
	})
}

func TestReportBatchItemFailures(t *testing.T) {
	const all = "1 2 3 4 5"
	report := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, fmt.Sprintf(`{"itemIdentifier": %s}`, id))
		}
		return `{"batchItemFailures": [` + strings.Join(items, ",") + `]}`
	}
	tests := []struct{ name, response, want string }{
		{"nothing", ``, all},
		{"null", `null`, all},
		{"an empty object", `{}`, all},
		{"an empty list", `[]`, all},
		{"empty text", `""`, all},
		{"no failures", report(), all},
		{"null failures", `{"batchItemFailures": null}`, all},
		{"other members", `{"ok": true}`, all},
		{"another name", `{"BatchItemFailures": [{"itemIdentifier": "1"}]}`, all},
		{"the third", report(`"3"`), all + "|3 4 5"},
		{"the last", report(`"5"`), all + "|5"},
		{"the first", report(`"1"`), all + "|" + all},
		{"several, the lowest counts", report(`"5"`, `"3"`, `"4"`), all + "|3 4 5"},
		// All that is malformed is a failure of the whole batch.
		{"a number", report(`3`), all + "|" + all},
		{"null id", report(`null`), all + "|" + all},
		{"empty id", report(`""`), all + "|" + all},
		{"unknown id", report(`"77"`), all + "|" + all},
		{"unknown among known", report(`"5"`, `"77"`), all + "|" + all},
		{"another key", `{"batchItemFailures": [{"foo": "3"}]}`, all + "|" + all},
		{"a key in another case", `{"batchItemFailures": [{"ItemIdentifier": "3"}]}`, all + "|" + all},
		{"an entry that is no object", `{"batchItemFailures": ["3"]}`, all + "|" + all},
		{"a list that is none", `{"batchItemFailures": "3"}`, all + "|" + all},
		{"text", `"3"`, all + "|" + all},
		{"no JSON", `oops`, all + "|" + all},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := newFakeStream("a")
				stream.put("a", 5)
				r := startMapping(t, stream, func(call int, _ []string) (string, error) {
					if call == 1 {
						return tt.response, nil
					}
					return "null", nil
				}, func(c *Config) { c.ReportBatchItemFailures = true })
				r.after(t, 10*time.Second, tt.want)
			})
		})
	}
}

func TestReportIsIgnoredUnlessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		r := startMapping(t, stream, func(int, []string) (string, error) {
			return `{"batchItemFailures": [{"itemIdentifier": "1"}]}`, nil
		}, nil)
		r.after(t, 10*time.Second, "1 2")
	})
}

// A report that shows progress begins a new batch, with attempts of its own; one
// that shows none does not.
func TestPartialFailuresAndAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 5)
		r := startMapping(t, stream, func(call int, batch []string) (string, error) {
			first := batch[0]
			if first == "1" {
				first = "2"
			}
			if call > 4 {
				return "null", nil
			}
			return fmt.Sprintf(`{"batchItemFailures": [{"itemIdentifier": %q}]}`, first), nil
		}, func(c *Config) { c.ReportBatchItemFailures, c.MaximumRetryAttempts = true, 2 })
		r.after(t, 10*time.Second, "1 2 3 4 5|2 3 4 5|2 3 4 5|2 3 4 5")
		if len(r.failures) != 1 || r.failures[0].FirstSequenceNumber != "2" || r.failures[0].Attempts != 3 || !errors.Is(r.failures[0].Err, ErrItemsFailed) {
			t.Errorf("failures are %+v", r.failures)
		}
	})
}

func TestPartialFailuresWithBisect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 5)
		r := startMapping(t, stream, func(call int, batch []string) (string, error) {
			if call == 1 {
				return `{"batchItemFailures": [{"itemIdentifier": "2"}]}`, nil // split there
			}
			if call == 2 {
				return "", errFunction // split in the middle
			}
			return "null", nil
		}, func(c *Config) { c.ReportBatchItemFailures, c.BisectBatchOnFunctionError = true, true })
		r.after(t, 10*time.Second, "1 2 3 4 5|2 3 4 5|2 3|4 5")
	})
}

func TestMaximumRecordAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		time.Sleep(2 * time.Minute)
		stream.put("a", 1)
		r := startMapping(t, stream, failFor("3"), func(c *Config) { c.MaximumRecordAge = time.Minute })
		r.after(t, time.Millisecond, "3") // the others are too old to begin with
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(r.failures) != 2 {
			t.Fatalf("failures are %+v", r.failures)
		}
		if f := r.failures[0]; f.Reason != RecordAgeExceeded || f.FirstSequenceNumber != "1" || f.LastSequenceNumber != "2" || f.Attempts != 0 || f.Err != nil {
			t.Errorf("the first failure is %+v", f)
		}
		if f := r.failures[1]; f.Reason != RecordAgeExceeded || f.FirstSequenceNumber != "3" || f.Attempts < 5 || !errors.Is(f.Err, errFunction) {
			t.Errorf("the second failure is %+v", f)
		}
		stream.put("a", 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if seen := r.function.seen(); !strings.HasSuffix(seen, "|4") {
			t.Errorf("the shard is held up: %s", seen)
		}
	})
}
