package stack

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// originSecrets are the variables with which a program demands that requests come by way of
// CloudFront.
func originSecrets() []string { return []string{"ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"} }

// secretLength is that of generated tokens: letters and digits, so that they can be sent
// in any header and typed into any shell.
const secretLength = 48

// vault is the secrets of the stack, by the variables of the functions that they are.
type vault struct {
	secrets map[string]awssecretsmanager.ISecret
	keys    map[string]string
	// given are the variables that the settings name.
	given []string
}

// newVault makes the tokens: of clients, of administrators, and of CloudFront, as far as
// they are needed. Others, such as the keys of a bucket elsewhere, are in secrets that the
// settings name.
func (s *builder) newVault() vault {
	v := vault{secrets: make(map[string]awssecretsmanager.ISecret), keys: make(map[string]string)}
	v.secrets["ADMIN_TOKEN"] = s.newToken("AdminToken", "token of the administrators' API")
	if s.settings.AuthMode == "token" {
		v.secrets["AUTH_TOKEN"] = s.newToken("AuthToken", "token of clients")
	}
	if s.settings.CloudFront {
		v.secrets["ORIGIN_SECRET"] = s.newOriginSecret(s.settings.OriginRound)
		if s.settings.OriginRound > 1 {
			v.secrets["ORIGIN_SECRET_PREVIOUS"] = s.newOriginSecret(s.settings.OriginRound - 1)
		}
	}
	list, err := s.settings.SecretList()
	if err != nil {
		panic(err) // the settings have been checked
	}
	for _, secret := range list {
		v.secrets[secret.Variable], v.keys[secret.Variable] = s.given(secret.Variable, secret.ID), secret.Key
		v.given = append(v.given, secret.Variable)
	}
	if id := s.settings.BucketSecret; id != "" {
		keys := s.given("BucketSecret", id)
		for _, name := range []string{"S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"} {
			v.secrets[name], v.keys[name] = keys, name
		}
	}
	return v
}

// given is a secret of somebody else, by its ARN or its name.
func (s *builder) given(id, secret string) awssecretsmanager.ISecret {
	if strings.HasPrefix(secret, "arn:") {
		return awssecretsmanager.Secret_FromSecretCompleteArn(s.scope, &id, &secret)
	}
	return awssecretsmanager.Secret_FromSecretNameV2(s.scope, &id, &secret)
}

func (s *builder) newToken(id, description string) awssecretsmanager.Secret {
	t := awssecretsmanager.NewSecret(s.scope, &id, &awssecretsmanager.SecretProps{
		Description: &description,
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength:     jsii.Number(secretLength),
			ExcludePunctuation: jsii.Bool(true),
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	named(t, id)
	return t
}

// newOriginSecret makes the secret of CloudFront of a round. Each round has one of its own,
// since CloudFront gets a new value only with a reference to another secret; that of the
// round before stays for as long as a part of CloudFront may send it.
func (s *builder) newOriginSecret(round int) awssecretsmanager.Secret {
	id := "OriginSecret"
	if round > 1 {
		id += strconv.Itoa(round)
	}
	return s.newToken(id, "what CloudFront shows to the function, round "+strconv.Itoa(round))
}

// answering are the variables that are secrets of what answers requests.
func (v vault) answering() []string { return append([]string{"AUTH_TOKEN", "ADMIN_TOKEN"}, v.given...) }

// secretsOf lets a role read the secrets among some variables, and returns what tells a
// process where they are. Those that the stack does not have are left out.
func (s *builder) secretsOf(role awsiam.IRole, variables ...string) map[string]*string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.vault.secrets)) {
		if !slices.Contains(variables, name) {
			continue
		}
		secret := s.vault.secrets[name]
		entry := config.Secret{Variable: name, ID: *secret.SecretArn(), Key: s.vault.keys[name]}
		if secret.SecretFullArn() == nil {
			entry.ID = *secret.SecretName() // its ARN ends in characters that are not known
		}
		list = append(list, entry.String())
		role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("secretsmanager:GetSecretValue"),
			Resources: jsii.Strings(readable(secret)),
		}))
	}
	if len(list) == 0 {
		return nil
	}
	return map[string]*string{"SECRETS": jsii.String(strings.Join(list, ","))}
}

// readable is the resource of a secret in a policy. The ARN of one that is known by its name
// ends in six characters that are not.
func readable(secret awssecretsmanager.ISecret) string {
	if secret.SecretFullArn() == nil {
		return *secret.SecretArn() + "-??????"
	}
	return *secret.SecretFullArn()
}
