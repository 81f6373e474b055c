package lambdahttp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// Event is what a function is invoked with. It is made by encoding/json, and only
// good for the function that [Handler] returns, which reports what is wrong with it.
//
// It is not an [events.LambdaFunctionURLRequest], because that would hold a body as
// base64 and be refused by the runtime with no word to the client if a member has
// the wrong type.
type Event struct {
	payload payload
	// text or binary is the body, decoded.
	text   string
	binary []byte
	err    error
}

// payload is what is of use in a payload of format 2.0, without the body.
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
type payload struct {
	Version        string            `json:"version"`
	RawPath        *string           `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies"`
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		HTTP       struct {
			Method   string `json:"method"`
			Protocol string `json:"protocol"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	// Body stays empty, unless cutBody did not find it.
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// UnmarshalJSON implements [json.Unmarshaler]. It never fails, so that what is wrong
// can be answered; it keeps nothing of the input. Cost: the rest of the event is
// small, the body is decoded once, to memory of its own.
func (e *Event) UnmarshalJSON(event []byte) error {
	*e = Event{}
	rest, body := cutBody(event)
	err := json.Unmarshal(rest, &e.payload)
	switch {
	case e.payload.Version != "2.0":
		e.err = UnknownEventError{}
	case err != nil:
		e.err = wrongType(err)
	default:
		e.err = e.decode(body)
	}
	return nil
}

// wrongType says in the event's terms what package encoding/json found.
func wrongType(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return malformed("%s must not be of the type %s", e.Field, e.Value)
	}
	return malformed("it cannot be decoded")
}

// decode decodes the body from the string that stood in the event.
func (e *Event) decode(body []byte) error {
	if e.payload.Body != "" {
		return malformed("body is there twice, or is not written like this")
	}
	if len(body) <= len(`""`) {
		return nil
	}
	if e.payload.IsBase64Encoded {
		if encoded := body[1 : len(body)-1]; bytes.IndexByte(encoded, '\\') < 0 {
			return e.decodeBase64(encoded)
		}
	}
	if err := json.Unmarshal(body, &e.text); err != nil {
		return malformed("body is not a string")
	}
	if !e.payload.IsBase64Encoded {
		return nil
	}
	encoded := []byte(e.text)
	e.text = ""
	return e.decodeBase64(encoded)
}

func (e *Event) decodeBase64(encoded []byte) error {
	e.binary = make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Decode(e.binary, encoded)
	if err != nil {
		return malformed("body is not base64, and isBase64Encoded is true")
	}
	e.binary = e.binary[:n]
	return nil
}
