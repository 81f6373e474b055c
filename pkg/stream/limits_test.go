package stream_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Every limit that is a number must be positive, and the error says which is not.
func TestLimitsArePositive(t *testing.T) {
	if err := stream.DefaultLimits().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	fields := reflect.TypeFor[stream.Limits]()
	for i := range fields.NumField() {
		for _, value := range []int64{0, -1} {
			l := stream.DefaultLimits()
			reflect.ValueOf(&l).Elem().Field(i).SetInt(value)
			field := fields.Field(i).Name
			err := l.Validate()
			if (field == "EarlyWait" || field == "ObjectSize" || field == "KnownProducers") && value == 0 {
				if err != nil {
					t.Errorf("%s may be zero: %v", field, err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s is %d: %v", field, value, err)
			}
		}
	}
}

func TestLimitsThatContradict(t *testing.T) {
	for field, change := range map[string]func(l *stream.Limits){
		"StageSize":  func(l *stream.Limits) { l.StageSize = l.BufferSize + 1 },
		"FlushSize":  func(l *stream.Limits) { l.FlushSize = l.BufferSize + 1 },
		"FlushCount": func(l *stream.Limits) { l.FlushCount = l.BufferCount + 1 },
		"Producers":  func(l *stream.Limits) { l.KnownProducers = l.Producers - 1 },
	} {
		l := stream.DefaultLimits()
		change(&l)
		if err := l.Validate(); err == nil || !strings.HasPrefix(err.Error(), "limit "+field) {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := stream.New(memory.New(), stream.Options{Limits: l}); err == nil {
			t.Errorf("%s: New took it", field)
		}
	}
	l := stream.DefaultLimits()
	l.StageSize, l.FlushSize, l.FlushCount, l.EarlyWait = l.BufferSize, l.BufferSize, l.BufferCount, time.Hour
	if err := l.Validate(); err != nil {
		t.Errorf("equal limits do not contradict: %v", err)
	}
}
