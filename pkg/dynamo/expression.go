package dynamo

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is an item, or a part of one.
type item = map[string]types.AttributeValue

// expression collects the parts of a conditional update.
type expression struct {
	ifs, sets, removes, adds, deletes []string
	names                             map[string]string
	values                            item
}

// where adds a condition; all of them must hold. Each %s stands for one of the
// values, which are passed on by reference.
func (e *expression) where(format string, values ...types.AttributeValue) {
	e.ifs = append(e.ifs, e.refer(format, values))
}

// set adds an assignment.
func (e *expression) set(format string, values ...types.AttributeValue) {
	e.sets = append(e.sets, e.refer(format, values))
}

// remove adds attributes to be removed; those that are not there do not matter.
func (e *expression) remove(attributes ...string) { e.removes = append(e.removes, attributes...) }

// add adds elements to a set.
func (e *expression) add(attribute string, elements types.AttributeValue) {
	e.adds = append(e.adds, attribute+" "+e.value(elements))
}

// take takes elements out of a set.
func (e *expression) take(attribute string, elements types.AttributeValue) {
	e.deletes = append(e.deletes, attribute+" "+e.value(elements))
}

// name returns a reference to an attribute name that is not one of ours.
func (e *expression) name(s string) string {
	if e.names == nil {
		e.names = make(map[string]string)
	}
	ref := fmt.Sprintf("#%d", len(e.names))
	e.names[ref] = s
	return ref
}

func (e *expression) value(v types.AttributeValue) string {
	if e.values == nil {
		e.values = make(item)
	}
	ref := fmt.Sprintf(":%d", len(e.values))
	e.values[ref] = v
	return ref
}

func (e *expression) refer(format string, values []types.AttributeValue) string {
	if len(values) == 0 {
		return format
	}
	refs := make([]any, len(values))
	for i, v := range values {
		refs[i] = e.value(v)
	}
	return fmt.Sprintf(format, refs...)
}

func (e *expression) condition() *string {
	if len(e.ifs) == 0 {
		return nil
	}
	all := strings.Join(e.ifs, " AND ")
	return &all
}

func (e *expression) update() *string {
	var clauses []string
	clause := func(verb string, parts []string) {
		if len(parts) > 0 {
			clauses = append(clauses, verb+" "+strings.Join(parts, ", "))
		}
	}
	clause("SET", e.sets)
	clause("REMOVE", e.removes)
	clause("ADD", e.adds)
	clause("DELETE", e.deletes)
	all := strings.Join(clauses, " ")
	return &all
}
