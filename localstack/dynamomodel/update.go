package dynamomodel

import (
	"maps"
	"math/big"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// change is one action of an update. It sees the item as it was before the update, and
// changes the one that it becomes.
type change func(before *scope, after item)

// parseUpdate reads an update expression. Elements of a list are removed one after the
// other, and those behind them move up: they must be named from the end, as the driver
// does.
func parseUpdate(text string) ([]change, error) {
	p := newParser(text)
	var all []change
	for len(p.tokens) > 0 {
		action := map[string]func() change{"SET": p.set, "REMOVE": p.remove, "ADD": p.add, "DELETE": p.take}[p.next()]
		if action == nil {
			p.fail()
			break
		}
		all = append(all, action())
		for p.accept(",") {
			all = append(all, action())
		}
	}
	return all, p.end()
}

func (p *parser) set() change {
	at := p.path()
	p.expect("=")
	v := p.sum()
	return func(before *scope, after item) {
		if value := v(before); value != nil {
			at.put(before, after, value)
		} else {
			before.fail("a value that is not there is assigned in %q", p.text)
		}
	}
}

// sum reads an operand, or two with a sign between them.
func (p *parser) sum() operand {
	a := p.operand()
	negative := p.peek("-")
	if !p.accept("+") && !p.accept("-") {
		return a
	}
	b := p.operand()
	return func(s *scope) value {
		x, ok := a(s).(*types.AttributeValueMemberN)
		y, also := b(s).(*types.AttributeValueMemberN)
		if !ok || !also {
			s.fail("a sum of what is no number in %q", p.text)
			return nil
		}
		sum := new(big.Int)
		if negative {
			sum.Sub(integer(x.Value), integer(y.Value))
		} else {
			sum.Add(integer(x.Value), integer(y.Value))
		}
		return &types.AttributeValueMemberN{Value: sum.String()}
	}
}

func (p *parser) remove() change {
	at := p.path()
	return func(before *scope, after item) { at.put(before, after, nil) }
}

func (p *parser) add() change {
	at, more := p.path(), p.operand()
	return func(before *scope, after item) {
		set, _ := more(before).(*types.AttributeValueMemberBS)
		if set == nil {
			before.fail("ADD of something that is no set of binaries")
			return
		}
		old, _ := at.value(before).(*types.AttributeValueMemberBS)
		all := &types.AttributeValueMemberBS{}
		if old != nil {
			all.Value = slices.Clone(old.Value)
		}
		for _, e := range set.Value {
			if !has(all.Value, e) {
				all.Value = append(all.Value, e)
			}
		}
		at.put(before, after, all)
	}
}

func (p *parser) take() change {
	at, less := p.path(), p.operand()
	return func(before *scope, after item) {
		set, _ := less(before).(*types.AttributeValueMemberBS)
		old, _ := at.value(before).(*types.AttributeValueMemberBS)
		if set == nil || old == nil {
			return
		}
		rest := slices.DeleteFunc(slices.Clone(old.Value), func(e []byte) bool { return has(set.Value, e) })
		if len(rest) == 0 {
			at.put(before, after, nil)
			return
		}
		at.put(before, after, &types.AttributeValueMemberBS{Value: rest})
	}
}

// put stores a value at a path, which is an attribute, a member of a map that is one, or
// (to remove it) an element of a list that is one; nil removes what is there. Values that
// an item shares with its former state are not changed.
func (at path) put(s *scope, after item, v value) {
	name := s.name(at[0].name)
	if len(at) == 1 {
		set(after, name, v)
		return
	}
	switch in := after[name].(type) {
	case *types.AttributeValueMemberM:
		if len(at) == 2 && at[1].name != "" {
			members := maps.Clone(in.Value)
			if members == nil {
				members = make(item)
			}
			set(members, s.name(at[1].name), v)
			after[name] = &types.AttributeValueMemberM{Value: members}
			return
		}
	case *types.AttributeValueMemberL:
		if len(at) == 2 && at[1].name == "" && v == nil {
			if i := at[1].index; i < len(in.Value) {
				after[name] = &types.AttributeValueMemberL{Value: slices.Concat(in.Value[:i], in.Value[i+1:])}
			}
			return
		}
	}
	s.fail("an update of %s that this model does not know", name)
}

func set(in item, name string, v value) {
	if v == nil {
		delete(in, name)
	} else {
		in[name] = v
	}
}
