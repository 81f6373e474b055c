package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/jsii-runtime-go"
)

// frontAlarms are those of what may be put in front of the functions.
func (s *builder) frontAlarms() []alarm {
	if s.live == nil {
		return nil
	}
	return []alarm{
		{"LiveUnhealthy", "a container was not healthy for a quarter of an hour", s.live.group.Metrics().UnhealthyHostCount(most()), 1, 3},
		{"LiveErrors", "containers answered with a status of 500 or more", s.live.group.Metrics().HttpCodeTarget(awselasticloadbalancingv2.HttpCodeTarget_TARGET_5XX_COUNT, sum()), 5, 2},
		{"LiveBalancerErrors", "the load balancer had no container that answers", s.live.balancer.Metrics().HttpCodeElb(awselasticloadbalancingv2.HttpCodeElb_ELB_5XX_COUNT, sum()), 5, 2},
	}
}

// addCDNAlarm makes the alarm of CloudFront's errors, whatever they come from. Its metrics
// are in us-east-1 wherever the stack is, and an alarm sees those of its region only.
func (s *builder) addCDNAlarm(action awscloudwatch.IAlarmAction) {
	if s.cdn == nil {
		return
	}
	rate := every(alarmPeriod, "Average")
	// CDK leaves the second one out; without it there is no data.
	rate.DimensionsMap = &map[string]*string{"DistributionId": s.cdn.DistributionId(), "Region": jsii.String("Global")}
	a := alarm{"CdnErrors", "one in twenty of CloudFront's answers has a status of 500 or more", s.cdn.Metric5xxErrorRate(rate), 5, 2}
	made := s.addAlarm(a, action, awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING)
	here := awscdk.NewCfnCondition(s.scope, jsii.String("MetricsOfCloudFront"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionEquals(awscdk.Aws_REGION(), jsii.String("us-east-1")),
	})
	made.Node().DefaultChild().(awscdk.CfnResource).CfnOptions().SetCondition(here)
}
