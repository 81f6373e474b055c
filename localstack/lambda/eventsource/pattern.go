package eventsource

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ErrPattern says that a filter pattern is not one.
var ErrPattern = errors.New("eventsource: bad filter pattern")

// Pattern is a compiled filter pattern.
type Pattern struct{ match condition }

// condition reports whether an object, or nil for one that is not there, is as a
// pattern says.
type condition func(object map[string]any) bool

// Match reports whether a record matches. The record is JSON as encoding/json
// decodes it into any.
func (p Pattern) Match(record map[string]any) bool { return p.match(record) }

// CompilePattern compiles a pattern in the language of Lambda's event filters, a
// part of EventBridge's: a JSON object that looks like the record, with a list of
// rules in the place of each value. All values that it names must be as one of
// their rules says:
//
//	"text", 5, true, null              the value is this
//	{"prefix": "a"}, {"suffix": "z"}   it is text that begins or ends so
//	{"equals-ignore-case": "Text"}     it is this text, in any case
//	{"anything-but": ["a", 5]}         it is there and none of these
//	{"numeric": [">", 0, "<=", 5]}     it is a number in the range
//	{"exists": true}, {"exists": false}
//
// "$or" in the place of a name has a list of alternative objects. A value that is
// a list matches if one of its elements does.
//
// Two things surprise, in Lambda as here. Only values that are neither an object
// nor missing exist, so ask for "name": {"S": [{"exists": true}]}. And the N of an
// attribute is text, which numeric rules never match; compare it as text.
//
// It fails with [ErrPattern].
func CompilePattern(text string) (Pattern, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	var object map[string]any
	err := decoder.Decode(&object)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("there is more after its end")
		}
	}
	if err == nil {
		var match condition
		if match, err = compileObject(object); err == nil {
			return Pattern{match}, nil
		}
	}
	return Pattern{}, fmt.Errorf("%w %s: %w", ErrPattern, text, err)
}

// compileObject compiles an object: all its members must match.
func compileObject(object map[string]any) (condition, error) {
	if len(object) == 0 {
		return nil, errors.New("an object has no members")
	}
	var all []condition
	for _, name := range slices.Sorted(maps.Keys(object)) {
		c, err := compileMember(name, object[name])
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return func(object map[string]any) bool {
		for _, c := range all {
			if !c(object) {
				return false
			}
		}
		return true
	}, nil
}

func compileMember(name string, value any) (condition, error) {
	switch v := value.(type) {
	case map[string]any:
		inner, err := compileObject(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return func(object map[string]any) bool { return slices.ContainsFunc(objects(object[name]), inner) }, nil
	case []any:
		if name == "$or" {
			return compileOr(v)
		}
		rules, err := compileRules(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return func(object map[string]any) bool {
			value, there := object[name]
			if !there {
				return rules.match(nil)
			}
			return rules.match(leaves(nil, value))
		}, nil
	}
	return nil, fmt.Errorf("%s: a value stands where a list of rules is needed, as in [%v]", name, value)
}

// compileOr compiles a list of alternatives.
func compileOr(list []any) (condition, error) {
	if len(list) < 2 {
		return nil, errors.New("$or: there must be two or more alternatives")
	}
	var some []condition
	for _, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, errors.New("$or: an alternative is not an object")
		}
		c, err := compileObject(object)
		if err != nil {
			return nil, fmt.Errorf("$or: %w", err)
		}
		some = append(some, c)
	}
	return func(object map[string]any) bool {
		return slices.ContainsFunc(some, func(c condition) bool { return c(object) })
	}, nil
}

// objects returns the objects that a value is or has as elements, or the one that
// is not there: rules that ask for absence hold in it.
func objects(value any) []map[string]any {
	switch v := value.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []any:
		var found []map[string]any
		for _, element := range v {
			if object, ok := element.(map[string]any); ok {
				found = append(found, object)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return []map[string]any{nil}
}

// leaves appends the values that a value is or has as elements, without objects.
func leaves(to []any, value any) []any {
	switch v := value.(type) {
	case map[string]any:
		return to
	case []any:
		for _, element := range v {
			to = leaves(to, element)
		}
		return to
	}
	return append(to, value)
}
