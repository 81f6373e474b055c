package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ItemSize is the size of an item as DynamoDB bills it ("item sizes and formats" in
// its developer guide): names and values, with an overhead for lists and maps.
func ItemSize(it item) int {
	size := 0
	for name, v := range it {
		size += attributeSize(name, v)
	}
	return size
}

func attributeSize(name string, v types.AttributeValue) int { return len(name) + valueSize(v) }

func valueSize(v types.AttributeValue) int {
	size := 0
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberBS:
		for _, b := range v.Value {
			size += len(b)
		}
		return size
	case *types.AttributeValueMemberL:
		for _, e := range v.Value {
			size += 1 + valueSize(e)
		}
		return size + 3
	case *types.AttributeValueMemberM:
		for name, e := range v.Value {
			size += 1 + attributeSize(name, e)
		}
		return size + 3
	default: // BOOL and NULL; the others are not used
		return 1
	}
}

// numberSize is the size of a whole number; there are no others here. Its digits go
// in pairs from the right, a byte each, without pairs of zeros at either end.
func numberSize(n string) int {
	digits, negative := strings.CutPrefix(n, "-")
	digits = strings.TrimLeft(digits, "0")
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	for strings.HasSuffix(digits, "00") {
		digits = digits[:len(digits)-2]
	}
	size := 1 + len(digits)/2
	if negative {
		size++
	}
	return size
}
