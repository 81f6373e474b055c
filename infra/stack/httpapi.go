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
func (s *Stack) newHTTPAPI() {
	f := s.newFunction(functionSettings{
		id:          "ApiBuffered",
		name:        "apibuffered",
		description: "answers requests of the HTTP API",
		memory:      s.settings.APIMemory,
		timeout:     httpAPITimeout,
		environment: s.authorisation(),
	})
	s.grantTable(f, answers())
	s.grantObjects(f, "Get", "Put")
	api := awsapigatewayv2.NewHttpApi(s.scope, jsii.String("HttpApi"), &awsapigatewayv2.HttpApiProps{
		DefaultIntegration: awsapigatewayv2integrations.NewHttpLambdaIntegration(jsii.String("Buffered"), f, &awsapigatewayv2integrations.HttpLambdaIntegrationProps{
			PayloadFormatVersion: awsapigatewayv2.PayloadFormatVersion_VERSION_2_0(),
			Timeout:              seconds(httpAPITimeout),
		}),
	})
	named(api, "HttpApi")
	s.output("HttpApiUrl", "URL of the HTTP API, which does not stream", api.ApiEndpoint())
}
