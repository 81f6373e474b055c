package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// transact makes writes of different items, all or none. If conditions did not hold, the
// error is an [unmet]. Cost: one request, and twice the WU that the writes would cost
// alone, refused or not.
//
// No two calls share a token (the SDK makes one up for each): a call is judged by its
// conditions, even if one like it was made before. One that is delivered twice is
// answered as the first time.
func (s *Store) transact(ctx context.Context, writes ...types.TransactWriteItem) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes}, once)
	return classify(err)
}

// updating is an update of a head as a part of a transaction.
func (s *Store) updating(name string, e *expression) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                           &s.Table,
		Key:                                 headKey(name),
		ConditionExpression:                 e.condition(),
		UpdateExpression:                    e.update(),
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// putting stores an item as a part of a transaction, whatever is stored under its key.
func (s *Store) putting(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.Table, Item: it}}
}

// unmet says that a transaction had no effect because conditions did not hold.
type unmet struct {
	// reasons has one for each write.
	reasons []types.CancellationReason
}

func (u *unmet) Error() string { return "dynamo: conditions of a transaction did not hold" }

// conditionFailed is the reason of a write whose condition did not hold.
const conditionFailed = "ConditionalCheckFailed"

// on reports whether the condition of the nth write did not hold, and on which item; nil
// if there is none.
func (u *unmet) on(n int) (it item, failed bool) {
	if n >= len(u.reasons) || u.reasons[n].Code == nil || *u.reasons[n].Code != conditionFailed {
		return nil, false
	}
	return u.reasons[n].Item, true
}

// cancellation says why a transaction was cancelled. Each write has a reason; most of them
// say that it was another one.
//
//	a condition did not hold             unmet
//	throttled, or in conflict            not applied
//	invalid, or an item is too large     rejected
//	anything else                        unknown: as it is
func cancellation(err *types.TransactionCanceledException) error {
	var conflict, invalid bool
	for _, r := range err.CancellationReasons {
		if r.Code == nil {
			continue
		}
		switch code := *r.Code; {
		case code == conditionFailed:
			return &unmet{err.CancellationReasons}
		case again[code]:
			conflict = true
		case code == "ValidationError", code == "ItemCollectionSizeLimitExceeded":
			invalid = true
		}
	}
	switch {
	case invalid:
		return rejected(err)
	case conflict:
		return fmt.Errorf("%w: %w", stream.ErrNotApplied, err)
	}
	return err
}
