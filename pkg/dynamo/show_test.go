package dynamo_test

import (
	"encoding/json"
	"fmt"
)

// show formats attribute values so that equal ones look equal.
func show(v any) string {
	if v == nil {
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%T %s", v, b)
}
