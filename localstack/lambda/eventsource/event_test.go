package eventsource

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// everyType has an attribute of each type, and the corners of each.
func everyType() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"S":          &types.AttributeValueMemberS{Value: "text <&> \u2028 \"quoted\" ü"},
		"S empty":    &types.AttributeValueMemberS{},
		"N":          &types.AttributeValueMemberN{Value: "12345678901234567890123456789012345678"},
		"N small":    &types.AttributeValueMemberN{Value: "-1.5E-130"},
		"B":          &types.AttributeValueMemberB{Value: []byte{0, 1, 0xff, '<'}},
		"B empty":    &types.AttributeValueMemberB{},
		"BOOL":       &types.AttributeValueMemberBOOL{Value: true},
		"BOOL not":   &types.AttributeValueMemberBOOL{},
		"NULL":       &types.AttributeValueMemberNULL{Value: true},
		"SS":         &types.AttributeValueMemberSS{Value: []string{"a", ""}},
		"NS":         &types.AttributeValueMemberNS{Value: []string{"1", "2.50"}},
		"BS":         &types.AttributeValueMemberBS{Value: [][]byte{{1, 2}, {0xfe}}},
		"L":          &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{Value: []byte("deep")}, &types.AttributeValueMemberNULL{Value: true}}}}},
		"L empty":    &types.AttributeValueMemberL{},
		"M":          &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"a.b/c": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"BS": &types.AttributeValueMemberBS{Value: [][]byte{{3}}}}}}},
		"M empty":    &types.AttributeValueMemberM{},
		"ü \"name\"": &types.AttributeValueMemberBOOL{Value: true},
	}
}

// decoded is what a value must be after events has decoded it: the type of the
// attribute, and its value.
func decoded(t *testing.T, v types.AttributeValue) events.DynamoDBAttributeValue {
	t.Helper()
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return events.NewStringAttribute(v.Value)
	case *types.AttributeValueMemberN:
		return events.NewNumberAttribute(v.Value)
	case *types.AttributeValueMemberB:
		return events.NewBinaryAttribute(append([]byte{}, v.Value...))
	case *types.AttributeValueMemberBOOL:
		return events.NewBooleanAttribute(v.Value)
	case *types.AttributeValueMemberNULL:
		return events.NewNullAttribute()
	case *types.AttributeValueMemberSS:
		return events.NewStringSetAttribute(v.Value)
	case *types.AttributeValueMemberNS:
		return events.NewNumberSetAttribute(v.Value)
	case *types.AttributeValueMemberBS:
		return events.NewBinarySetAttribute(v.Value)
	case *types.AttributeValueMemberL:
		list := []events.DynamoDBAttributeValue{}
		for _, element := range v.Value {
			list = append(list, decoded(t, element))
		}
		return events.NewListAttribute(list)
	case *types.AttributeValueMemberM:
		return events.NewMapAttribute(decodedItem(t, v.Value))
	}
	t.Fatalf("unknown type %T", v)
	return events.DynamoDBAttributeValue{}
}

func decodedItem(t *testing.T, item map[string]types.AttributeValue) map[string]events.DynamoDBAttributeValue {
	t.Helper()
	out := make(map[string]events.DynamoDBAttributeValue)
	for name, v := range item {
		out[name] = decoded(t, v)
	}
	return out
}

// What is sent decodes, with the types that functions use, to what was changed.
func TestEventDecodes(t *testing.T) {
	m, err := New(DefaultConfig(testARN, types.ShardIteratorTypeLatest), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberB{Value: []byte{7}}}
	created := time.Unix(1_795_489_508, 0).UTC()
	modified, ok := m.admit(types.Record{
		EventID: aws.String("id-1"), EventName: types.OperationTypeModify, EventVersion: aws.String("1.1"), EventSource: aws.String("aws:dynamodb"), AwsRegion: aws.String("us-east-1"),
		Dynamodb: &types.StreamRecord{
			SequenceNumber: aws.String("000000000000000000001"), SizeBytes: aws.Int64(1 << 20), StreamViewType: types.StreamViewTypeNewAndOldImages,
			ApproximateCreationDateTime: &created, Keys: key, NewImage: everyType(), OldImage: map[string]types.AttributeValue{},
		},
	})
	if !ok {
		t.Fatal("not admitted")
	}
	removed, ok := m.admit(types.Record{
		EventID: aws.String("id-2"), EventName: types.OperationTypeRemove, EventVersion: aws.String("1.1"), AwsRegion: aws.String("us-east-1"),
		UserIdentity: &types.Identity{Type: aws.String("Service"), PrincipalId: aws.String("dynamodb.amazonaws.com")},
		Dynamodb:     &types.StreamRecord{SequenceNumber: aws.String("2"), StreamViewType: types.StreamViewTypeKeysOnly, Keys: key},
	})
	if !ok {
		t.Fatal("not admitted")
	}
	var got events.DynamoDBEvent
	if err := json.Unmarshal(payload([]record{modified, removed}), &got); err != nil {
		t.Fatal(err)
	}
	want := events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{
		{
			EventID: "id-1", EventName: "MODIFY", EventVersion: "1.1", EventSource: "aws:dynamodb", AWSRegion: "us-east-1", EventSourceArn: testARN,
			Change: events.DynamoDBStreamRecord{
				SequenceNumber: "000000000000000000001", SizeBytes: 1 << 20, StreamViewType: "NEW_AND_OLD_IMAGES",
				ApproximateCreationDateTime: events.SecondsEpochTime{Time: created},
				Keys:                        decodedItem(t, key), NewImage: decodedItem(t, everyType()), OldImage: map[string]events.DynamoDBAttributeValue{},
			},
		},
		{
			EventID: "id-2", EventName: "REMOVE", EventVersion: "1.1", EventSource: "aws:dynamodb", AWSRegion: "us-east-1", EventSourceArn: testARN,
			UserIdentity: &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"},
			Change:       events.DynamoDBStreamRecord{SequenceNumber: "2", StreamViewType: "KEYS_ONLY", Keys: decodedItem(t, key)},
		},
	}}
	for i := range want.Records {
		got.Records[i].Change.ApproximateCreationDateTime.Time = got.Records[i].Change.ApproximateCreationDateTime.UTC()
		for name, value := range want.Records[i].Change.NewImage {
			if is := got.Records[i].Change.NewImage[name]; !reflect.DeepEqual(is, value) {
				t.Errorf("%s decodes to %#v, want %#v", name, is, value)
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the event decodes to\n%+v, want\n%+v", got, want)
	}
}

// Filters see the very JSON that the function gets.
func TestFiltersSeeTheEvent(t *testing.T) {
	change := types.Record{EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{
		SequenceNumber: aws.String("1"), SizeBytes: aws.Int64(5), ApproximateCreationDateTime: aws.Time(time.UnixMilli(1_500)), NewImage: everyType(),
	}}
	fields := eventRecord(change, testARN)
	encoded, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	var again map[string]any
	if err := json.Unmarshal(encoded, &again); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fields, again) {
		t.Errorf("filters see\n%#v, the function\n%#v", fields, again)
	}
}
