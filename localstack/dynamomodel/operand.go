package dynamomodel

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type (
	item  = map[string]types.AttributeValue
	value = types.AttributeValue
)

// scope is what an expression is evaluated in.
type scope struct {
	item   item
	names  map[string]string
	values item
	err    error
}

func (s *scope) fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf("dynamomodel: "+format, args...)
	}
}

// operand is something that has a value; nil if there is none.
type operand func(s *scope) value

// path is where a value is in an item: names of attributes and members, and positions
// in lists.
type path []step

type step struct {
	name  string
	index int // if name is empty
}

func (p *parser) path() path {
	steps := path{{name: p.next()}}
	for p.err == nil {
		switch {
		case p.accept("."):
			steps = append(steps, step{name: p.next()})
		case p.accept("["):
			i, err := strconv.Atoi(p.next())
			if err != nil {
				p.fail()
			}
			steps = append(steps, step{index: i})
			p.expect("]")
		default:
			return steps
		}
	}
	return steps
}

// name resolves a reference to a name.
func (s *scope) name(of string) string {
	if of[0] != '#' {
		return of
	}
	name, ok := s.names[of]
	if !ok {
		s.fail("no name %s", of)
	}
	return name
}

func (at path) value(s *scope) value {
	v := s.item[s.name(at[0].name)]
	for _, step := range at[1:] {
		switch in := v.(type) {
		case *types.AttributeValueMemberM:
			if step.name == "" {
				return nil
			}
			v = in.Value[s.name(step.name)]
		case *types.AttributeValueMemberL:
			if step.name != "" || step.index >= len(in.Value) {
				return nil
			}
			v = in.Value[step.index]
		default:
			return nil
		}
	}
	return v
}

// operand reads a path, a reference to a value, or a function that returns a value.
func (p *parser) operand() operand {
	switch {
	case len(p.tokens) > 0 && p.tokens[0][0] == ':':
		ref := p.next()
		return func(s *scope) value {
			v := s.values[ref]
			if v == nil {
				s.fail("no value %s", ref)
			}
			return v
		}
	case p.accept("size"):
		p.expect("(")
		of := p.operand()
		p.expect(")")
		return func(s *scope) value {
			n, ok := sizeOf(of(s))
			if !ok {
				return nil
			}
			return number(n)
		}
	case p.accept("if_not_exists"):
		p.expect("(")
		at := p.path()
		p.expect(",")
		or := p.operand()
		p.expect(")")
		return func(s *scope) value {
			if v := at.value(s); v != nil {
				return v
			}
			return or(s)
		}
	case p.accept("list_append"):
		p.expect("(")
		a := p.operand()
		p.expect(",")
		b := p.operand()
		p.expect(")")
		return func(s *scope) value { return appended(s, a(s), b(s)) }
	}
	at := p.path()
	return at.value
}

func appended(s *scope, a, b value) value {
	first, ok := a.(*types.AttributeValueMemberL)
	second, also := b.(*types.AttributeValueMemberL)
	if !ok || !also {
		s.fail("list_append of something that is no list")
		return nil
	}
	all := make([]value, 0, len(first.Value)+len(second.Value))
	return &types.AttributeValueMemberL{Value: append(append(all, first.Value...), second.Value...)}
}

func number(n int) value { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

// sizeOf is what the function size returns.
func sizeOf(v value) (int, bool) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len([]rune(v.Value)), true
	case *types.AttributeValueMemberB:
		return len(v.Value), true
	case *types.AttributeValueMemberL:
		return len(v.Value), true
	case *types.AttributeValueMemberM:
		return len(v.Value), true
	case *types.AttributeValueMemberBS:
		return len(v.Value), true
	}
	return 0, false
}
