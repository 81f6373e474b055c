package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/jsii-runtime-go"
)

// newEdge makes the program that CloudFront runs for each request, before it looks into its
// cache. It tells the origin which host the client asked, for the URLs in answers: Host is
// the function's own there. With containers it sends live reads to them, too: the behaviors
// of a distribution know only paths.
func (s *builder) newEdge() *[]*awscloudfront.FunctionAssociation {
	begin, route := "", ""
	if s.settings.Fargate {
		begin = "import cf from 'cloudfront';\n"
		route = "  if (request.method === 'GET' && request.querystring.live) cf.selectRequestOriginById('" + liveOrigin + "');\n"
	}
	f := awscloudfront.NewFunction(s.scope, jsii.String("Edge"), &awscloudfront.FunctionProps{
		Comment: jsii.String("tells the origin the host that was asked, and sends live reads to the containers"),
		Runtime: awscloudfront.FunctionRuntime_JS_2_0(),
		Code: awscloudfront.FunctionCode_FromInline(jsii.String(begin + `function handler(event) {
  const request = event.request;
  request.headers['x-forwarded-host'] = { value: request.headers.host.value };
` + route + `  return request;
}`)),
	})
	named(f, "Edge")
	return &[]*awscloudfront.FunctionAssociation{{Function: f, EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST}}
}
