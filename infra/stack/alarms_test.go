package stack_test

import (
	"os"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// TestAlarms: each thing that somebody has to know has an alarm, which tells the topic.
func TestAlarms(t *testing.T) {
	tmpl := synth(t, "ALARM_EMAIL", "ops@example.com")
	for id, metric := range map[string]string{
		"ApiErrors": "Errors", "ApiThrottles": "Throttles", "ApiDuration": "Duration",
		"CompactErrors": "Errors", "CompactThrottles": "Throttles", "CompactDuration": "Duration", "CompactIteratorAge": "IteratorAge",
		"CompactionLag": metrics.NameCompactionLag, "CompactDeadLetters": "OnFailureDestinationDeliveredEventCount", "CompactLettersLost": "DestinationDeliveryFailures",
		"SweepErrors": "Errors", "SweepFailures": metrics.NameSweepFailures, "SweepDuration": "Duration", "SweepMissing": "Invocations",
		"SweepDeadLetter": "ApproximateNumberOfMessagesVisible", "DamageFound": metrics.NameDamageFound, "ServerErrors": metrics.NameServerErrors, "RegistryFailures": metrics.NameRegistryFailures, "TableThrottles": "WriteThrottleEvents",
		"TableReadThrottles": "ReadThrottleEvents", "ListIndexThrottles": "WriteThrottleEvents", "WorkIndexThrottles": "WriteThrottleEvents",
	} {
		missing := `"notBreaching"`
		if id == "SweepMissing" {
			missing = `"breaching"`
		}
		tmpl.want(t, id, map[string]string{
			"MetricName": text(metric), "TreatMissingData": missing, "AlarmActions": `[{"Ref":"Alarms"}]`,
		})
		if text(tmpl.Resources[id].get("AlarmDescription")) == "null" {
			t.Errorf("%s does not say what it means", id)
		}
	}
	if n := len(tmpl.of("AWS::CloudWatch::Alarm")); n != 22 {
		t.Errorf("there are %d alarms", n)
	}
	for _, id := range []string{"CompactionLag", "SweepFailures", "DamageFound"} {
		tmpl.want(t, id, map[string]string{"Namespace": `{"Fn::Join":["",["DurableStreams/",{"Ref":"Table"}]]}`})
	}
	for id, index := range map[string]string{"ListIndexThrottles": dynamo.ListIndex, "WorkIndexThrottles": dynamo.WorkIndex} {
		tmpl.want(t, id, map[string]string{"Dimensions": `[{"Name":"GlobalSecondaryIndexName","Value":"` + index + `"},{"Name":"TableName","Value":{"Ref":"Table"}}]`})
	}
	tmpl.want(t, "ApiDuration", map[string]string{"Threshold": "61750"})
	subscriptions := tmpl.of("AWS::SNS::Subscription")
	if len(subscriptions) != 1 {
		t.Fatalf("subscriptions are %v", subscriptions)
	}
	tmpl.want(t, subscriptions[0], map[string]string{"Endpoint": `"ops@example.com"`, "Protocol": `"email"`})
	if n := len(synth(t).of("AWS::SNS::Subscription")); n != 0 {
		t.Errorf("without an address there are %d subscriptions", n)
	}
}

// TestAlarmsSeeEachSweep: however seldom the sweep runs, there is a run in each period, so
// that three bad ones are three in a row.
func TestAlarmsSeeEachSweep(t *testing.T) {
	for every, period := range map[string]string{"1m": "300", "5m": "300", "1h": "3600", "24h": "86400"} {
		tmpl := synth(t, "SWEEP_EVERY", every)
		for _, id := range []string{"SweepErrors", "SweepFailures"} {
			tmpl.want(t, id, map[string]string{"Period": period, "EvaluationPeriods": "3"})
		}
	}
}

// TestAlarmsOfTheFront: containers that are not well, none at all, and errors on the
// way to them are told. CloudFront's metrics are in one region, so its alarm is, too.
func TestAlarmsOfTheFront(t *testing.T) {
	tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", "true")
	tmpl.want(t, "LiveMissing", map[string]string{
		"MetricName": `"HealthyHostCount"`, "Statistic": `"Maximum"`, "Threshold": "1", "ComparisonOperator": `"LessThanThreshold"`, "TreatMissingData": `"breaching"`,
	})
	tmpl.want(t, "LiveUnhealthy", map[string]string{"MetricName": `"UnHealthyHostCount"`, "ComparisonOperator": `"GreaterThanOrEqualToThreshold"`, "TreatMissingData": `"notBreaching"`})
	tmpl.want(t, "LiveErrors", map[string]string{"MetricName": `"HTTPCode_Target_5XX_Count"`, "TreatMissingData": `"notBreaching"`})
	tmpl.want(t, "LiveBalancerErrors", map[string]string{"MetricName": `"HTTPCode_ELB_5XX_Count"`, "TreatMissingData": `"notBreaching"`})
	tmpl.want(t, "CdnErrors", map[string]string{"MetricName": `"5xxErrorRate"`, "Namespace": `"AWS/CloudFront"`, "Dimensions": `[{"Name":"DistributionId","Value":{"Ref":"Cdn"}},{"Name":"Region","Value":"Global"}]`})
	if condition := tmpl.Conditions[tmpl.Resources["CdnErrors"].Condition]; text(condition) != `{"Fn::Equals":[{"Ref":"AWS::Region"},"us-east-1"]}` {
		t.Errorf("CloudFront's alarm is made if %s", text(condition))
	}
}

// TestAlarmsAreExplained: whoever is woken finds what to do.
func TestAlarmsAreExplained(t *testing.T) {
	guide, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := make(map[string]bool)
	for line := range strings.Lines(string(guide)) {
		if ids, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			for id := range strings.SplitSeq(ids, ", ") {
				explained[id] = true
			}
		}
	}
	tmpl := synth(t, everything...)
	for _, id := range tmpl.of("AWS::CloudWatch::Alarm") {
		if !explained[id] {
			t.Errorf("docs/operations.md has no paragraph on %s", id)
		}
	}
}

func TestDashboard(t *testing.T) {
	body := text(synth(t).Resources["Dashboard"].Properties)
	for _, part := range []string{"ConsumedWriteCapacityUnits", metrics.NameCompactionLag, metrics.NameDamageFound, "IteratorAge"} {
		if !strings.Contains(body, part) {
			t.Errorf("the dashboard does not show %s", part)
		}
	}
}
