package lambdahttp

import "bytes"

// cutBody separates the member "body" of a JSON object, if its value is a string, from
// everything else. It returns the object with an empty string in its place, and the
// string as it is written, with its quotes; or the object as it is, and nil. The
// input must be valid JSON; if it is not, neither is the object returned, but what
// else is returned means nothing.
//
// A body may be megabytes long, the rest is small. Package encoding/json looks at
// each byte several times, and copies a string before anybody can tell whether it
// is base64.
func cutBody(event []byte) (rest, body []byte) {
	depth := 0
	for i := 0; i < len(event); i++ {
		switch event[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			end := stringEnd(event, i)
			if depth == 1 && string(event[i:end]) == `"body"` {
				if begin := afterColon(event, end); begin < len(event) && event[begin] == '"' {
					end = stringEnd(event, begin)
					rest = append(rest, event[:begin]...)
					rest = append(rest, `""`...)
					return append(rest, event[end:]...), event[begin:end]
				}
			}
			i = end - 1
		}
	}
	return event, nil
}

// stringEnd returns the index after a string that begins at an index.
func stringEnd(json []byte, begin int) int {
	for i := begin + 1; ; {
		quote := bytes.IndexByte(json[i:], '"')
		if quote < 0 {
			return len(json)
		}
		i += quote + 1
		escaped := false
		for k := i - 2; json[k] == '\\'; k-- { // the opening quote ends it
			escaped = !escaped
		}
		if !escaped {
			return i
		}
	}
}

// afterColon returns the index of the value that follows a member's name, or the
// length of the input if none does.
func afterColon(json []byte, i int) int {
	colon := false
	for ; i < len(json); i++ {
		switch json[i] {
		case ' ', '\t', '\r', '\n':
		case ':':
			if colon {
				return len(json)
			}
			colon = true
		default:
			if !colon {
				return len(json)
			}
			return i
		}
	}
	return i
}
