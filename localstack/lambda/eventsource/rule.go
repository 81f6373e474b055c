package eventsource

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// rules is a list of rules for one value, of which one must hold.
type rules []rule

// rule reports whether it holds for the values at a place: none if there is
// nothing, several if there is a list.
type rule func(values []any) bool

func (r rules) match(values []any) bool {
	return slices.ContainsFunc(r, func(holds rule) bool { return holds(values) })
}

func compileRules(list []any) (rules, error) {
	if len(list) == 0 {
		return nil, errors.New("the list of rules is empty")
	}
	var all rules
	for _, v := range list {
		r, err := compileRule(v)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

func compileRule(value any) (rule, error) {
	switch v := value.(type) {
	case []any:
		return nil, errors.New("a rule cannot be a list")
	case map[string]any:
		if len(v) != 1 {
			return nil, errors.New("a rule has one operator")
		}
		for operator, operand := range v {
			r, err := compileOperator(operator, operand)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", operator, err)
			}
			return r, nil
		}
	}
	return some(func(found any) bool { return found == value }), nil
}

// some is a rule that holds if one of the values is right.
func some(right func(value any) bool) rule {
	return func(values []any) bool { return slices.ContainsFunc(values, right) }
}

func compileOperator(operator string, operand any) (rule, error) {
	switch operator {
	case "prefix":
		return textRule(operand, strings.HasPrefix)
	case "suffix":
		return textRule(operand, strings.HasSuffix)
	case "equals-ignore-case":
		return textRule(operand, strings.EqualFold)
	case "anything-but":
		return anythingBut(operand)
	case "numeric":
		return numeric(operand)
	case "exists":
		should, ok := operand.(bool)
		if !ok {
			return nil, errors.New("true or false is needed")
		}
		return func(values []any) bool { return (len(values) > 0) == should }, nil
	}
	return nil, errors.New("there is no such operator")
}

// textRule is a rule that compares text with the operand.
func textRule(operand any, right func(text, operand string) bool) (rule, error) {
	want, ok := operand.(string)
	if !ok {
		return nil, errors.New("text is needed")
	}
	return some(func(value any) bool {
		text, ok := value.(string)
		return ok && right(text, want)
	}), nil
}

func anythingBut(operand any) (rule, error) {
	but, ok := operand.([]any)
	if !ok {
		but = []any{operand}
	}
	if len(but) == 0 {
		return nil, errors.New("the list is empty")
	}
	for _, v := range but {
		switch v.(type) {
		case string, float64:
		default:
			return nil, errors.New("text or numbers are needed")
		}
	}
	return some(func(value any) bool { return !slices.Contains(but, value) }), nil
}

// numeric compiles pairs of a comparison and a number, which must all hold.
func numeric(operand any) (rule, error) {
	list, ok := operand.([]any)
	if !ok || len(list) == 0 || len(list)%2 != 0 {
		return nil, errors.New("a list of comparisons and numbers is needed")
	}
	var all []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		number, ok := list[i+1].(float64)
		if !ok {
			return nil, fmt.Errorf("%v is not a number", list[i+1])
		}
		compare, err := comparison(list[i], number)
		if err != nil {
			return nil, err
		}
		all = append(all, compare)
	}
	return some(func(value any) bool {
		number, ok := value.(float64)
		return ok && !slices.ContainsFunc(all, func(holds func(float64) bool) bool { return !holds(number) })
	}), nil
}

func comparison(operator any, with float64) (func(float64) bool, error) {
	switch operator {
	case "=":
		return func(n float64) bool { return n == with }, nil
	case "<":
		return func(n float64) bool { return n < with }, nil
	case "<=":
		return func(n float64) bool { return n <= with }, nil
	case ">":
		return func(n float64) bool { return n > with }, nil
	case ">=":
		return func(n float64) bool { return n >= with }, nil
	}
	return nil, fmt.Errorf("%v is not a comparison", operator)
}
