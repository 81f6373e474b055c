package dynamomodel

import (
	"fmt"
	"strings"
)

// lex cuts an expression into names, references, numbers, and signs.
func lex(text string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			i++
		case isWord(c) || c == '#' || c == ':':
			end := i + 1
			for end < len(text) && isWord(text[end]) {
				end++
			}
			tokens = append(tokens, text[i:end])
			i = end
		case strings.HasPrefix(text[i:], "<="), strings.HasPrefix(text[i:], ">="), strings.HasPrefix(text[i:], "<>"):
			tokens = append(tokens, text[i:i+2])
			i += 2
		case strings.IndexByte("=<>+-(),.[]", c) >= 0:
			tokens = append(tokens, text[i:i+1])
			i++
		default:
			return nil, fmt.Errorf("dynamomodel: %q in %q", c, text)
		}
	}
	return tokens, nil
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// parser reads tokens. The first one that does not fit is its error, and from then on it
// finds no more.
type parser struct {
	text   string
	tokens []string
	err    error
}

func newParser(text string) *parser {
	p := &parser{text: text}
	p.tokens, p.err = lex(text)
	return p
}

func (p *parser) fail() {
	if p.err == nil {
		p.err = fmt.Errorf("dynamomodel: %q is not understood from %q on", p.text, strings.Join(p.tokens, " "))
	}
	p.tokens = nil
}

// peek reports whether the next token is this one.
func (p *parser) peek(token string) bool { return len(p.tokens) > 0 && p.tokens[0] == token }

// accept takes the next token if it is this one.
func (p *parser) accept(token string) bool {
	if !p.peek(token) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		p.fail()
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

// end fails if there is something left.
func (p *parser) end() error {
	if len(p.tokens) > 0 {
		p.fail()
	}
	return p.err
}
