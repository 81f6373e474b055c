package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2integrations"
	"github.com/aws/jsii-runtime-go"
)

// httpAPITimeout is how long an HTTP API waits for a function.
const httpAPITimeout = 29 * time.Second

// newHTTPAPI makes the second front door, which sends responses when they are complete.
func (s *builder) newHTTPAPI() {
	f := s.newFunction(functionSettings{
		id:          "ApiBuffered",
		name:        "apibuffered",
		description: "answers requests of the HTTP API",
		memory:      s.settings.APIMemory,
		timeout:     httpAPITimeout,
		concurrency: s.settings.APILimit,
		environment: s.authorisation(),
		secrets:     s.vault.answering(),
	})
	s.grant(f.Role(), answering())
	api := awsapigatewayv2.NewHttpApi(s.scope, jsii.String("HttpApi"), &awsapigatewayv2.HttpApiProps{
		DefaultIntegration: awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String("Buffered"), f, &awsapigatewayv2integrations.HttpLambdaIntegrationProps{
			PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
			Timeout:              seconds(httpAPITimeout),
		}),
	})
	named(api, "HttpApi")
	s.logRequests(api)
	s.output("HttpApiUrl", "URL of the HTTP API, which does not stream", api.ApiEndpoint())
}

// logRequests has the HTTP API write a line for each request into a log of its own.
func (s *builder) logRequests(api awsapigatewayv2.HttpApi) {
	log := s.newLog("HttpApiLog")
	stage := api.DefaultStage().Node().DefaultChild().(awsapigatewayv2.CfnStage)
	stage.SetAccessLogSettings(&awsapigatewayv2.CfnStage_AccessLogSettingsProperty{
		DestinationArn: log.LogGroupArn(),
		Format:         jsii.String(`{"id":"$context.requestId","method":"$context.httpMethod","path":"$context.path","status":"$context.status","ms":"$context.responseLatency","error":"$context.integrationErrorMessage"}`),
	})
}
