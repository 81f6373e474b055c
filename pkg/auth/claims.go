package auth

import (
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// RightAdmin allows to use the administrators' API. It is the one right that is not of
// streams: it is granted on the pattern "**" only, to tokens without a tenant.
const RightAdmin protocol.Right = "admin"

// maxPatterns is how many patterns a token may have.
const maxPatterns = 64

// claims is what a valid token says.
type claims struct {
	// sender is whose requests are counted together.
	sender  string
	tenant  string
	rules   []rule
	admin   bool
	issued  time.Time
	expires time.Time
}

// rule grants rights on the streams of a pattern.
type rule struct {
	pattern pattern
	rights  []protocol.Right
}

// claimNames are the claims that are not standard ones.
type claimNames struct {
	streams string
	// tenant is empty where there are no tenants.
	tenant string
}

// read reads the claims of a valid token. What has the wrong type, or says what nobody
// understands, is refused: a claim that is ignored could be one that was meant to
// restrict.
func (n claimNames) read(t jwt.Token) (*claims, error) {
	c := &claims{}
	c.expires, _ = t.Expiration()
	c.issued, _ = t.IssuedAt()
	subject, _ := t.Subject()
	if err := n.readTenant(t, c); err != nil {
		return nil, err
	}
	var streams map[string]any
	if err := t.Get(n.streams, &streams); err != nil || streams == nil {
		return nil, badClaim(`the token needs a claim %q that says what it allows, such as {"chat/*": ["read", "append"]}`, n.streams)
	}
	if len(streams) > maxPatterns {
		return nil, badClaim("the claim %q has more than %d patterns", n.streams, maxPatterns)
	}
	for text, rights := range streams {
		r, admin, err := readRule(text, rights, subject)
		if err != nil {
			return nil, badClaim("a pattern in the claim %q cannot be used: %v", n.streams, err)
		}
		c.admin = c.admin || admin
		c.rules = append(c.rules, r)
	}
	c.sender = c.tenant + "\n" + subject
	return c, nil
}

func badClaim(format string, args ...any) error {
	return protocol.Refusal(protocol.ErrBadToken, fmt.Sprintf(format, args...))
}

// maxTenant is the longest tenant in bytes: it is in front of every name.
const maxTenant = 128

// readTenant reads the claim of the tenant, if there are tenants.
func (n claimNames) readTenant(t jwt.Token, c *claims) error {
	if n.tenant == "" || !t.Has(n.tenant) {
		return nil
	}
	var tenant string
	if err := t.Get(n.tenant, &tenant); err != nil {
		return badClaim("the claim %q, the tenant, must be a string", n.tenant)
	}
	if tenant == "" || len(tenant) > maxTenant || strings.Contains(tenant, "/") || strings.HasPrefix(tenant, "__") ||
		tenant == "." || tenant == ".." || !plain(tenant) {
		return badClaim(`the claim %q, the tenant, must be 1 to %d bytes of UTF-8 without "/" and control characters, and not begin with "__"`, n.tenant, maxTenant)
	}
	c.tenant = tenant
	return nil
}

// readRule reads what is granted on one pattern.
func readRule(text string, rights any, subject string) (r rule, admin bool, err error) {
	if r.pattern, err = parsePattern(text, subject); err != nil {
		return rule{}, false, err
	}
	list, ok := rights.([]any)
	if !ok {
		return rule{}, false, fmt.Errorf("its rights must be a list")
	}
	for _, item := range list {
		name, _ := item.(string)
		switch right := protocol.Right(name); right {
		case protocol.RightCreate, protocol.RightAppend, protocol.RightRead, protocol.RightDelete:
			r.rights = append(r.rights, right)
		case RightAdmin:
			if !r.pattern.all() {
				return rule{}, false, fmt.Errorf(`the right admin is for all streams: grant it on "**"`)
			}
			admin = true
		default:
			return rule{}, false, fmt.Errorf("each of its rights must be one of create, append, read, delete, admin")
		}
	}
	return r, admin, nil
}
