package deptest

import (
	"go/ast"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fuzzed are the parsers of what comes from outside, or back from a store, by the fuzz target
// of their package that feeds them.
var fuzzed = map[string]map[string]string{
	"functions/apibuffered":         {"FuzzEvent": "parse Invoke"},
	"functions/compact":             {"FuzzChanges": "streamOf jobs"},
	"localstack/lambda/eventsource": {"FuzzPattern": "CompilePattern compileMember compileObject compileOperator compileOr compileRule compileRules"},
	"localstack/lambda/httpresponse": {
		"FuzzReadStream":    "ReadStream",
		"FuzzParseBuffered": "ParseBuffered",
	},
	"localstack/lambda/template": {"FuzzParse": "Parse parseFunction UnmarshalJSON"},
	"pkg/admin": {
		"FuzzCursor": "parseCursor parseSegmentCursor parseStreamCursor",
		"FuzzQuery":  "parseQuery",
	},
	"pkg/auth": {
		"FuzzAuthorization":   "readCredentials verify",
		"FuzzClaims":          "read readTenant readRule",
		"FuzzParsePublicKeys": "ParsePublicKeys",
		"FuzzPattern":         "parsePattern",
	},
	"pkg/config": {
		"FuzzSecrets":   "ReadSecrets",
		"FuzzVariables": "parse ReadServer ReadFunction ReadStack ReadLambdaHost ReadSoak",
	},
	"pkg/dynamo": {
		"FuzzDecodeHead":  "decodeHead parseProducer",
		"FuzzDecodeData":  "decodeChunk decodeManifest decodeLineage parseLife",
		"FuzzParseData":   "parseData",
		"FuzzParseCursor": "parseCursor",
	},
	"pkg/embedded": {
		"FuzzDecodeHead":    "decodeHead",
		"FuzzDecodeRun":     "decodeRun decodeRunHead",
		"FuzzDecodeLineage": "decodeLineage",
		"FuzzDecodeItems":   "decodeProducer decodeManifest decodeNotices decodeText decodeFork decodeWork",
		"FuzzParseKeys":     "parseData parseStaged parseSegment",
		"FuzzParseCursor":   "parseCursor",
		"FuzzObjectPath":    "unescape objectKey",
	},
	"pkg/lambdahttp": {"FuzzEvent": "UnmarshalJSON decode decodeBase64"},
	"pkg/protocol": {
		"FuzzAcceptEncoding": "accepted",
		"FuzzContentType":    "contentType",
		"FuzzCursor":         "cursor",
		"FuzzDataEvent":      "appendDataEvent",
		"FuzzForkHeaders":    "fork",
		"FuzzIfNoneMatch":    "listsTag",
		"FuzzJSONRecords":    "jsonRecords",
		"FuzzLastEventID":    "lastEventID",
		"FuzzNamesForLogs":   "requestID appendTraces",
		"FuzzParseDigits":    "parseDigits",
		"FuzzParseExpiresAt": "parseExpiresAt",
		"FuzzParseName":      "parseName",
		"FuzzParseTTL":       "parseTTL",
		"FuzzProducer":       "producer",
		"FuzzQuery":          "parseQuery",
	},
	"pkg/segment": {
		"FuzzParseTail": "ParseTail ParseFooter parse",
		"FuzzVerify":    "Verify",
		"FuzzDecode":    "Decode",
	},
	"pkg/stream": {
		"FuzzFrames":         "Records",
		"FuzzParseObjectKey": "ParseObjectKey",
		"FuzzParseOffset":    "ParseOffset ParsePosition parsePadded",
	},
}

// notFuzzed are functions that are called like parsers.
var notFuzzed = map[string]string{
	"pkg/dynamo compile":          "it makes expressions, and reads nothing",
	"pkg/dynamo compileProducers": "it makes expressions, and reads nothing",
	"pkg/memory parseCursor":      "its cursors never leave the process",
}

// calledParser matches names that parsers have.
var calledParser = regexp.MustCompile(`^([Pp]arse|[Dd]ecode|[Uu]nescape|[Uu]nmarshal|[Cc]ompile)([A-Z].*)?$`)

// Each parser has a fuzz target, and each target says what it feeds. `make fuzz` runs them all.
func TestParsersAreFuzzed(t *testing.T) {
	parsers, targets := declared(t, root(t))
	for dir, list := range fuzzed {
		for target, fed := range list {
			if !targets[dir][target] {
				t.Errorf("there is no %s in %s", target, dir)
			}
			delete(targets[dir], target)
			for _, name := range strings.Fields(fed) {
				if !parsers[dir][name] {
					t.Errorf("%s is said to feed %s, which %s has not", target, name, dir)
				}
				delete(parsers[dir], name)
			}
		}
	}
	for dir, left := range targets {
		for _, name := range slices.Sorted(maps.Keys(left)) {
			t.Errorf("what does %s in %s feed? Say it in the table", name, dir)
		}
	}
	found := map[string]bool{}
	for dir, left := range parsers {
		for _, name := range slices.Sorted(maps.Keys(left)) {
			id := dir + " " + name
			if found[id] = true; calledParser.MatchString(name) && notFuzzed[id] == "" {
				t.Errorf("%s in %s is called like a parser: write a fuzz target for it, or say in notFuzzed why it needs none", name, dir)
			}
		}
	}
	for id := range notFuzzed {
		if !found[id] {
			t.Errorf("%s is no function that no target feeds", id)
		}
	}
}

// declared are the functions and methods of programs, and the fuzz targets, by folder. Tools
// that read no more than what the project itself has written are left out.
func declared(t *testing.T, top string) (functions, targets map[string]map[string]bool) {
	t.Helper()
	functions, targets = make(map[string]map[string]bool), make(map[string]map[string]bool)
	for _, part := range []string{"functions", "pkg", "localstack/lambda"} {
		walkFunctions(t, filepath.Join(top, part), []string{"testdata", "streamtest", "deptest"}, func(path string, fn *ast.FuncDecl) {
			dir, err := filepath.Rel(top, filepath.Dir(path))
			if err != nil {
				t.Fatal(err)
			}
			switch test := strings.HasSuffix(path, "_test.go"); {
			case !test:
				add(functions, dir, fn.Name.Name)
			case strings.HasPrefix(fn.Name.Name, "Fuzz"):
				add(targets, dir, fn.Name.Name)
			}
		})
	}
	return functions, targets
}

func add(to map[string]map[string]bool, dir, name string) {
	if to[dir] == nil {
		to[dir] = make(map[string]bool)
	}
	to[dir][name] = true
}
