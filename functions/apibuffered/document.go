package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// errTooLarge says that a response does not get through the front door.
var errTooLarge = errors.New("the response is too large for this front door")

// document is the response to an event.
type document struct {
	// value is what is encoded as JSON; body and isBase64 point into it.
	value    any
	body     *string
	isBase64 *bool
}

// encode returns the document as JSON. Text stays readable unless that makes it too
// long: JSON escapes some characters, base64 makes a third more of any.
func (d document) encode(limit int) ([]byte, error) {
	out, err := d.marshal()
	if err == nil && len(out) > limit && !*d.isBase64 {
		*d.body, *d.isBase64 = base64.StdEncoding.EncodeToString([]byte(*d.body)), true
		out, err = d.marshal()
	}
	if err != nil {
		return nil, err
	}
	if len(out) > limit {
		return nil, fmt.Errorf("%w: it takes %d bytes, and %d are allowed", errTooLarge, len(out), limit)
	}
	return out, nil
}

func (d document) marshal() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // each <, > and & would count six bytes
	if err := encoder.Encode(d.value); err != nil {
		return nil, fmt.Errorf("encode the response: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
