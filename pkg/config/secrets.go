package config

import (
	"fmt"
	"strings"
)

// Secrets says which variables a function fetches when a process starts, so that no
// template and no console shows them.
type Secrets struct {
	List     string `env:"SECRETS" doc:"variables that a process fetches from Secrets Manager when it starts: NAME=secret,NAME=secret#key, by the secret's ARN or name, and the key of one that is JSON"`
	Endpoint string `env:"SECRETS_ENDPOINT" doc:"Secrets Manager's URL; empty means the region's own"`
}

// Secret is a variable that is fetched.
type Secret struct {
	// Variable is the one that it becomes.
	Variable string
	// ID is the secret's ARN or name.
	ID string
	// Key is a key of the JSON object that the secret is; empty means the whole secret.
	Key string
}

// ReadSecrets reads which variables are to be fetched, and from where. An error names
// the variable that is wrong.
func ReadSecrets(environ map[string]string) (list []Secret, endpoint string, err error) {
	var c Secrets
	if err := parse(environ, &c); err != nil {
		return nil, "", err
	}
	for entry := range strings.SplitSeq(c.List, ",") {
		if c.List == "" {
			break
		}
		name, id, found := strings.Cut(strings.TrimSpace(entry), "=")
		id, key, keyed := strings.Cut(id, "#")
		if !found || name == "" || id == "" || keyed && key == "" {
			return nil, "", fmt.Errorf("configuration: SECRETS has %q: it must be like NAME=secret or NAME=secret#key", entry)
		}
		if environ[name] != "" {
			return nil, "", fmt.Errorf("configuration: SECRETS names %s, which is set too: take one of them away", name)
		}
		list = append(list, Secret{Variable: name, ID: id, Key: key})
	}
	return list, c.Endpoint, nil
}

// String is the secret as SECRETS has it.
func (s Secret) String() string {
	if s.Key == "" {
		return s.Variable + "=" + s.ID
	}
	return s.Variable + "=" + s.ID + "#" + s.Key
}
