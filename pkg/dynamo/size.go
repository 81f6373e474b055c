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
		// Two digits a byte, without zeros at either end, and one byte more.
		digits := strings.Trim(strings.Replace(v.Value, ".", "", 1), "-0")
		size = (len(digits)+1)/2 + 1
		if strings.HasPrefix(v.Value, "-") {
			size++
		}
		return size
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
