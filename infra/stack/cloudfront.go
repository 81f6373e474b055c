package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
)

// originSilence is how long CloudFront waits for an origin to say something: the longest
// that it allows without a request to Amazon. A long-poll must end before.
const originSilence = 60 * time.Second

// newCDN puts CloudFront in front of the function's URL, and returns its address.
//
// The origin is protected by a secret header. Origin access control would need every
// client to send the hash of its body (x-amz-content-sha256) with each PUT and POST, as
// function URLs take no unsigned payloads, and plain clients do not.
func (s *builder) newCDN(api awslambda.FunctionUrl) *string {
	origin := awscloudfrontorigins.NewFunctionUrlOrigin(api, &awscloudfrontorigins.FunctionUrlOriginProps{
		OriginId:      jsii.String("api"),
		CustomHeaders: s.originHeader(),
		ReadTimeout:   seconds(originSilence),
	})
	behavior := &awscloudfront.BehaviorOptions{
		Origin:               origin,
		AllowedMethods:       awscloudfront.AllowedMethods_ALLOW_ALL(),
		CachedMethods:        awscloudfront.CachedMethods_CACHE_GET_HEAD(),
		CachePolicy:          s.newCachePolicy(),
		OriginRequestPolicy:  awscloudfront.OriginRequestPolicy_ALL_VIEWER_EXCEPT_HOST_HEADER(),
		ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY,
		// The origin compresses; it knows what is worth it, and never compresses events.
		Compress:             jsii.Bool(false),
		FunctionAssociations: s.newEdge(),
	}
	d := awscloudfront.NewDistribution(s.scope, jsii.String("Cdn"), &awscloudfront.DistributionProps{
		Comment:         &s.settings.Name,
		DefaultBehavior: behavior,
		ErrorResponses:  forgotten(),
		HttpVersion:     awscloudfront.HttpVersion_HTTP2_AND_3,
	})
	named(d, "Cdn")
	s.cdn = d
	if s.settings.Fargate {
		// An origin has to belong to a path, although the program at the edge is what leads to it.
		d.AddBehavior(jsii.String("/"+liveOrigin+"-origin/*"), s.newLive(), &awscloudfront.AddBehaviorOptions{
			CachePolicy:          awscloudfront.CachePolicy_CACHING_DISABLED(),
			Compress:             jsii.Bool(false),
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_HTTPS_ONLY,
		})
		// They know a new secret before CloudFront sends it, as the function does.
		d.Node().AddDependency(s.live.service)
	}
	address := "https://" + *d.DistributionDomainName() + "/"
	return &address
}

// forgotten are the errors that CloudFront would keep for ten seconds, although the origin
// forbids it (no-store): a client that tries again at once, as it was told, would get the
// same answer. It obeys for 404, 410, 414 and 501, and keeps no other without being asked.
func forgotten() *[]*awscloudfront.ErrorResponse {
	var all []*awscloudfront.ErrorResponse
	for _, status := range []int{500, 502, 503, 504} {
		all = append(all, &awscloudfront.ErrorResponse{HttpStatus: jsii.Number(status), Ttl: seconds(0)})
	}
	return &all
}

// newCachePolicy says which requests have one answer, and how long it may be kept.
//
// What an answer depends on is the stream, the offset, whether and how it is live, and
// the cursor (PROTOCOL.md, section 10.1); Last-Event-ID, from which an EventSource goes
// on; Accept-Encoding, as the origin compresses; Origin, which answers to browsers may
// repeat; and who asks. How long it may be kept is
// the origin's to say (Cache-Control), and without its word it is not kept. Requests for
// one answer that come at the same time are one request to the origin, long-polls too.
//
// By AWS's documentation CloudFront joins none whose answers are private, no-store or
// no-cache, as the minimum TTL is 0. The key keeps answers apart even if it does:
// Authorization is in it, and all of the query, where browsers may have a token, and
// administrators their questions.
func (s *builder) newCachePolicy() awscloudfront.ICachePolicy {
	p := awscloudfront.NewCachePolicy(s.scope, jsii.String("Cache"), &awscloudfront.CachePolicyProps{
		Comment:                    jsii.String("answers of streams"),
		MinTtl:                     seconds(0),
		DefaultTtl:                 seconds(0),
		MaxTtl:                     awscdk.Duration_Days(jsii.Number(365)),
		QueryStringBehavior:        awscloudfront.CacheQueryStringBehavior_All(),
		HeaderBehavior:             awscloudfront.CacheHeaderBehavior_AllowList(jsii.String("Authorization"), jsii.String("Last-Event-ID"), jsii.String("Origin")),
		CookieBehavior:             awscloudfront.CacheCookieBehavior_None(),
		EnableAcceptEncodingGzip:   jsii.Bool(true),
		EnableAcceptEncodingBrotli: jsii.Bool(false),
	})
	named(p, "Cache")
	return p
}

// originHeader shows to the function that a request came through CloudFront. Its value is
// put in when the stack is deployed, and is not in the template.
func (s *builder) originHeader() *map[string]*string {
	secret := s.vault.secrets["ORIGIN_SECRET"]
	return &map[string]*string{boot.OriginHeader: secret.SecretValue().UnsafeUnwrap()}
}
