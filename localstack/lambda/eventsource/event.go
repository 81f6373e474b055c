package eventsource

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// maxPayload is how large an event may be: Lambda's limit for an invocation, less
// what is around the records.
const maxPayload = 6<<20 - 64

// record is a record of the stream, ready to be sent.
type record struct {
	sequence string
	created  time.Time
	json     []byte
}

// admit makes a record of a change, and reports whether the filters let it pass.
func (m *Mapping) admit(change types.Record) (record, bool) {
	fields := eventRecord(change, m.config.StreamARN)
	if !m.wanted(fields) {
		return record{}, false
	}
	encoded, err := json.Marshal(fields)
	if err != nil {
		// Strings, numbers, lists and maps cannot fail to be encoded.
		panic("eventsource: encode a record: " + err.Error())
	}
	return record{
		sequence: aws.ToString(change.Dynamodb.SequenceNumber),
		created:  aws.ToTime(change.Dynamodb.ApproximateCreationDateTime),
		json:     encoded,
	}, true
}

// wanted reports whether the filters let a record pass.
func (m *Mapping) wanted(fields map[string]any) bool {
	for _, p := range m.filters {
		if p.Match(fields) {
			return true
		}
	}
	return len(m.filters) == 0
}

// payload is the event with these records.
func payload(records []record) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, rec := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(rec.json)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// eventRecord is a change as functions see it, and filters too: JSON as
// encoding/json decodes it into any.
func eventRecord(change types.Record, streamARN string) map[string]any {
	d := change.Dynamodb
	data := map[string]any{
		"SequenceNumber": aws.ToString(d.SequenceNumber),
		"SizeBytes":      float64(aws.ToInt64(d.SizeBytes)),
		"StreamViewType": string(d.StreamViewType),
	}
	if d.ApproximateCreationDateTime != nil {
		data["ApproximateCreationDateTime"] = float64(d.ApproximateCreationDateTime.UnixMilli()) / 1000
	}
	for name, image := range map[string]map[string]types.AttributeValue{"Keys": d.Keys, "NewImage": d.NewImage, "OldImage": d.OldImage} {
		if image != nil {
			data[name] = attributes(image)
		}
	}
	fields := map[string]any{
		"eventID":        aws.ToString(change.EventID),
		"eventName":      string(change.EventName),
		"eventVersion":   aws.ToString(change.EventVersion),
		"eventSource":    "aws:dynamodb",
		"awsRegion":      aws.ToString(change.AwsRegion),
		"eventSourceARN": streamARN,
		"dynamodb":       data,
	}
	if id := change.UserIdentity; id != nil {
		fields["userIdentity"] = map[string]any{"type": aws.ToString(id.Type), "principalId": aws.ToString(id.PrincipalId)}
	}
	return fields
}
