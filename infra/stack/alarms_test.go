package stack_test

import (
	"os"
	"strings"
	"testing"

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
	if n := len(tmpl.of("AWS::CloudWatch::Alarm")); n != 19 {
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
	tmpl := synth(t, "HTTP_API", "true")
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
