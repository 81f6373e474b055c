package stack

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// secretLength is that of generated tokens: letters and digits, so that they can be sent
// in any header and typed into any shell.
const secretLength = 48

// vault is the secrets of the stack, by the variables of the functions that they are.
type vault struct {
	secrets map[string]awssecretsmanager.ISecret
	keys    map[string]string
}

// newVault makes the tokens: of clients, of administrators, and of CloudFront, as far as
// they are needed. The keys of a bucket elsewhere are in a secret that the settings name.
func (s *Stack) newVault() vault {
	v := vault{secrets: make(map[string]awssecretsmanager.ISecret), keys: make(map[string]string)}
	v.secrets["ADMIN_TOKEN"] = s.newToken("AdminToken", "token of the administrators' API")
	if s.settings.AuthMode == "token" {
		v.secrets["AUTH_TOKEN"] = s.newToken("AuthToken", "token of clients")
	}
	if s.settings.CloudFront {
		v.secrets["ORIGIN_SECRET"] = s.newToken("OriginSecret", "what CloudFront shows to the function")
	}
	if id := s.settings.BucketSecret; id != "" {
		keys := awssecretsmanager.Secret_FromSecretNameV2
		if strings.HasPrefix(id, "arn:") {
			keys = awssecretsmanager.Secret_FromSecretCompleteArn
		}
		secret := keys(s.scope, jsii.String("BucketSecret"), &id)
		for _, name := range []string{"S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"} {
			v.secrets[name], v.keys[name] = secret, name
		}
	}
	return v
}

func (s *Stack) newToken(id, description string) awssecretsmanager.Secret {
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

// secretsOf lets a role read the secrets among some variables, and returns what tells a
// process where they are. Those that the stack does not have are left out.
func (s *Stack) secretsOf(role awsiam.IRole, variables ...string) map[string]*string {
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
