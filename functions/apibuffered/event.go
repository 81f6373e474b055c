package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// event is what is of use in the events of both front doors, so that one that is
// megabytes long is parsed once. The types of aws-lambda-go have much more, each of
// which can have a type that they do not expect.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
type event struct {
	// HTTP API.
	Version        string   `json:"version"`
	RawPath        string   `json:"rawPath"`
	RawQueryString string   `json:"rawQueryString"`
	Cookies        []string `json:"cookies"`

	// Load balancer. Which of the single and the multiple values there are depends on
	// the target group.
	HTTPMethod        string              `json:"httpMethod"`
	Path              string              `json:"path"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`

	// Both.
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		ELB  *json.RawMessage `json:"elb"`
		HTTP struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// parse reads an event. If a member has the wrong type, the others are read all the
// same, so that what sent the event can still be told.
func parse(payload []byte) (*event, error) {
	e := new(event)
	err := json.Unmarshal(payload, e)
	if err == nil {
		return e, nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return e, malformed("%s is a %s", wrong.Field, wrong.Value)
	}
	return new(event), malformed("it is not JSON")
}

// errMalformed says that an event comes from a front door, and is broken.
var errMalformed = errors.New("the event is malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errMalformed, fmt.Sprintf(format, args...))
}

// content returns the body, decoded. The adapter could do it, but it would write what
// is wrong with it to the log in words of its own.
func (e *event) content() (string, error) {
	if !e.IsBase64Encoded {
		return e.Body, nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		return "", malformed("body is not base64, and isBase64Encoded is true")
	}
	return string(body), nil
}

// checkMethod returns an error for what is not a method. The adapter takes an empty
// one for GET.
func checkMethod(method string) error {
	if _, err := http.NewRequest(method, "/", nil); err != nil || method == "" {
		return malformed("the method is not one of HTTP")
	}
	return nil
}

// UnknownEventError is how an invocation fails whose event is of no front door. The
// runtime reports it under this name.
type UnknownEventError struct{}

// Error says which events are taken.
func (UnknownEventError) Error() string {
	return "unknown event: this function takes the events of an HTTP API (payload format 2.0) and of an Application Load Balancer"
}
