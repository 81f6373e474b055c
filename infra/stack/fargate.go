package stack

import (
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
)

const (
	// liveCPU and liveMemory are the smallest container but one: a watcher of a stream is
	// a few kilobytes, so that one holds thousands of readers.
	liveCPU, liveMemory = 512, 1024
	// liveTasks is how many there are at least: one for each of two zones. liveMost is
	// how many there may be under load.
	liveTasks, liveMost = 2, 10
	// liveOrigin is the name of the containers among CloudFront's origins.
	liveOrigin = "live"
	// liveLoad is the part of their processors, in percent, at which there are more.
	liveLoad = 60
)

// containers are what answers live reads, and what is in front of it.
type containers struct {
	service  awsecs.FargateService
	balancer awselasticloadbalancingv2.ApplicationLoadBalancer
	group    awselasticloadbalancingv2.ApplicationTargetGroup
}

// newLive makes containers that answer live reads, and returns the origin of CloudFront that
// they are. A reader that waits costs a whole process of Lambda, and next to nothing of a
// container that holds thousands; containers cost the same at night. They share table and
// bucket with the functions, and need nothing of each other: a reader may meet another one
// each time.
//
// The load balancer is inside, where only CloudFront reaches it (a VPC origin). The
// containers have public addresses, to which nobody may connect: without those, a gateway
// for what they ask of Amazon would cost more than they do.
func (s *builder) newLive() awscloudfront.IOrigin {
	vpc := s.newNetwork()
	service := s.newService(vpc)
	longest := seconds(s.settings.LongestWait() + answerTime)
	balancer := awselasticloadbalancingv2.NewApplicationLoadBalancer(s.scope, jsii.String("Live"), &awselasticloadbalancingv2.ApplicationLoadBalancerProps{
		Vpc:                     vpc,
		VpcSubnets:              &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
		IdleTimeout:             longest,
		DropInvalidHeaderFields: jsii.Bool(true),
	})
	named(balancer, "Live")
	// From everywhere, as far as there is a way to it.
	listener := balancer.AddListener(jsii.String("Http"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
		Port: jsii.Number(80), Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP, Open: jsii.Bool(true),
	})
	group := listener.AddTargets(jsii.String("Containers"), &awselasticloadbalancingv2.AddApplicationTargetsProps{
		Port: jsii.Number(boot.ContainerPort), Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP,
		Targets:             &[]awselasticloadbalancingv2.IApplicationLoadBalancerTarget{service},
		HealthCheck:         &awselasticloadbalancingv2.HealthCheck{Path: jsii.String(boot.HealthPath)},
		DeregistrationDelay: longest,
	})
	s.live = &containers{service, balancer, group}
	return awscloudfrontorigins.VpcOrigin_WithApplicationLoadBalancer(balancer, &awscloudfrontorigins.VpcOriginWithEndpointProps{
		OriginId:       jsii.String(liveOrigin),
		ProtocolPolicy: awscloudfront.OriginProtocolPolicy_HTTP_ONLY,
		CustomHeaders:  s.originHeader(),
		ReadTimeout:    seconds(originSilence),
	})
}

// newNetwork makes a network of two zones, or those of the settings, with the containers,
// and with the load balancer where nothing leads out. What goes to table and bucket stays inside Amazon's network.
func (s *builder) newNetwork() awsec2.Vpc {
	props := &awsec2.VpcProps{
		NatGateways: jsii.Number(0),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("containers"), SubnetType: awsec2.SubnetType_PUBLIC, CidrMask: jsii.Number(24)},
			{Name: jsii.String("balancer"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED, CidrMask: jsii.Number(24)},
		},
		GatewayEndpoints: &map[string]*awsec2.GatewayVpcEndpointOptions{
			"Table":  {Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()},
			"Bucket": {Service: awsec2.GatewayVpcEndpointAwsService_S3()},
		},
		RestrictDefaultSecurityGroup: jsii.Bool(false), // it would need a function of CDK's own
	}
	if len(s.settings.Zones) > 0 {
		props.AvailabilityZones = jsii.Strings(s.settings.Zones...)
	} else {
		props.MaxAzs = jsii.Number(2)
	}
	vpc := awsec2.NewVpc(s.scope, jsii.String("Network"), props)
	named(vpc, "Network")
	vpc.AddFlowLog(jsii.String("Refused"), &awsec2.FlowLogOptions{
		TrafficType: awsec2.FlowLogTrafficType_REJECT,
		Destination: awsec2.FlowLogDestination_ToCloudWatchLogs(s.newLog("NetworkLog"), nil),
	})
	return vpc
}

// newService makes the containers, with the rights of the function that answers requests.
func (s *builder) newService(vpc awsec2.Vpc) awsecs.FargateService {
	role := awsiam.NewRole(s.scope, jsii.String("ContainerRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
	named(role, "ContainerRole")
	s.grant(role, answering())
	environment := s.environment(role, append(s.vault.answering(), originSecrets()...))
	for name, value := range s.authorisation() {
		environment[name] = value
	}
	environment["AWS_REGION"] = awscdk.Aws_REGION()
	environment["GOMEMLIMIT"] = jsii.String(strconv.Itoa(liveMemory*3/4) + "MiB")
	task := awsecs.NewFargateTaskDefinition(s.scope, jsii.String("Container"), &awsecs.FargateTaskDefinitionProps{
		Cpu: jsii.Number(liveCPU), MemoryLimitMiB: jsii.Number(liveMemory), TaskRole: role,
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture:       awsecs.CpuArchitecture_ARM64(),
			OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	named(task, "Container")
	task.AddContainer(jsii.String("server"), &awsecs.ContainerDefinitionOptions{
		Image: awsecs.ContainerImage_FromAsset(&s.sources.Repository, &awsecs.AssetImageProps{
			File:     jsii.String("functions/container/Dockerfile"),
			Platform: awsecrassets.Platform_LINUX_ARM64(),
			Exclude:  jsii.Strings("*", "!go.mod", "!go.sum", "!functions", "!pkg"),
		}),
		Environment:            &environment,
		ReadonlyRootFilesystem: jsii.Bool(true),
		StopTimeout:            seconds(min(s.settings.LongestWait()+answerTime, 2*time.Minute)),
		PortMappings:           &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(boot.ContainerPort)}},
		Logging:                awsecs.LogDrivers_AwsLogs(&awsecs.AwsLogDriverProps{StreamPrefix: jsii.String("live"), LogGroup: s.newLog("ContainerLog")}),
	})
	cluster := awsecs.NewCluster(s.scope, jsii.String("Cluster"), &awsecs.ClusterProps{Vpc: vpc})
	named(cluster, "Cluster")
	// How many there are is said by the scaling alone: a number here would take back, with each
	// deployment, what it added.
	service := awsecs.NewFargateService(s.scope, jsii.String("LiveService"), &awsecs.FargateServiceProps{
		Cluster: cluster, TaskDefinition: task, AssignPublicIp: jsii.Bool(true),
		VpcSubnets:        &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PUBLIC},
		MinHealthyPercent: jsii.Number(100),
		CircuitBreaker:    &awsecs.DeploymentCircuitBreaker{Rollback: jsii.Bool(true)},
	})
	scaling := service.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{MinCapacity: jsii.Number(liveTasks), MaxCapacity: jsii.Number(liveMost)})
	scaling.ScaleOnCpuUtilization(jsii.String("Load"), &awsecs.CpuUtilizationScalingProps{TargetUtilizationPercent: jsii.Number(liveLoad)})
	return service
}
