package stack_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestBucketElsewhere: with R2 there is no bucket of the stack, and its keys come from the
// secret that the settings name.
func TestBucketElsewhere(t *testing.T) {
	for secret, readable := range map[string]string{
		"r2-keys": `:secret:r2-keys-??????`,
		"arn:aws:secretsmanager:eu-central-1:123456789012:secret:r2-keys-AbCdEf": `"arn:aws:secretsmanager:eu-central-1:123456789012:secret:r2-keys-AbCdEf"`,
	} {
		tmpl := synth(t, "S3_ENDPOINT", "https://account.r2.cloudflarestorage.com", "BUCKET_NAME", "streams", "BUCKET_SECRET", secret)
		if _, made := tmpl.Resources["Objects"]; made {
			t.Error("a bucket was made beside the one that the settings name")
		}
		for _, id := range []string{"Api", "Compact", "Sweep"} {
			tmpl.want(t, id, map[string]string{
				"Environment.Variables.BUCKET_NAME": `"streams"`,
				"Environment.Variables.S3_ENDPOINT": `"https://account.r2.cloudflarestorage.com"`,
				"Environment.Variables.S3_REGION":   `"auto"`,
			})
			variables := text(tmpl.Resources[id].get("Environment.Variables.SECRETS"))
			if !strings.Contains(variables, "S3_ACCESS_KEY_ID="+secret+"#S3_ACCESS_KEY_ID") || !strings.Contains(variables, "S3_SECRET_ACCESS_KEY="+secret+"#S3_SECRET_ACCESS_KEY") {
				t.Errorf("%s fetches %s", id, variables)
			}
			if may := strings.Join(policyOf(t, tmpl, id), "\n"); !strings.Contains(may, readable) || strings.Contains(may, "s3:GetObject") {
				t.Errorf("%s may\n%s", id, may)
			}
		}
	}
}

// TestCloudFront: whoever asks is in the cache's key, with and without authorisation:
// administrators always have a token. So is where an EventSource goes on.
func TestCloudFront(t *testing.T) {
	for _, mode := range []string{"off", "token"} {
		tmpl := synth(t, "CLOUDFRONT", "true", "AUTH_MODE", mode)
		const key = "CachePolicyConfig.ParametersInCacheKeyAndForwardedToOrigin."
		tmpl.want(t, "Cache", map[string]string{
			key + "QueryStringsConfig":     `{"QueryStringBehavior":"all"}`,
			key + "HeadersConfig":          `{"HeaderBehavior":"whitelist","Headers":["Authorization","Last-Event-ID","Origin"]}`,
			"CachePolicyConfig.MinTTL":     "0",
			"CachePolicyConfig.DefaultTTL": "0",
		})
		tmpl.want(t, "Cdn", map[string]string{
			"DistributionConfig.DefaultCacheBehavior.Compress":             "false",
			"DistributionConfig.DefaultCacheBehavior.ViewerProtocolPolicy": `"https-only"`,
			"DistributionConfig.DefaultCacheBehavior.CachePolicyId":        `{"Ref":"Cache"}`,
			"DistributionConfig.Origins.0.OriginCustomHeaders":             `[{"HeaderName":"X-Origin-Secret","HeaderValue":{"Fn::Join":["",["{{resolve:secretsmanager:",{"Ref":"OriginSecret"},":SecretString:::}}"]]}}]`,
		})
		// A client that tries again after a second is to reach the origin.
		tmpl.want(t, "Cdn", map[string]string{
			"DistributionConfig.CustomErrorResponses": `[{"ErrorCachingMinTTL":0,"ErrorCode":500},{"ErrorCachingMinTTL":0,"ErrorCode":502},{"ErrorCachingMinTTL":0,"ErrorCode":503},{"ErrorCachingMinTTL":0,"ErrorCode":504}]`,
		})
		if !strings.Contains(text(tmpl.Resources["Api"].get("Environment.Variables.SECRETS")), "ORIGIN_SECRET=") {
			t.Error("the function does not demand the origin's secret")
		}
		if !strings.Contains(text(tmpl.Outputs["Url"].Value), `"Cdn"`) {
			t.Errorf("the URL is %s", text(tmpl.Outputs["Url"].Value))
		}
	}
	tmpl := synth(t)
	if len(tmpl.of("AWS::CloudFront::Distribution")) != 0 || tmpl.Resources["OriginSecret"].Type != "" {
		t.Error("without CLOUDFRONT there is a distribution, or its secret")
	}
}

func TestZones(t *testing.T) {
	for zones, want := range map[string]map[string]int{
		"us-east-1b,us-east-1d": {`"us-east-1b"`: 2, `"us-east-1d"`: 2},
		"":                      {`{"Fn::Select":[0,{"Fn::GetAZs":""}]}`: 2, `{"Fn::Select":[1,{"Fn::GetAZs":""}]}`: 2},
	} {
		tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", "true", "FARGATE_ZONES", zones)
		got := make(map[string]int)
		for _, id := range tmpl.of("AWS::EC2::Subnet") {
			got[text(tmpl.Resources[id].get("AvailabilityZone"))]++
		}
		if !maps.Equal(got, want) {
			t.Errorf("FARGATE_ZONES=%s: subnets are in %v", zones, got)
		}
	}
}

// TestOriginSecretChanges: a round has a secret of its own, since CloudFront would not see
// a new value of the same one, and programs that take the one before are there first.
func TestOriginSecretChanges(t *testing.T) {
	tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", "true", "ORIGIN_SECRET_ROUND", "3")
	if tmpl.Resources["OriginSecret"].Type != "" || tmpl.Resources["OriginSecret2"].Type == "" || tmpl.Resources["OriginSecret3"].Type == "" {
		t.Errorf("in the third round there are the secrets %v", tmpl.of("AWS::SecretsManager::Secret"))
	}
	const sent = `[{"HeaderName":"X-Origin-Secret","HeaderValue":{"Fn::Join":["",["{{resolve:secretsmanager:",{"Ref":"OriginSecret3"},":SecretString:::}}"]]}}]`
	tmpl.want(t, "Cdn", map[string]string{
		"DistributionConfig.Origins.0.OriginCustomHeaders": sent,
		"DistributionConfig.Origins.1.OriginCustomHeaders": sent,
	})
	const fetched = `ORIGIN_SECRET=",{"Ref":"OriginSecret3"},",ORIGIN_SECRET_PREVIOUS=",{"Ref":"OriginSecret2"}`
	for id, environment := range map[string]string{"Api": "Environment.Variables.SECRETS", "Container": "ContainerDefinitions.0.Environment"} {
		if secrets := text(tmpl.Resources[id].get(environment)); !strings.Contains(secrets, fetched) {
			t.Errorf("%s fetches %s", id, secrets)
		}
	}
	if before := tmpl.Resources["Cdn"].DependsOn; !slices.ContainsFunc(before, func(id string) bool { return tmpl.Resources[id].Type == "AWS::ECS::Service" }) {
		t.Errorf("CloudFront is changed after %v, and not after the containers", before)
	}
}

// TestOpenURL: clients of the function's URL are not refused while they change to CloudFront.
func TestOpenURL(t *testing.T) {
	tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", "true", "FUNCTION_URL_OPEN", "true")
	if secrets := text(tmpl.Resources["Api"].get("Environment.Variables.SECRETS")); strings.Contains(secrets, "ORIGIN_SECRET") {
		t.Errorf("the function demands CloudFront's secret: %s", secrets)
	}
	if environment := text(tmpl.Resources["Container"].get("ContainerDefinitions.0.Environment")); !strings.Contains(environment, "ORIGIN_SECRET=") {
		t.Errorf("the containers, which nobody knew, are open: %s", environment)
	}
	if tmpl.Outputs["FunctionUrl"].Value == nil || synth(t, "CLOUDFRONT", "true").Outputs["FunctionUrl"].Value != nil {
		t.Error("the function's URL is told if, and only if, it is open")
	}
}

func TestHTTPAPI(t *testing.T) {
	tmpl := synth(t, "HTTP_API", "true")
	tmpl.want(t, "ApiBuffered", map[string]string{"Timeout": "29", "Environment.Variables.AUTH_MODE": `"token"`})
	integrations := tmpl.of("AWS::ApiGatewayV2::Integration")
	if len(integrations) != 1 {
		t.Fatalf("integrations are %v", integrations)
	}
	tmpl.want(t, integrations[0], map[string]string{"PayloadFormatVersion": `"2.0"`, "IntegrationUri": `{"Fn::GetAtt":["ApiBuffered","Arn"]}`})
	if strings.Contains(text(tmpl.Resources["ApiBuffered"].get("Environment.Variables.SECRETS")), "ORIGIN_SECRET") {
		t.Error("no CDN is in front of the HTTP API")
	}
	if tmpl.Outputs["HttpApiUrl"].Value == nil {
		t.Error("its URL is not told")
	}
}

func TestFargate(t *testing.T) {
	tmpl := synth(t, "FARGATE", "true", "CLOUDFRONT", "true", "SSE_LIFETIME", "40s")
	tmpl.want(t, "Container", map[string]string{
		"RuntimePlatform.CpuArchitecture":                     `"ARM64"`,
		"ContainerDefinitions.0.ReadonlyRootFilesystem":       "true",
		"ContainerDefinitions.0.PortMappings.0.ContainerPort": "8080",
	})
	environment := text(tmpl.Resources["Container"].get("ContainerDefinitions.0.Environment"))
	for _, name := range []string{"TABLE_NAME", "BUCKET_NAME", "SECRETS", "AUTH_MODE", "AWS_REGION", "SSE_LIFETIME"} {
		if !strings.Contains(environment, `"`+name+`"`) {
			t.Errorf("the container is not told %s", name)
		}
	}
	tmpl.want(t, "Live", map[string]string{"Scheme": `"internal"`})
	if attributes := text(tmpl.Resources["Live"].get("LoadBalancerAttributes")); !strings.Contains(attributes, `{"Key":"idle_timeout.timeout_seconds","Value":"50"}`) {
		t.Errorf("a live response may be cut off: %s", attributes)
	}
	if !strings.Contains(environment, `{"Name":"GOMEMLIMIT","Value":"768MiB"}`) || text(tmpl.Resources["Container"].get("Memory")) != `"1024"` {
		t.Errorf("the heap may take all of the container's memory: %s", environment)
	}
	// A number in the template would take back what the scaling added, with each deployment.
	tmpl.want(t, tmpl.of("AWS::ECS::Service")[0], map[string]string{"DesiredCount": "null"})
	tmpl.want(t, tmpl.of("AWS::ApplicationAutoScaling::ScalableTarget")[0], map[string]string{"MinCapacity": "2", "MaxCapacity": "10"})
	tmpl.want(t, "Cdn", map[string]string{"DistributionConfig.Origins.1.Id": `"live"`})
	if text(policyOf(t, tmpl, "Container")) != text(policyOf(t, tmpl, "Api")) {
		t.Errorf("the container's rights are not those of the function:\n%s\n%s", text(policyOf(t, tmpl, "Container")), text(policyOf(t, tmpl, "Api")))
	}
}

// TestSecretsOfOthers: what the settings name is read by what answers requests, and by
// nothing else.
func TestSecretsOfOthers(t *testing.T) {
	tmpl := synth(t, "AUTH_MODE", "jwt", "SECRETS", "AUTH_JWT_SECRET=issuer#key", "HTTP_API", "true")
	for id, want := range map[string]bool{"Api": true, "ApiBuffered": true, "Compact": false, "Sweep": false} {
		told := strings.Contains(text(tmpl.Resources[id].get("Environment.Variables.SECRETS")), "AUTH_JWT_SECRET=issuer#key")
		may := strings.Contains(strings.Join(policyOf(t, tmpl, id), "\n"), ":secret:issuer-??????")
		if told != want || may != want {
			t.Errorf("%s: it is told %v, and may read it %v", id, told, may)
		}
	}
	if tmpl.Resources["AuthToken"].Type != "" {
		t.Error("AUTH_MODE=jwt has a token of clients")
	}
}

// TestTagsOfTheVpcOrigin: CloudFront would refuse to change them while it is in use. Tags of
// the stack would reach it, too.
func TestTagsOfTheVpcOrigin(t *testing.T) {
	dir := t.TempDir()
	app, s := newApp(t, dir, "CLOUDFRONT", "true", "FARGATE", "true", "TAGS", "team=streams")
	made := app.Synth(nil).GetStackByName(s.StackName())
	if tags := *made.Tags(); len(tags) != 0 {
		t.Errorf("the stack has the tags %v, which CloudFormation passes on", tags)
	}
	tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", "true", "TAGS", "team=streams")
	tmpl.want(t, "Live", map[string]string{"Tags": `[{"Key":"team","Value":"streams"}]`})
	origins := tmpl.of("AWS::CloudFront::VpcOrigin")
	if len(origins) != 1 {
		t.Fatalf("VPC origins are %v", origins)
	}
	tmpl.want(t, origins[0], map[string]string{"Tags": "null"})
}

func TestSmallOptions(t *testing.T) {
	tmpl := synth(t, "API_MEMORY_MB", "512", "WORK_MEMORY_MB", "1024", "LOG_RETENTION_DAYS", "7",
		"TRACING", "true", "TAGS", "team=streams", "LONG_POLL_WAIT", "30s", "SSE_LIFETIME", "2m", "SEGMENT_MAX_MESSAGES", "77")
	tmpl.want(t, "Api", map[string]string{
		"MemorySize": "512", "Timeout": "130", "TracingConfig.Mode": `"Active"`, "Tags": `[{"Key":"team","Value":"streams"}]`,
		"Environment.Variables.LONG_POLL_WAIT": `"30s"`,
	})
	tmpl.want(t, "Compact", map[string]string{
		"MemorySize": "1024", "Environment.Variables.SEGMENT_MAX_MESSAGES": `"77"`,
	})
	tmpl.want(t, "SweepLog", map[string]string{"RetentionInDays": "7"})
	limited := synth(t, "API_CONCURRENCY", "50", "HTTP_API", "true")
	for id, want := range map[string]string{"Api": "50", "ApiBuffered": "50", "Compact": "null", "Sweep": "null"} {
		limited.want(t, id, map[string]string{"ReservedConcurrentExecutions": want})
	}
	reserved := synth(t, "RESERVED_CONCURRENCY", "true", "COMPACT_CONCURRENCY", "3", "SEGMENT_MAX_BYTES", "536870912")
	reserved.want(t, "Compact", map[string]string{"ReservedConcurrentExecutions": "3", "EphemeralStorage.Size": "1024"})
	reserved.want(t, "Sweep", map[string]string{"ReservedConcurrentExecutions": "1"})
}
