package stack_test

import (
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// TestAlarms: each thing that somebody has to know has an alarm, which tells the topic.
func TestAlarms(t *testing.T) {
	tmpl := synth(t, "ALARM_EMAIL", "ops@example.com")
	n := metrics.CloudWatchNames()
	for id, metric := range map[string]string{
		"ApiErrors": "Errors", "ApiThrottles": "Throttles", "ApiDuration": "Duration",
		"CompactErrors": "Errors", "CompactThrottles": "Throttles", "CompactDuration": "Duration", "CompactIteratorAge": "IteratorAge",
		"CompactionLag": n.CompactionLag, "CompactDeadLetters": "DroppedEventCount", "CompactLettersLost": "DestinationDeliveryFailures",
		"SweepErrors": "Errors", "SweepFailures": n.SweepFailures, "SweepDuration": "Duration", "SweepMissing": "Invocations",
		"SweepDeadLetter": "ApproximateNumberOfMessagesVisible", "DamageFound": n.DamageFound, "TableThrottles": "WriteThrottleEvents",
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
	if n := len(tmpl.of("AWS::CloudWatch::Alarm")); n != 17 {
		t.Errorf("there are %d alarms", n)
	}
	for _, id := range []string{"CompactionLag", "SweepFailures", "DamageFound"} {
		tmpl.want(t, id, map[string]string{"Namespace": `{"Fn::Join":["",["DurableStreams/",{"Ref":"Table"}]]}`})
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

func TestDashboard(t *testing.T) {
	body := text(synth(t).Resources["Dashboard"].Properties)
	for _, part := range []string{"ConsumedWriteCapacityUnits", metrics.CloudWatchNames().CompactionLag, metrics.CloudWatchNames().DamageFound, "IteratorAge"} {
		if !strings.Contains(body, part) {
			t.Errorf("the dashboard does not show %s", part)
		}
	}
}
