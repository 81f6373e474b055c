package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// FuzzSecrets: a list that is taken can be written again, and gives the same.
func FuzzSecrets(f *testing.F) {
	for _, list := range []string{"", "A=b", "A=b#c, D=e", "A=arn:aws:secretsmanager:us-east-1:1:secret:x-AbCdEf#k", "A=", "=b", "A=b#", ",", "A=b=c", "A=b#c#d"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		secrets, _, err := config.ReadSecrets(map[string]string{"SECRETS": list})
		if err != nil {
			if !strings.Contains(err.Error(), "SECRETS") {
				t.Errorf("%q is refused with %v", list, err)
			}
			return
		}
		var again []string
		for _, s := range secrets {
			if s.Variable == "" || s.ID == "" {
				t.Errorf("%q has the secret %+v", list, s)
			}
			again = append(again, s.String())
		}
		same, _, err := config.ReadSecrets(map[string]string{"SECRETS": strings.Join(again, ",")})
		if err != nil || !slices.Equal(same, secrets) {
			t.Errorf("%q gives %+v, and written again %+v, %v", list, secrets, same, err)
		}
	})
}

// FuzzVariables: whatever a variable is set to, the programs take it or name it. One that
// holds a secret is not told.
func FuzzVariables(f *testing.F) {
	type environment = map[string]string
	programs := []struct {
		config any
		base   environment
		read   func(environment) error
	}{
		{config.Server{}, nil, func(e environment) error { _, err := config.ReadServer(e); return err }},
		{config.Function{}, environment{"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"},
			func(e environment) error { _, err := config.ReadFunction(e); return err }},
		{config.Stack{}, nil, func(e environment) error { _, err := config.ReadStack(e); return err }},
		{config.LambdaHost{}, nil, func(e environment) error { _, err := config.ReadLambdaHost(e); return err }},
		{config.Soak{}, environment{"BASE_URL": "http://h"}, func(e environment) error { _, err := config.ReadSoak(e); return err }},
	}
	for i, value := range []string{"", "0", "-1", "1", "99999999999999999999", "1h", "-5s", "1e300", "*", "https://a.example.com,https://b.example.com", "http://[::1", "\x00", "a=b,c=d"} {
		f.Add(uint8(i), uint8(i*7), value)
	}
	f.Fuzz(func(t *testing.T, program, variable uint8, value string) {
		p := programs[int(program)%len(programs)]
		all := config.Variables(p.config)
		name := all[int(variable)%len(all)].Name
		environ := map[string]string{name: value}
		for other, usual := range p.base {
			if other != name {
				environ[other] = usual
			}
		}
		err := p.read(environ)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%T, %s=%q: the error does not name it: %v", p.config, name, value, err)
		}
		secret := strings.Contains(name, "SECRET") && name != "SECRETS" && name != "BUCKET_SECRET" && name != "SECRETS_ENDPOINT" || strings.Contains(name, "TOKEN") && !strings.Contains(name, "LIFE")
		if secret && len(value) > 4 && strings.Contains(err.Error(), value) && !strings.Contains(name, value) {
			t.Errorf("%T: the error tells the value of %s: %v", p.config, name, err)
		}
	})
}
