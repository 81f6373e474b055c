package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// addDashboard makes one page with what a person looks at first: requests, what the table
// does, compaction, the sweep.
func (s *builder) addDashboard() {
	api, compact, table := s.functions["Api"], s.functions["Compact"], s.table
	d := awscloudwatch.NewDashboard(s.scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(12)),
	})
	named(d, "Dashboard")
	d.AddWidgets(
		graph("Requests", api.MetricInvocations(sum()), api.MetricErrors(sum()), api.MetricThrottles(sum())),
		graph("Duration of requests, live ones too, ms", api.MetricDuration(every(alarmPeriod, "p50")), api.MetricDuration(every(alarmPeriod, "p99"))),
		graph("Requests at the same time", api.Metric(jsii.String("ConcurrentExecutions"), most())),
	)
	d.AddWidgets(
		graph("Answers with 500 and more", s.own(metrics.NameServerErrors, sum())),
		graph("Attempts of appends", s.own(metrics.NameAppendAttempts, sum()), s.own(metrics.NameAppendConflicts, sum())),
		graph("What requests wait for stores, s", s.own(metrics.NameStoreDuration, every(alarmPeriod, "p50")), s.own(metrics.NameStoreDuration, every(alarmPeriod, "p99"))),
	)
	d.AddWidgets(
		graph("How late live readers learn of appends, s", s.own(metrics.NameLiveLag, every(alarmPeriod, "p50")), s.own(metrics.NameLiveLag, every(alarmPeriod, "p99"))),
		graph("Units that requests took", s.own(metrics.NameReadUnits, sum()), s.own(metrics.NameWriteUnits, sum())),
		graph("Requests to the bucket", s.own(metrics.NameBucketRequests, sum())),
	)
	d.AddWidgets(
		graph("Units of the table", table.MetricConsumedWriteCapacityUnits(sum()), table.MetricConsumedReadCapacityUnits(sum())),
		graph("Refused by the table", table.Metric(jsii.String("WriteThrottleEvents"), sum()), table.Metric(jsii.String("ReadThrottleEvents"), sum()), table.Metric(jsii.String("ConditionalCheckFailedRequests"), sum())),
	)
	d.AddWidgets(
		graph("Compaction", s.own(metrics.NameSegmentsCompacted, sum()), s.own(metrics.NameCompactionFailures, sum()), s.mappingMetric(lettersMetric)),
		graph("How late segments are compacted, s", s.own(metrics.NameCompactionLag, most())),
		graph("How far compaction is behind, ms", compact.Metric(jsii.String("IteratorAge"), most())),
	)
	d.AddWidgets(
		graph("Sweep", s.own(metrics.NameSweeps, sum()), s.own(metrics.NameSweepFailures, sum()), s.own(metrics.NameSweepProblems, sum()), s.own(metrics.NameLivesDiscarded, sum())),
		graph("Damage", s.own(metrics.NameDamageFound, sum())),
		graph("Streams that registries could not be told of", s.own(metrics.NameRegistryFailures, sum())),
	)
	address := "https://" + *awscdk.Aws_REGION() + ".console.aws.amazon.com/cloudwatch/home?region=" + *awscdk.Aws_REGION() + "#dashboards/dashboard/" + *d.DashboardName()
	s.output("DashboardUrl", "what the server does, in graphs", &address)
}

func graph(title string, lines ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: &title,
		Left:  &lines,
		Width: jsii.Number(8),
	})
}
