package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// unprocessed lets a part of a batch through, and says in the answer which part it was not.
// A batch of one cannot be done in part.
func (e *exchange) unprocessed() (*http.Response, error) {
	var batch map[string]json.RawMessage
	if err := json.Unmarshal(e.body, &batch); err != nil {
		return nil, fmt.Errorf("faults: a batch that is not JSON: %w", err)
	}
	var items map[string][]json.RawMessage
	if err := json.Unmarshal(batch["RequestItems"], &items); err != nil {
		return nil, fmt.Errorf("faults: a batch without items: %w", err)
	}
	left := make(map[string][]json.RawMessage)
	for table, writes := range items {
		if len(writes) > 1 {
			n := 1 + int(e.fault.Draw%uint64(len(writes)-1))
			items[table], left[table] = writes[:n], writes[n:]
		}
	}
	if len(left) == 0 {
		return e.deliver()
	}
	e.layer.note(e.call, e.fault)
	batch["RequestItems"] = encode(items)
	response, body, err := e.whole(encode(batch))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return responseOf(e.request, response.StatusCode, response.Header, body), nil
	}
	var answer map[string]json.RawMessage
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("faults: the answer to a batch is not JSON: %w", err)
	}
	answer["UnprocessedItems"] = encode(left)
	header := response.Header.Clone()
	header.Del("X-Amz-Crc32")
	return responseOf(e.request, http.StatusOK, header, encode(answer)), nil
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it was decoded before
	}
	return text
}
