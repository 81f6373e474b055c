package stack

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// alarmPeriod is what alarms look at. behind is how late background work may be: the
// change stream keeps records for a day, and nobody waits for a segment to be moved.
const (
	alarmPeriod = 5 * time.Minute
	behind      = 15 * time.Minute
)

// lettersMetric counts the records that compaction gave up and that are in the bucket of
// dead letters. What could not be written there is counted elsewhere (CompactLettersLost).
const lettersMetric = "OnFailureDestinationDeliveredEventCount"

// alarm is a metric, and when somebody has to look at it.
type alarm struct {
	id, meaning string
	metric      awscloudwatch.IMetric
	// least is the value that is too much, in each of so many periods.
	least   float64
	periods int
}

// addAlarms makes the topic that alarms are sent to, and the alarms. Where there is no
// data nothing happened, so no alarm goes off, but for what must be there (floors).
// Each costs $0.10 a month after the first ten of an account.
func (s *builder) addAlarms() {
	action := awscloudwatchactions.NewSnsAction(s.newTopic())
	for _, a := range append(s.alarms(), s.frontAlarms()...) {
		s.addAlarm(a, action, awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING)
	}
	for _, a := range s.floors() {
		s.addAlarm(a, action, awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD, awscloudwatch.TreatMissingData_BREACHING)
	}
	s.addCDNAlarm(action)
}

func (s *builder) addAlarm(a alarm, action awscloudwatch.IAlarmAction, when awscloudwatch.ComparisonOperator, missing awscloudwatch.TreatMissingData) awscloudwatch.Alarm {
	made := awscloudwatch.NewAlarm(s.scope, jsii.String(a.id), &awscloudwatch.AlarmProps{
		AlarmDescription:   jsii.String(a.meaning),
		Metric:             a.metric,
		Threshold:          jsii.Number(a.least),
		ComparisonOperator: when,
		EvaluationPeriods:  jsii.Number(a.periods),
		TreatMissingData:   missing,
	})
	made.AddAlarmAction(action)
	named(made, a.id)
	return made
}

// floors are alarms of what must be there: in each of so many periods less than least, or
// nothing, is too little.
func (s *builder) floors() []alarm {
	all := []alarm{{"SweepMissing", "the sweep did not run three times: what was deleted stays, and what an event lost is not compacted", s.functions["Sweep"].MetricInvocations(every(s.settings.SweepEvery, "Sum")), 1, 3}}
	if s.live != nil {
		all = append(all, alarm{"LiveMissing", "no container is healthy", s.live.group.Metrics().HealthyHostCount(most()), 1, 2})
	}
	return all
}

func (s *builder) alarms() []alarm {
	compact, sweep := s.functions["Compact"], s.functions["Sweep"]
	// A period without a run of the sweep would count as a good one.
	runs := every(max(alarmPeriod, s.settings.SweepEvery), "Sum")
	all := []alarm{
		{"CompactErrors", "compaction ended in errors for a quarter of an hour", compact.MetricErrors(sum()), 1, 3},
		{"CompactThrottles", "compaction is at its limit, the account's or COMPACT_CONCURRENCY", compact.MetricThrottles(sum()), 1, 3},
		{"CompactIteratorAge", "compaction is behind the table's change stream", compact.Metric(jsii.String("IteratorAge"), most()), milliseconds(behind), 1},
		{"CompactionLag", "a segment was in the bucket late", s.own(metrics.NameCompactionLag, most()), behind.Seconds(), 1},
		{"CompactDeadLetters", "compaction gave something up: look into the bucket of dead letters", s.mappingMetric(lettersMetric), 1, 1},
		{"CompactLettersLost", "a dead letter could not be written", compact.Metric(jsii.String("DestinationDeliveryFailures"), sum()), 1, 1},
		{"SweepErrors", "the sweep could look at nothing, three times", sweep.MetricErrors(runs), 1, 3},
		{"SweepFailures", "the sweep could not do everything, three times", s.own(metrics.NameSweepFailures, runs), 1, 3},
		{"SweepDeadLetter", "a run of the sweep failed, or could not be started", s.letters.MetricApproximateNumberOfMessagesVisible(most()), 1, 1},
		{"ServerErrors", "requests were answered with a status of 500 or more", s.own(metrics.NameServerErrors, sum()), 5, 2},
		{"RegistryFailures", "registries could not be told of streams for a quarter of an hour", s.own(metrics.NameRegistryFailures, sum()), 1, 3},
		{"DamageFound", "records are missing or altered: stop deleting, run make fsck, restore", s.own(metrics.NameDamageFound, sum()), 1, 1},
		{"TableThrottles", "the table refuses writes: a stream takes about a thousand units a second", s.table.Metric(jsii.String("WriteThrottleEvents"), sum()), 10, 3},
		{"TableReadThrottles", "the table refuses reads: a stream's head takes about three thousand units a second", s.table.Metric(jsii.String("ReadThrottleEvents"), sum()), 10, 3},
		{"ListIndexThrottles", "the index of names is behind, and has the table refuse writes", s.indexThrottles(dynamo.ListIndex), 10, 3},
		{"WorkIndexThrottles", "the index of what the sweep has to do is behind, and has the table refuse writes", s.indexThrottles(dynamo.WorkIndex), 10, 3},
	}
	for _, id := range []string{"Api", "ApiBuffered"} {
		f, ok := s.functions[id]
		if !ok {
			continue
		}
		all = append(all,
			alarm{id + "Errors", "requests ended in crashes or at their time limit", f.MetricErrors(sum()), 5, 2},
			alarm{id + "Throttles", "requests were refused, for want of concurrency", f.MetricThrottles(sum()), 1, 2},
		)
	}
	// A request that waits for data ends ten seconds before the limit.
	for _, id := range slices.Sorted(maps.Keys(s.functions)) {
		f := s.functions[id]
		limit := f.Timeout().ToMilliseconds(nil)
		all = append(all, alarm{id + "Duration", "a run came close to its time limit", f.MetricDuration(most()), *limit * 95 / 100, 1})
	}
	return all
}

// newTopic makes the topic of alarms. Only CloudWatch of this account may send to it.
func (s *builder) newTopic() awssns.Topic {
	topic := awssns.NewTopic(s.scope, jsii.String("Alarms"), &awssns.TopicProps{
		DisplayName: jsii.String(s.settings.Name + " alarms"),
		EnforceSSL:  jsii.Bool(true),
	})
	named(topic, "Alarms")
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}},
	}))
	if s.settings.AlarmEmail != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&s.settings.AlarmEmail, nil))
	}
	return topic
}

// own is a metric that the functions write into their log.
func (s *builder) own(name string, o *awscloudwatch.MetricOptions) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:  jsii.String(boot.Namespace(config.Function{Table: *s.table.TableName()})),
		MetricName: &name,
		Period:     o.Period,
		Statistic:  o.Statistic,
	})
}

// indexThrottles counts the writes that an index of the table refused.
func (s *builder) indexThrottles(index string) awscloudwatch.IMetric {
	o := sum()
	o.DimensionsMap = &map[string]*string{"TableName": s.table.TableName(), "GlobalSecondaryIndexName": &index}
	return s.table.Metric(jsii.String("WriteThrottleEvents"), o)
}

// mappingMetric counts what became of the records that compaction was to get.
func (s *builder) mappingMetric(name string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String("AWS/Lambda"),
		MetricName:    &name,
		DimensionsMap: &map[string]*string{"EventSourceMappingUUID": s.mapping.Ref()},
		Period:        seconds(alarmPeriod),
		Statistic:     jsii.String("Sum"),
	})
}

func sum() *awscloudwatch.MetricOptions  { return every(alarmPeriod, "Sum") }
func most() *awscloudwatch.MetricOptions { return every(alarmPeriod, "Maximum") }

func every(period time.Duration, statistic string) *awscloudwatch.MetricOptions {
	return &awscloudwatch.MetricOptions{Period: seconds(period), Statistic: &statistic}
}

func milliseconds(d time.Duration) float64 { return float64(d.Milliseconds()) }
