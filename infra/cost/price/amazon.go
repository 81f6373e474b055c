package price

// The price pages of Amazon's services.
const (
	dynamoDBPage   = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
	lambdaPage     = "https://aws.amazon.com/lambda/pricing/"
	s3Page         = "https://aws.amazon.com/s3/pricing/"
	transferPage   = "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer"
	cloudWatchPage = "https://aws.amazon.com/cloudwatch/pricing/"
	secretsPage    = "https://aws.amazon.com/secrets-manager/pricing/"
	cloudFrontPage = "https://aws.amazon.com/cloudfront/pricing/pay-as-you-go/"
	fargatePage    = "https://aws.amazon.com/fargate/pricing/"
	elbPage        = "https://aws.amazon.com/elasticloadbalancing/pricing/"
	vpcPage        = "https://aws.amazon.com/vpc/pricing/"
	kinesisPage    = "https://aws.amazon.com/kinesis/data-streams/pricing/"
)

// Amazon is the part of the list for us-east-1.
type Amazon struct {
	DynamoDB   DynamoDB
	Lambda     Lambda
	S3         Bucket
	Internet   Price
	CloudWatch CloudWatch
	Secret     Price
	CloudFront CloudFront
	Fargate    Fargate
	Kinesis    Kinesis
}

// The prices of each service.
type (
	// DynamoDB is a table of the standard class that is paid by request. What Lambda reads
	// of its change stream costs nothing, and neither does what its TTL removes.
	DynamoDB struct{ Write, Read, Storage, Recovery Price }
	// Lambda is on arm64. Streamed responses cost more only beyond 6 MB each.
	Lambda struct{ Request, Compute Price }
	// Bucket is standard storage, on S3 or R2. Deleting costs nothing.
	Bucket     struct{ Put, Get, Storage Price }
	CloudWatch struct{ Ingest, Storage, Metric, Alarm, Dashboard Price }
	// CloudFront runs a small program for each request, too.
	CloudFront struct{ Request, Program, Transfer Price }
	// Fargate is on arm64, with the load balancer that it needs.
	Fargate struct{ CPU, Memory, Balancer, BalancerUnit, Address Price }
	// Kinesis is on-demand, standard mode.
	Kinesis struct{ Stream, Ingest, Read, Week, Year Price }
)

// List returns Amazon's prices.
func List() Amazon {
	return Amazon{
		DynamoDB: DynamoDB{
			Write:    Price{"DynamoDB", "write units", 0.625, million, "write units", dynamoDBPage, readFromList},
			Read:     Price{"DynamoDB", "read units", 0.125, million, "read units", dynamoDBPage, readFromList},
			Storage:  Price{"DynamoDB", "storage", 0.25, 1, "GB-month", dynamoDBPage, quoted},
			Recovery: Price{"DynamoDB", "point-in-time recovery", 0.20, 1, "GB-month", dynamoDBPage, quoted},
		},
		Lambda: Lambda{
			Request: Price{"Lambda", "requests", 0.20, million, "requests", lambdaPage, quoted},
			Compute: Price{"Lambda", "compute, arm64", 13.3334, million, "GB-seconds", lambdaPage, quoted},
		},
		S3: Bucket{
			Put:     Price{"S3", "PUT, LIST", 5, million, "requests", s3Page, readFromList},
			Get:     Price{"S3", "GET", 0.4, million, "requests", s3Page, readFromList},
			Storage: Price{"S3", "storage", 0.023, 1, "GB-month", s3Page, agreed},
		},
		Internet: Price{"Data transfer", "out to the internet", 0.09, 1, "GB", transferPage, agreed},
		CloudWatch: CloudWatch{
			Ingest:    Price{"CloudWatch", "logs, taken in", 0.50, 1, "GB", cloudWatchPage, agreed},
			Storage:   Price{"CloudWatch", "logs, kept", 0.03, 1, "GB-month", cloudWatchPage, agreed},
			Metric:    Price{"CloudWatch", "metrics of our own", 0.30, 1, "metric-month", cloudWatchPage, agreed},
			Alarm:     Price{"CloudWatch", "alarms", 0.10, 1, "alarm-month", cloudWatchPage, agreed},
			Dashboard: Price{"CloudWatch", "dashboards", 3, 1, "dashboard-month", cloudWatchPage, agreed},
		},
		Secret: Price{"Secrets Manager", "secrets", 0.40, 1, "secret-month", secretsPage, agreed},
		CloudFront: CloudFront{
			Request:  Price{"CloudFront", "HTTPS requests", 1, million, "requests", cloudFrontPage, agreed},
			Program:  Price{"CloudFront", "runs at the edge", 0.10, million, "runs", cloudFrontPage, agreed},
			Transfer: Price{"CloudFront", "out to the internet", 0.085, 1, "GB", cloudFrontPage, agreed},
		},
		Fargate: Fargate{
			CPU:          Price{"Fargate", "vCPU, arm64", 0.03238, 1, "vCPU-hour", fargatePage, quoted},
			Memory:       Price{"Fargate", "memory, arm64", 0.00356, 1, "GB-hour", fargatePage, quoted},
			Balancer:     Price{"Load balancer", "ALB", 0.0225, 1, "hour", elbPage, agreed},
			BalancerUnit: Price{"Load balancer", "capacity units", 0.008, 1, "LCU-hour", elbPage, agreed},
			Address:      Price{"VPC", "public IPv4 addresses", 0.005, 1, "address-hour", vpcPage, agreed},
		},
		Kinesis: Kinesis{
			Stream: Price{"Kinesis", "stream, on demand", 0.04, 1, "stream-hour", kinesisPage, notVerified},
			Ingest: Price{"Kinesis", "data in", 0.08, 1, "GB", kinesisPage, notVerified},
			Read:   Price{"Kinesis", "data out", 0.04, 1, "GB", kinesisPage, notVerified},
			Week:   Price{"Kinesis", "kept from 1 to 7 days", 0.10, 1, "GB-month", kinesisPage, notVerified},
			Year:   Price{"Kinesis", "kept beyond 7 days", 0.023, 1, "GB-month", kinesisPage, notVerified},
		},
	}
}
