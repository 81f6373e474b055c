package eventsource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ErrItemsFailed says that the function reported records as failed.
var ErrItemsFailed = errors.New("eventsource: the function reported failed records")

// ErrResponse says that the function's report of failed records cannot be
// understood. Like Lambda, the mapping then takes all of the batch for failed.
var ErrResponse = errors.New("eventsource: malformed batchItemFailures")

// succeededBefore reads the result of a function that reports failed records, and
// returns how many succeeded before the first of them. Names are compared exactly,
// as Lambda does and encoding/json alone does not.
func succeededBefore(result []byte, records []record) (int, error) {
	switch string(bytes.TrimSpace(result)) {
	case "", "null", "[]", `""`:
		return len(records), nil // what a function returns that has nothing to say
	}
	var response map[string]json.RawMessage
	if err := json.Unmarshal(result, &response); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	var failures []map[string]json.RawMessage
	if list, ok := response["batchItemFailures"]; ok {
		if err := json.Unmarshal(list, &failures); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrResponse, err)
		}
	}
	first := len(records)
	for _, failure := range failures {
		var id *string
		if err := json.Unmarshal(failure["itemIdentifier"], &id); err != nil || id == nil {
			return 0, fmt.Errorf("%w: an entry has no itemIdentifier that is a string", ErrResponse)
		}
		at := slices.IndexFunc(records, func(rec record) bool { return rec.sequence == *id })
		if at < 0 {
			return 0, fmt.Errorf("%w: itemIdentifier %q is not the SequenceNumber of a record in the batch", ErrResponse, *id)
		}
		first = min(first, at)
	}
	if len(failures) == 0 {
		return first, nil
	}
	return first, fmt.Errorf("%w: %d, the first is %s", ErrItemsFailed, len(failures), records[first].sequence)
}
