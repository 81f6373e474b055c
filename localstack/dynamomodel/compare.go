package dynamomodel

import (
	"bytes"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// compare orders two values of one type that has an order.
func compare(a, b value) (order int, ok bool) {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		b, ok := b.(*types.AttributeValueMemberS)
		return orElse(ok, func() int { return strings.Compare(a.Value, b.Value) })
	case *types.AttributeValueMemberB:
		b, ok := b.(*types.AttributeValueMemberB)
		return orElse(ok, func() int { return bytes.Compare(a.Value, b.Value) })
	case *types.AttributeValueMemberN:
		b, ok := b.(*types.AttributeValueMemberN)
		return orElse(ok, func() int { return integer(a.Value).Cmp(integer(b.Value)) })
	}
	return 0, false
}

func orElse(ok bool, order func() int) (int, bool) {
	if !ok {
		return 0, false
	}
	return order(), true
}

// integer reads a number; the driver has no others.
func integer(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

// equal compares values of any type.
func equal(a, b value) bool {
	if order, ok := compare(a, b); ok {
		return order == 0
	}
	switch a := a.(type) {
	case *types.AttributeValueMemberBOOL:
		b, ok := b.(*types.AttributeValueMemberBOOL)
		return ok && a.Value == b.Value
	case *types.AttributeValueMemberL:
		b, ok := b.(*types.AttributeValueMemberL)
		return ok && slices.EqualFunc(a.Value, b.Value, equal)
	case *types.AttributeValueMemberM:
		b, ok := b.(*types.AttributeValueMemberM)
		return ok && maps.EqualFunc(a.Value, b.Value, equal)
	case *types.AttributeValueMemberBS:
		b, ok := b.(*types.AttributeValueMemberBS)
		return ok && len(a.Value) == len(b.Value) && !slices.ContainsFunc(a.Value, func(e []byte) bool { return !has(b.Value, e) })
	}
	return false
}

func has(set [][]byte, e []byte) bool {
	return slices.ContainsFunc(set, func(other []byte) bool { return bytes.Equal(e, other) })
}

// contains is the function of that name, of lists, sets and strings.
func contains(in, what value) bool {
	switch in := in.(type) {
	case *types.AttributeValueMemberL:
		return slices.ContainsFunc(in.Value, func(e value) bool { return equal(e, what) })
	case *types.AttributeValueMemberBS:
		b, ok := what.(*types.AttributeValueMemberB)
		return ok && has(in.Value, b.Value)
	case *types.AttributeValueMemberS:
		s, ok := what.(*types.AttributeValueMemberS)
		return ok && strings.Contains(in.Value, s.Value)
	}
	return false
}

// beginsWith is the function begins_with, of strings and bytes.
func beginsWith(v, prefix value) bool {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		p, ok := prefix.(*types.AttributeValueMemberS)
		return ok && strings.HasPrefix(v.Value, p.Value)
	case *types.AttributeValueMemberB:
		p, ok := prefix.(*types.AttributeValueMemberB)
		return ok && bytes.HasPrefix(v.Value, p.Value)
	}
	return false
}
