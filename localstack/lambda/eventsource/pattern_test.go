package eventsource

import (
	"encoding/json"
	"errors"
	"testing"
)

const inserted = `{
	"eventName": "INSERT",
	"eventSource": "aws:dynamodb",
	"dynamodb": {
		"ApproximateCreationDateTime": 1678831218,
		"SizeBytes": 26,
		"Keys": {"pk": {"S": "stream#a"}, "sk": {"S": "head"}},
		"NewImage": {
			"sealed": {"BOOL": true},
			"segments": {"N": "5"},
			"name": {"S": "Kettle"},
			"nothing": {"NULL": true},
			"tags": {"SS": ["red", "green"]},
			"empty": {"L": []},
			"buffer": {"L": [{"M": {"kind": {"S": "small"}, "count": {"N": "1"}}}, {"M": {"kind": {"S": "large"}, "count": {"N": "2"}}}]}
		}
	}
}`

func TestPatterns(t *testing.T) {
	tests := []struct {
		name, pattern string
		want          bool
	}{
		{"equal text", `{"eventName": ["INSERT"]}`, true},
		{"other text", `{"eventName": ["REMOVE"]}`, false},
		{"one of several", `{"eventName": ["REMOVE", "INSERT"]}`, true},
		{"all members", `{"eventName": ["INSERT"], "eventSource": ["aws:dynamodb"]}`, true},
		{"not all members", `{"eventName": ["INSERT"], "eventSource": ["aws:kinesis"]}`, false},
		{"case counts", `{"eventName": ["insert"]}`, false},
		{"nested", `{"dynamodb": {"Keys": {"sk": {"S": ["head"]}}}}`, true},
		{"missing", `{"dynamodb": {"OldImage": {"sk": {"S": ["head"]}}}}`, false},
		{"bool", `{"dynamodb": {"NewImage": {"sealed": {"BOOL": [true]}}}}`, true},
		{"other bool", `{"dynamodb": {"NewImage": {"sealed": {"BOOL": [false]}}}}`, false},
		{"bool is not text", `{"dynamodb": {"NewImage": {"sealed": {"BOOL": ["true"]}}}}`, false},
		{"NULL attribute", `{"dynamodb": {"NewImage": {"nothing": {"NULL": [true]}}}}`, true},
		{"null is not missing", `{"dynamodb": {"NewImage": {"absent": {"S": [null]}}}}`, false},
		{"number", `{"dynamodb": {"SizeBytes": [26]}}`, true},
		{"number, written otherwise", `{"dynamodb": {"SizeBytes": [2.6e1]}}`, true},
		{"number is not text", `{"dynamodb": {"SizeBytes": ["26"]}}`, false},
		{"N is text", `{"dynamodb": {"NewImage": {"segments": {"N": ["5"]}}}}`, true},
		{"N is not a number", `{"dynamodb": {"NewImage": {"segments": {"N": [5]}}}}`, false},

		{"prefix", `{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "stream#"}]}}}}`, true},
		{"other prefix", `{"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "work#"}]}}}}`, false},
		{"prefix of a number", `{"dynamodb": {"SizeBytes": [{"prefix": "2"}]}}`, false},
		{"suffix", `{"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#a"}]}}}}`, true},
		{"other suffix", `{"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#b"}]}}}}`, false},
		{"ignore case", `{"dynamodb": {"NewImage": {"name": {"S": [{"equals-ignore-case": "KETTLE"}]}}}}`, true},
		{"ignore case, other", `{"dynamodb": {"NewImage": {"name": {"S": [{"equals-ignore-case": "KET"}]}}}}`, false},

		{"anything but", `{"eventName": [{"anything-but": "REMOVE"}]}`, true},
		{"anything but this", `{"eventName": [{"anything-but": "INSERT"}]}`, false},
		{"anything but these", `{"eventName": [{"anything-but": ["REMOVE", "INSERT"]}]}`, false},
		{"anything but a number", `{"dynamodb": {"SizeBytes": [{"anything-but": [25, 27]}]}}`, true},
		{"anything but needs something", `{"dynamodb": {"NewImage": {"absent": {"S": [{"anything-but": "x"}]}}}}`, false},

		{"exists", `{"dynamodb": {"NewImage": {"name": {"S": [{"exists": true}]}}}}`, true},
		{"exists not", `{"dynamodb": {"NewImage": {"absent": {"S": [{"exists": true}]}}}}`, false},
		{"an object does not exist", `{"dynamodb": {"NewImage": {"name": [{"exists": true}]}}}`, false},
		{"absent", `{"dynamodb": {"NewImage": {"absent": {"S": [{"exists": false}]}}}}`, true},
		{"absent below what is absent", `{"dynamodb": {"OldImage": {"absent": {"S": [{"exists": false}]}}}}`, true},
		{"not absent", `{"dynamodb": {"NewImage": {"name": {"S": [{"exists": false}]}}}}`, false},
		{"absent or equal: absent", `{"dynamodb": {"OldImage": {"sealed": {"BOOL": [{"exists": false}, false]}}}}`, true},
		{"absent or equal: neither", `{"dynamodb": {"NewImage": {"sealed": {"BOOL": [{"exists": false}, false]}}}}`, false},
		{"an empty list does not exist", `{"dynamodb": {"NewImage": {"empty": {"L": [{"exists": true}]}}}}`, false},

		{"numeric equal", `{"dynamodb": {"SizeBytes": [{"numeric": ["=", 26]}]}}`, true},
		{"numeric range", `{"dynamodb": {"SizeBytes": [{"numeric": [">", 0, "<=", 26]}]}}`, true},
		{"numeric below", `{"dynamodb": {"SizeBytes": [{"numeric": [">=", 26, "<", 26]}]}}`, false},
		{"numeric above", `{"dynamodb": {"SizeBytes": [{"numeric": [">", 26]}]}}`, false},
		{"numeric on N never matches", `{"dynamodb": {"NewImage": {"segments": {"N": [{"numeric": [">", 1]}]}}}}`, false},

		{"in a set", `{"dynamodb": {"NewImage": {"tags": {"SS": ["green"]}}}}`, true},
		{"not in a set", `{"dynamodb": {"NewImage": {"tags": {"SS": ["blue"]}}}}`, false},
		{"in a list of maps", `{"dynamodb": {"NewImage": {"buffer": {"L": {"M": {"kind": {"S": ["large"]}}}}}}}`, true},
		{"in one map of a list", `{"dynamodb": {"NewImage": {"buffer": {"L": {"M": {"kind": {"S": ["large"]}, "count": {"N": ["2"]}}}}}}}`, true},
		{"across maps of a list", `{"dynamodb": {"NewImage": {"buffer": {"L": {"M": {"kind": {"S": ["large"]}, "count": {"N": ["1"]}}}}}}}`, false},

		{"or, first", `{"$or": [{"eventName": ["INSERT"]}, {"eventName": ["REMOVE"]}]}`, true},
		{"or, second", `{"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"SizeBytes": [26]}}]}`, true},
		{"or, neither", `{"$or": [{"eventName": ["REMOVE"]}, {"eventName": ["MODIFY"]}]}`, false},
		{"or and another member", `{"eventName": ["REMOVE"], "$or": [{"eventName": ["INSERT"]}, {"eventName": ["MODIFY"]}]}`, false},
		{"or below", `{"dynamodb": {"NewImage": {"$or": [{"absent": {"S": ["x"]}}, {"segments": {"N": ["5"]}}]}}}`, true},
		{"or in or", `{"$or": [{"a": ["b"]}, {"$or": [{"a": ["c"]}, {"eventName": ["INSERT"]}]}]}`, true},
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(inserted), &record); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := CompilePattern(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Match(record); got != tt.want {
				t.Errorf("%s matches: %v, want %v", tt.pattern, got, tt.want)
			}
		})
	}
}

func TestBadPatterns(t *testing.T) {
	for _, pattern := range []string{
		``, `single-string`, `"text"`, `[]`, `null`, `{}`, `{"a": {}}`, `{"a": []}`, `{"a": "b"}`, `{"a": 5}`, `{"a": null}`,
		`[{"eventName": ["INSERT"=123}]`, `{"a": ["b"]} {}`, `{"a": ["b"]}]`, `{"a": [["b"]]}`, `{"a": [{}]}`,
		`{"a": [{"prefix": "b", "suffix": "c"}]}`, `{"a": [{"prefix": 5}]}`, `{"a": [{"suffix": ["b"]}]}`, `{"a": [{"equals-ignore-case": null}]}`,
		`{"a": [{"exists": "yes"}]}`, `{"a": [{"anything-but": []}]}`, `{"a": [{"anything-but": [true]}]}`, `{"a": [{"anything-but": {"prefix": "b"}}]}`,
		`{"a": [{"numeric": []}]}`, `{"a": [{"numeric": 5}]}`, `{"a": [{"numeric": [">"]}]}`, `{"a": [{"numeric": [">", "5"]}]}`, `{"a": [{"numeric": ["!", 5]}]}`, `{"a": [{"numeric": [5, ">"]}]}`,
		`{"a": [{"wildcard": "*"}]}`, `{"a": [{"cidr": "10.0.0.0/8"}]}`,
		`{"$or": []}`, `{"$or": [{"a": ["b"]}]}`, `{"$or": ["a", "b"]}`, `{"$or": [{"a": ["b"]}, {}]}`, `{"$or": [{"a": ["b"]}, {"a": 5}]}`,
	} {
		if _, err := CompilePattern(pattern); !errors.Is(err, ErrPattern) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`{"eventName": ["INSERT"]}`, inserted)
	f.Add(`{"$or": [{"a": [null]}, {"b": {"c": [{"numeric": ["<", 1]}]}}]}`, `{"a": [[1, null], {"b": 1}]}`)
	f.Add(`{"a": [{"anything-but": [1, "b"]}]}`, `{"a": {"b": [{"c": []}]}}`)
	f.Fuzz(func(t *testing.T, pattern, record string) {
		p, err := CompilePattern(pattern)
		var fields map[string]any
		if err != nil || json.Unmarshal([]byte(record), &fields) != nil {
			return
		}
		p.Match(fields) // must not panic
	})
}
