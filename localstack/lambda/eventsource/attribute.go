package eventsource

import (
	"encoding/base64"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// attributes is an item in the JSON of events.
func attributes(item map[string]types.AttributeValue) map[string]any {
	out := make(map[string]any, len(item))
	for name, value := range item {
		out[name] = attribute(value)
	}
	return out
}

// attribute is a value in the JSON of events: an object with the type's name.
// Numbers are strings in it, and binaries base64.
func attribute(value types.AttributeValue) map[string]any {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return map[string]any{"S": v.Value}
	case *types.AttributeValueMemberN:
		return map[string]any{"N": v.Value}
	case *types.AttributeValueMemberB:
		return map[string]any{"B": binary(v.Value)}
	case *types.AttributeValueMemberBOOL:
		return map[string]any{"BOOL": v.Value}
	case *types.AttributeValueMemberNULL:
		return map[string]any{"NULL": v.Value}
	case *types.AttributeValueMemberSS:
		return map[string]any{"SS": list(v.Value, func(s string) any { return s })}
	case *types.AttributeValueMemberNS:
		return map[string]any{"NS": list(v.Value, func(s string) any { return s })}
	case *types.AttributeValueMemberBS:
		return map[string]any{"BS": list(v.Value, binary)}
	case *types.AttributeValueMemberL:
		return map[string]any{"L": list(v.Value, func(a types.AttributeValue) any { return attribute(a) })}
	case *types.AttributeValueMemberM:
		return map[string]any{"M": attributes(v.Value)}
	}
	// The SDK has no other types; a new one must not be dropped silently.
	panic(fmt.Sprintf("eventsource: attribute value of unknown type %T", value))
}

func binary(b []byte) any { return base64.StdEncoding.EncodeToString(b) }

// list converts a list; an empty one is [] and not null.
func list[T any](values []T, convert func(T) any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = convert(v)
	}
	return out
}
