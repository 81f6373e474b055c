package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// answerTime is what a request may take beside waiting for data.
const answerTime = 10 * time.Second

// newAPI makes the function that answers requests, behind a URL that sends responses as
// they are written. The URL is open: who may do what is decided by the function, as
// clients have tokens and no AWS credentials. Behind CloudFront it answers only what comes
// from there, unless the settings leave it open for a while.
func (s *builder) newAPI() awslambda.FunctionUrl {
	secrets := s.vault.answering()
	if !s.settings.OpenURL {
		secrets = append(secrets, originSecrets()...)
	}
	f := s.newFunction(functionSettings{
		id:          "Api",
		name:        "api",
		description: "answers requests, with response streaming",
		memory:      s.settings.APIMemory,
		timeout:     s.settings.LongestWait() + answerTime,
		concurrency: s.settings.APILimit,
		environment: s.streaming(),
		secrets:     secrets,
	})
	s.grant(f.Role(), answering())
	return f.AddFunctionUrl(&awslambda.FunctionUrlOptions{
		AuthType:   awslambda.FunctionUrlAuthType_NONE,
		InvokeMode: awslambda.InvokeMode_RESPONSE_STREAM,
	})
}

// streaming tells the function behind the URL who may make requests, and unless somebody
// wants it otherwise, not to compress: a URL that streams is known to unpack what is
// compressed and to drop the header that says so, and CloudFront to answer 502 then
// (aws-lambda-nodejs-runtime-interface-client, issue 96).
func (s *builder) streaming() map[string]*string {
	environment := s.authorisation()
	if _, set := s.settings.Functions["COMPRESS_FROM_BYTES"]; !set {
		environment["COMPRESS_FROM_BYTES"] = jsii.String("-1")
	}
	return environment
}

// authorisation tells a function that answers requests who may make them.
func (s *builder) authorisation() map[string]*string {
	return map[string]*string{"AUTH_MODE": jsii.String(s.settings.AuthMode)}
}
