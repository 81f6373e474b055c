package config

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// checkFunctions checks the settings of the functions as they will themselves, who may do
// what included: otherwise each process would end when it starts. What secrets hold is not
// known here, and taken for good.
func (c Stack) checkFunctions() error {
	environ := map[string]string{
		"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "AWS_REGION": "region",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}
	maps.Copy(environ, c.Functions)
	environ["AUTH_MODE"] = c.AuthMode
	if c.AuthMode == authToken {
		environ["AUTH_TOKEN"] = someSecret("AUTH_TOKEN")
	}
	list, err := c.SecretList()
	if err != nil {
		return err
	}
	for _, s := range list {
		if value := someSecret(s.Variable); value != "" {
			environ[s.Variable] = value
		}
	}
	f, err := ReadFunction(environ)
	if err == nil {
		err = f.Auth.check()
	}
	for _, s := range list {
		if err != nil && strings.Contains(err.Error(), s.Variable+" ") {
			return fmt.Errorf("SECRETS: %w", err)
		}
	}
	return err
}

// someSecret is a value that a variable could have, and nobody uses; empty for those of
// which the check does not need one.
func someSecret(name string) string {
	switch name {
	case "AUTH_JWT_ISSUER", "AUTH_JWT_AUDIENCE", "AUTH_TENANT_CLAIM":
		return "text"
	case "AUTH_JWT_PUBLIC_KEYS":
		return `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	case "AUTH_JWT_JWKS_URL":
		return "https://issuer.example.com/jwks.json"
	}
	if slices.Contains(secrets(), name) {
		return strings.Repeat("s", 64)
	}
	return ""
}

func validStackName(s string) bool {
	letter := func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	for i, c := range s {
		if !letter(c) && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

func matches(name, value, must string, ok func(string) bool) error {
	if !ok(value) {
		return fmt.Errorf("%s is %q: it must be %s", name, value, must)
	}
	return nil
}

func email(name, value string) error {
	if value == "" {
		return nil
	}
	if a, err := mail.ParseAddress(value); err != nil || a.Address != value {
		return fmt.Errorf("%s is %q: it must be an address like ops@example.com", name, value)
	}
	return nil
}

func oneOfNumbers(name string, n int, allowed ...int) error {
	if !slices.Contains(allowed, n) {
		return fmt.Errorf("%s is %d: it must be one of %v", name, n, allowed)
	}
	return nil
}

func wholeMinutes(name string, d time.Duration) error {
	if d < time.Minute || d > 24*time.Hour || d%time.Minute != 0 {
		return fmt.Errorf("%s is %v: it must be whole minutes, a day at most", name, d)
	}
	return nil
}

func neededFor(name, value, reason, other string) error {
	if value == "" && other != "" {
		return fmt.Errorf("%s must be set, since %s is", name, reason)
	}
	return nil
}
