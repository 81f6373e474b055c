package stack_test

import (
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

func TestTable(t *testing.T) {
	tmpl := synth(t)
	definition := dynamo.Table("")
	tmpl.want(t, "Table", map[string]string{
		"BillingMode":                           `"PAY_PER_REQUEST"`,
		"KeySchema":                             text([]any{map[string]any{"AttributeName": *definition.KeySchema[0].AttributeName, "KeyType": "HASH"}, map[string]any{"AttributeName": *definition.KeySchema[1].AttributeName, "KeyType": "RANGE"}}),
		"StreamSpecification.StreamViewType":    `"NEW_AND_OLD_IMAGES"`,
		"TimeToLiveSpecification.AttributeName": text(*dynamo.TTL("").TimeToLiveSpecification.AttributeName),
		"TimeToLiveSpecification.Enabled":       "true",
		"DeletionProtectionEnabled":             "true",
		"PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": "true",
		"TableName": "null",
	})
	for i, want := range definition.GlobalSecondaryIndexes {
		got := tmpl.Resources["Table"].get("GlobalSecondaryIndexes").([]any)[i].(map[string]any)
		keys := text([]any{map[string]any{"AttributeName": *want.KeySchema[0].AttributeName, "KeyType": "HASH"}, map[string]any{"AttributeName": *want.KeySchema[1].AttributeName, "KeyType": "RANGE"}})
		projection := text(map[string]any{"NonKeyAttributes": want.Projection.NonKeyAttributes, "ProjectionType": "INCLUDE"})
		if got["IndexName"] != *want.IndexName || text(got["KeySchema"]) != keys || text(got["Projection"]) != projection {
			t.Errorf("index %d is %s", i, text(got))
		}
	}
	if n := len(tmpl.Resources["Table"].get("AttributeDefinitions").([]any)); n != len(definition.AttributeDefinitions) {
		t.Errorf("%d attributes are defined, want %d", n, len(definition.AttributeDefinitions))
	}
}

func TestFunctions(t *testing.T) {
	tmpl := synth(t)
	for id, want := range map[string]map[string]string{
		"Api":     {"MemorySize": "256", "Timeout": "65", "ReservedConcurrentExecutions": "null"},
		"Compact": {"MemorySize": "512", "Timeout": "300", "ReservedConcurrentExecutions": "null"},
		"Sweep":   {"MemorySize": "512", "Timeout": "290", "ReservedConcurrentExecutions": "null"},
	} {
		tmpl.want(t, id, want)
		tmpl.want(t, id, map[string]string{
			"Runtime": `"provided.al2023"`, "Architectures": `["arm64"]`, "Handler": `"bootstrap"`,
			"EphemeralStorage.Size": "512", "LoggingConfig.LogGroup.Ref": `"` + id + `Log"`,
			"Environment.Variables.TABLE_NAME": `{"Ref":"Table"}`, "Environment.Variables.BUCKET_NAME": `{"Ref":"Objects"}`,
		})
		tmpl.want(t, id+"Log", map[string]string{"RetentionInDays": "30"})
	}
	if n := len(tmpl.of("AWS::Lambda::Function")); n != 3 {
		t.Errorf("there are %d functions", n)
	}
	urls := tmpl.of("AWS::Lambda::Url")
	if len(urls) != 1 {
		t.Fatalf("function URLs are %v", urls)
	}
	tmpl.want(t, urls[0], map[string]string{"InvokeMode": `"RESPONSE_STREAM"`, "AuthType": `"NONE"`})
	if n := len(tmpl.of("AWS::Lambda::Permission")); n != 2 {
		t.Errorf("the URL has %d permissions: it needs those to call the URL, and to invoke by it", n)
	}
}

func TestCompactMapping(t *testing.T) {
	synth(t).want(t, "CompactMapping", map[string]string{
		"FilterCriteria.Filters.0.Pattern":        text(dynamo.EndedFilter),
		"EventSourceArn":                          `{"Fn::GetAtt":["Table","StreamArn"]}`,
		"StartingPosition":                        `"TRIM_HORIZON"`,
		"BatchSize":                               "25",
		"MaximumBatchingWindowInSeconds":          "1",
		"FunctionResponseTypes":                   `["ReportBatchItemFailures"]`,
		"BisectBatchOnFunctionError":              "true",
		"MaximumRetryAttempts":                    "5",
		"ParallelizationFactor":                   "4",
		"DestinationConfig.OnFailure.Destination": `{"Fn::GetAtt":["DeadLetters","Arn"]}`,
		"MetricsConfig.Metrics":                   `["EventCount"]`,
	})
}

func TestSweepSchedule(t *testing.T) {
	tmpl := synth(t, "SWEEP_EVERY", "1h")
	tmpl.want(t, "SweepSchedule", map[string]string{
		"ScheduleExpression":                      `"rate(1 hour)"`,
		"Target.RetryPolicy.MaximumRetryAttempts": "0",
		"Target.DeadLetterConfig.Arn":             `{"Fn::GetAtt":["SweepDeadLetters","Arn"]}`,
		"Target.Arn":                              `{"Fn::GetAtt":["Sweep","Arn"]}`,
	})
	tmpl.want(t, "Sweep", map[string]string{"Timeout": "600"})
	invoke := tmpl.of("AWS::Lambda::EventInvokeConfig")
	if len(invoke) != 1 {
		t.Fatalf("it has %v", invoke)
	}
	tmpl.want(t, invoke[0], map[string]string{
		"MaximumRetryAttempts":                    "0",
		"DestinationConfig.OnFailure.Destination": `{"Fn::GetAtt":["SweepDeadLetters","Arn"]}`,
	})
	// Two runs do not overlap: each ends before the next one begins.
	synth(t, "SWEEP_EVERY", "1m").want(t, "Sweep", map[string]string{"Timeout": "50"})
}

func TestBuckets(t *testing.T) {
	tmpl := synth(t)
	for id, want := range map[string]struct{ lifecycle, versions string }{
		"Objects": {
			`{"Rules":[{"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1},"ExpiredObjectDeleteMarker":true,"Id":"leftovers","NoncurrentVersionExpiration":{"NoncurrentDays":35},"Status":"Enabled"}]}`,
			`{"Status":"Enabled"}`,
		},
		"DeadLetters": {`{"Rules":[{"ExpirationInDays":90,"Id":"expire","Status":"Enabled"}]}`, "null"},
	} {
		tmpl.want(t, id, map[string]string{
			"PublicAccessBlockConfiguration": `{"BlockPublicAcls":true,"BlockPublicPolicy":true,"IgnorePublicAcls":true,"RestrictPublicBuckets":true}`,
			"BucketEncryption":               `{"ServerSideEncryptionConfiguration":[{"ServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}`,
			"LifecycleConfiguration":         want.lifecycle,
			"VersioningConfiguration":        want.versions,
		})
	}
	policies := 0
	for _, id := range tmpl.of("AWS::S3::BucketPolicy") {
		if p := text(tmpl.Resources[id].Properties); strings.Contains(p, `"Effect":"Deny"`) && strings.Contains(p, "aws:SecureTransport") && strings.Contains(p, "s3:TlsVersion") {
			policies++
		}
	}
	if policies != 2 {
		t.Errorf("%d of the buckets are for TLS only", policies)
	}
}

// TestWhatStays: what holds streams outlives the stack, unless somebody says otherwise.
func TestWhatStays(t *testing.T) {
	for removal, want := range map[string]struct{ table, bucket, replaced string }{
		"retain":  {"Retain", "RetainExceptOnCreate", "Retain"},
		"destroy": {"Delete", "Delete", "Delete"},
	} {
		tmpl := synth(t, "REMOVAL_POLICY", removal)
		for id, deleted := range map[string]string{"Table": want.table, "Objects": want.bucket, "DeadLetters": want.bucket} {
			if r := tmpl.Resources[id]; r.DeletionPolicy != deleted || r.UpdateReplacePolicy != want.replaced {
				t.Errorf("%s: %s is kept by %s, %s", removal, id, r.DeletionPolicy, r.UpdateReplacePolicy)
			}
		}
		tmpl.want(t, "Table", map[string]string{"DeletionProtectionEnabled": map[string]string{"retain": "true", "destroy": "false"}[removal]})
	}
}

// TestSecrets: tokens are in Secrets Manager, and nowhere else.
func TestSecrets(t *testing.T) {
	tmpl := synth(t)
	for _, id := range []string{"AuthToken", "AdminToken"} {
		tmpl.want(t, id, map[string]string{"GenerateSecretString": `{"ExcludePunctuation":true,"PasswordLength":48}`})
	}
	tmpl.want(t, "Api", map[string]string{
		"Environment.Variables.AUTH_MODE": `"token"`, "Environment.Variables.COMPRESS_FROM_BYTES": `"-1"`,
		"Environment.Variables.SECRETS": `{"Fn::Join":["",["ADMIN_TOKEN=",{"Ref":"AdminToken"},",AUTH_TOKEN=",{"Ref":"AuthToken"}]]}`,
	})
	for _, id := range []string{"Compact", "Sweep"} {
		tmpl.want(t, id, map[string]string{"Environment.Variables.SECRETS": "null"})
	}
	if len(synth(t, "AUTH_MODE", "off").Resources["AuthToken"].Type) != 0 {
		t.Error("AUTH_MODE=off has a token of clients")
	}
}

func TestOutputs(t *testing.T) {
	tmpl := synth(t)
	for _, name := range []string{"Url", "Try", "TokenCommand", "AdminTokenSecret", "TableName", "BucketName", "DashboardUrl"} {
		if tmpl.Outputs[name].Value == nil {
			t.Errorf("there is no %s", name)
		}
	}
	try := text(tmpl.Outputs["Try"].Value)
	for _, part := range []string{"curl -i -X PUT ", "v1/stream/hello", "Authorization: Bearer $(aws secretsmanager get-secret-value"} {
		if !strings.Contains(try, part) {
			t.Errorf("the first request lacks %q: %s", part, try)
		}
	}
}
