package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/sdkhttp"
)

const (
	// secretTimeout is the deadline of one request to Secrets Manager, and secretAttempts
	// how often it is made: all of it fits the ten seconds that Lambda gives a process to
	// start.
	secretTimeout  = 2 * time.Second
	secretAttempts = 3
)

// FetchSecrets fetches the variables that SECRETS names from Secrets Manager, at the same
// time, and sets them in environ. Cost: one request for each secret, however many
// variables it has; none if SECRETS is empty. An error names the variable, and tells
// nothing of the secret but its name.
func FetchSecrets(ctx context.Context, environ map[string]string) error {
	list, endpoint, err := config.ReadSecrets(environ)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := checkEndpoint(endpoint); err != nil {
		return fmt.Errorf("SECRETS_ENDPOINT: %w", err)
	}
	client := secretsClient(environ, endpoint)
	fetched := make(map[string]*secret)
	var wait sync.WaitGroup
	for _, s := range list {
		if fetched[s.ID] != nil {
			continue
		}
		f := new(secret)
		fetched[s.ID] = f
		wait.Go(func() { f.fetch(ctx, client, s.ID) })
	}
	wait.Wait()
	var failed []error
	for _, s := range list {
		value, err := fetched[s.ID].value(s.Key)
		if err != nil {
			failed = append(failed, fmt.Errorf("SECRETS: %s: secret %s: %w", s.Variable, s.ID, err))
			continue
		}
		environ[s.Variable] = value
	}
	return errors.Join(failed...)
}

func secretsClient(environ map[string]string, endpoint string) *secretsmanager.Client {
	return secretsmanager.New(secretsmanager.Options{
		Region:       environ["AWS_REGION"],
		BaseEndpoint: optional(endpoint),
		Credentials: own(config.Function{
			AccessKey: environ["AWS_ACCESS_KEY_ID"], SecretKey: environ["AWS_SECRET_ACCESS_KEY"], SessionToken: environ["AWS_SESSION_TOKEN"],
			CredentialsURI: environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"],
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = secretAttempts, 500*time.Millisecond
		}),
		HTTPClient: sdkhttp.Client{BuildableClient: awshttp.NewBuildableClient().WithTimeout(secretTimeout)},
	})
}

// secret is one that is fetched.
type secret struct {
	text string
	err  error
}

func (s *secret) fetch(ctx context.Context, client *secretsmanager.Client, id string) {
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	switch {
	case err != nil:
		s.err = err
	case out.SecretString == nil:
		s.err = errors.New("it is binary: it must be text")
	default:
		s.text = *out.SecretString
	}
}

// value returns the secret, or a key of it.
func (s *secret) value(key string) (string, error) {
	if s.err != nil || key == "" {
		return s.text, s.err
	}
	// The decoder's errors would tell parts of the secret.
	var object map[string]any
	if json.Unmarshal([]byte(s.text), &object) != nil {
		return "", errors.New("it is not a JSON object")
	}
	value, ok := object[key].(string)
	if !ok {
		return "", fmt.Errorf("it has no key %q that is a string", key)
	}
	return value, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
