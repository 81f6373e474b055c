package faults

import (
	"fmt"
	"net/http"
)

// breakObject lets a request of a bucket go wrong, in a way that only those can.
func (e *exchange) breakObject() (*http.Response, error) {
	switch e.fault.Kind {
	case Missing:
		return e.answer(Error(http.StatusNotFound, "NoSuchKey")), nil
	case NotDeleted:
		return e.respond(http.StatusOK, "application/xml", []byte(`<?xml version="1.0" encoding="UTF-8"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`)), nil
	case PartialWrite:
		if response, _, err := e.whole(e.body[:len(e.body)/2]); err != nil || response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("faults: the store does not keep a part of an object: %v, %w", response, err)
		}
		return nil, reset()
	case WrongLength, BitFlip:
		response, body, err := e.whole(e.body)
		if err != nil {
			return nil, err
		}
		if response.StatusCode/100 == 2 && len(body) > 0 {
			body = e.altered(body)
		}
		return responseOf(e.request, response.StatusCode, response.Header, body), nil
	}
	return nil, fmt.Errorf("faults: there is no fault %q", e.fault.Kind)
}

// altered is a body that is too short, too long, or has another bit.
func (e *exchange) altered(body []byte) []byte {
	draw := e.fault.Draw
	switch {
	case e.fault.Kind == BitFlip:
		body[draw/8%uint64(len(body))] ^= 1 << (draw % 8)
		return body
	case draw%2 == 0:
		return append(body, byte(draw))
	default:
		return body[:len(body)-1]
	}
}
