package config

import (
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Function configures the Lambda functions: those that serve the protocol, and those
// that work in the background. One has no use for all of it, but all of them must agree
// on most. The stack sets what has no default; the AWS_ variables are set by Lambda
// itself.
type Function struct {
	Table            string `env:"TABLE_NAME,required,notEmpty" doc:"DynamoDB table of heads and data"`
	DynamoDBEndpoint string `env:"DYNAMODB_ENDPOINT" doc:"DynamoDB's URL; empty means the region's own"`

	Bucket         string `env:"BUCKET_NAME,required,notEmpty" doc:"bucket of large records and sealed segments, on S3 or R2"`
	BucketEndpoint string `env:"S3_ENDPOINT" doc:"the bucket's S3 API, for R2 https://<account>.r2.cloudflarestorage.com; empty means S3 in the region"`
	BucketRegion   string `env:"S3_REGION" doc:"the bucket's region, 'auto' for R2; empty means AWS_REGION"`
	BucketKey      string `env:"S3_ACCESS_KEY_ID" doc:"access key of the bucket; empty means the function's own credentials"`
	BucketSecret   string `env:"S3_SECRET_ACCESS_KEY" doc:"secret of S3_ACCESS_KEY_ID"`

	Region         string `env:"AWS_REGION,required,notEmpty" doc:"AWS region"`
	AccessKey      string `env:"AWS_ACCESS_KEY_ID" doc:"the function's credentials"`
	SecretKey      string `env:"AWS_SECRET_ACCESS_KEY" doc:"the function's credentials"`
	SessionToken   string `env:"AWS_SESSION_TOKEN" doc:"the function's credentials"`
	CredentialsURI string `env:"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" doc:"where a container gets its credentials instead, as ECS sets it"`

	Secrets
	OriginSecret   string `env:"ORIGIN_SECRET" doc:"what the header X-Origin-Secret of each request must be, as the CDN in front sends it; empty demands nothing"`
	OriginPrevious string `env:"ORIGIN_SECRET_PREVIOUS" doc:"the secret before that, while the CDN changes to the new one"`

	LogLevel          string        `env:"LOG_LEVEL" envDefault:"info" doc:"'debug', 'info' (a line for each request), 'warn' or 'error'"`
	Metrics           string        `env:"METRICS" envDefault:"emf" doc:"'emf' makes log lines CloudWatch metrics as well (at most $15 a month for those of requests); 'off' does not"`
	FlushBeforeAnswer bool          `env:"FLUSH_BEFORE_ANSWER" envDefault:"false" doc:"'true' makes the append that finds its stream's buffer full wait until it has been moved to a chunk, instead of answering first"`
	PollFast          time.Duration `env:"POLL_FAST" envDefault:"50ms" doc:"how often a live reader looks for appends by other processes, right after one"`
	PollIdle          time.Duration `env:"POLL_IDLE" envDefault:"250ms" doc:"how often it looks while nothing happens"`
	LinkBytes         int           `env:"LINK_BYTES" envDefault:"2048" doc:"appends from this size on are stored apart and linked: cheaper, and one or two round trips slower"`
	ObjectBytes       int           `env:"OBJECT_BYTES" envDefault:"16384" doc:"linked records from this size on go to the bucket"`
	Producers         int           `env:"PRODUCERS_PER_HEAD" envDefault:"16" doc:"idempotent producers kept in a stream's head; others get items of their own"`
	RetireAfter       time.Duration `env:"RETIRE_AFTER" envDefault:"24h" doc:"how long records can still be read from the table after they were moved to the bucket"`
	SealIdleAfter     time.Duration `env:"SEAL_IDLE_AFTER" envDefault:"24h" doc:"how long a stream is not used before the sweep moves what is in the table of it to the bucket"`
	SweepItems        int           `env:"SWEEP_ITEMS" envDefault:"2000" doc:"about how many items of the table one sweep looks at; the next one goes on there"`
	SweepObjects      int           `env:"SWEEP_OBJECTS" envDefault:"5000" doc:"about how many objects of the bucket one sweep looks at"`
	SweepLives        int           `env:"SWEEP_LIVES" envDefault:"200" doc:"how many deleted streams one sweep discards the data of"`
	Streams
}

// MetricsOff is the value of METRICS that makes no metrics.
const MetricsOff = "off"

// ReadFunction reads a function's configuration. An error names the variable that is
// wrong.
func ReadFunction(environ map[string]string) (Function, error) {
	c, err := readFunction(environ)
	if err != nil {
		return Function{}, err
	}
	return c, firstError(c.checkCredentials())
}

// readFunction reads all of it but for credentials, which not every process has in its
// environment.
func readFunction(environ map[string]string) (Function, error) {
	var c Function
	if err := parse(environ, &c); err != nil {
		return Function{}, err
	}
	return c, firstError(
		oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("METRICS", c.Metrics, "emf", MetricsOff),
		secret("ORIGIN_SECRET", c.OriginSecret, minSecret),
		secret("ORIGIN_SECRET_PREVIOUS", c.OriginPrevious, minSecret),
		neededFor("ORIGIN_SECRET", c.OriginSecret, "ORIGIN_SECRET_PREVIOUS", c.OriginPrevious),
		together("S3_ACCESS_KEY_ID", c.BucketKey, "S3_SECRET_ACCESS_KEY", c.BucketSecret),
		positive("POLL_FAST", int(c.PollFast)),
		atLeast("POLL_IDLE", int(c.PollIdle), "POLL_FAST", int(c.PollFast)),
		inRange("LINK_BYTES", c.LinkBytes, 1, 48<<10),
		inRange("OBJECT_BYTES", c.ObjectBytes, 1, 256<<10),
		inRange("PRODUCERS_PER_HEAD", c.Producers, 1, 256),
		atLeast("MAX_PRODUCERS", c.MaxProducers, "PRODUCERS_PER_HEAD", c.Producers),
		atLeast("RETIRE_AFTER", int(c.RetireAfter), "1m", int(time.Minute)),
		positive("SEAL_IDLE_AFTER", int(c.SealIdleAfter)),
		positive("SWEEP_ITEMS", c.SweepItems),
		positive("SWEEP_OBJECTS", c.SweepObjects),
		positive("SWEEP_LIVES", c.SweepLives),
		c.Streams.check(),
	)
}

func (c Function) checkCredentials() error {
	if c.CredentialsURI != "" {
		return nil
	}
	return first(
		neededBy("AWS_REGION", "AWS_ACCESS_KEY_ID", c.AccessKey),
		neededBy("AWS_REGION", "AWS_SECRET_ACCESS_KEY", c.SecretKey),
	)
}

// Poll says how live readers learn of appends by other processes.
func (c Function) Poll() stream.Poll { return stream.Poll{Fast: c.PollFast, Idle: c.PollIdle} }

// Sweep bounds one run of the sweep.
func (c Function) Sweep() stream.SweepOptions {
	return stream.SweepOptions{IdleAfter: c.SealIdleAfter, Items: c.SweepItems, Objects: c.SweepObjects, Lives: c.SweepLives}
}
