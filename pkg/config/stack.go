package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Stack configures what is deployed to AWS: `make synth`, `make deploy`. The settings of
// the functions (see [Function]) may be set beside it, and reach all of them; places,
// credentials and secrets are the stack's own business.
type Stack struct {
	Name    string            `env:"STACK_NAME" envDefault:"durable-streams" doc:"name of the CloudFormation stack; a second one beside it has another"`
	Removal string            `env:"REMOVAL_POLICY" envDefault:"retain" doc:"what becomes of table and bucket when the stack is destroyed: 'retain' keeps them, 'destroy' DELETES ALL STREAMS with it, and takes deletion protection off"`
	Tags    map[string]string `env:"TAGS" envKeyValSeparator:"=" doc:"tags of everything in the stack that takes some, but for CloudFront's VPC origin: name=value,name=value"`

	BucketEndpoint string `env:"S3_ENDPOINT" doc:"S3 API of a bucket of yours, for R2 https://<account>.r2.cloudflarestorage.com; empty makes a bucket on S3"`
	Bucket         string `env:"BUCKET_NAME" doc:"the bucket at S3_ENDPOINT, for this stack alone"`
	BucketRegion   string `env:"S3_REGION" envDefault:"auto" doc:"region of the bucket at S3_ENDPOINT, 'auto' for R2"`
	BucketSecret   string `env:"BUCKET_SECRET" doc:"name or ARN of a secret in Secrets Manager with the keys of the bucket at S3_ENDPOINT, as JSON: {\"S3_ACCESS_KEY_ID\":\"...\",\"S3_SECRET_ACCESS_KEY\":\"...\"}"`

	AuthMode    string   `env:"AUTH_MODE" envDefault:"token" doc:"who may use streams: 'token' takes the token that the stack generates, 'jwt' signed tokens (set the AUTH_JWT_ variables too), 'off' ANYBODY who knows the URL"`
	Secrets     string   `env:"SECRETS" doc:"secrets of yours in Secrets Manager for what answers requests, such as AUTH_TOKEN_PREVIOUS or AUTH_JWT_SECRET: NAME=secret,NAME=secret#key, by the secret's ARN or name, and the key of one that is JSON"`
	CloudFront  bool     `env:"CLOUDFRONT" envDefault:"false" doc:"'true' puts CloudFront in front: readers of the same offset share one request"`
	OpenURL     bool     `env:"FUNCTION_URL_OPEN" envDefault:"false" doc:"'true' lets the function's own URL answer beside CLOUDFRONT, while clients change from the one to the other"`
	OriginRound int      `env:"ORIGIN_SECRET_ROUND" envDefault:"1" doc:"which secret CloudFront shows to the function: a number that is raised by one makes a new one, and the one before stays good until it is raised again"`
	HTTPAPI     bool     `env:"HTTP_API" envDefault:"false" doc:"'true' adds an API Gateway HTTP API, which does not stream, beside the function URL"`
	Fargate     bool     `env:"FARGATE" envDefault:"false" doc:"'true' adds containers for live readers, behind a load balancer and CloudFront; needs Docker and CLOUDFRONT=true"`
	Zones       []string `env:"FARGATE_ZONES" doc:"zones of the region for the containers, two or more with commas between them, such as us-east-1a,us-east-1b; empty takes the first two"`
	Tracing     bool     `env:"TRACING" envDefault:"false" doc:"'true' switches X-Ray's active tracing of the functions on"`

	AlarmEmail   string        `env:"ALARM_EMAIL" doc:"address that alarms are sent to, after it was confirmed; empty sends them to the topic only"`
	LogDays      int           `env:"LOG_RETENTION_DAYS" envDefault:"30" doc:"days that logs are kept, as CloudWatch has them: 1, 3, 5, 7, 14, 30, 60, 90, 180, 365"`
	APIMemory    int           `env:"API_MEMORY_MB" envDefault:"256" doc:"memory of the functions that answer requests; processors come in proportion"`
	WorkMemory   int           `env:"WORK_MEMORY_MB" envDefault:"512" doc:"memory of compaction and sweep"`
	SweepEvery   time.Duration `env:"SWEEP_EVERY" envDefault:"5m" doc:"how often the sweep runs, in whole minutes"`
	Reserve      bool          `env:"RESERVED_CONCURRENCY" envDefault:"false" doc:"'true' reserves COMPACT_CONCURRENCY for compaction and 1 for the sweep, so that no wave of requests leaves them without; needs an account that may run 100 functions at once beside"`
	APILimit     int           `env:"API_CONCURRENCY" envDefault:"0" doc:"requests at the same time, live readers included, that each function which answers them works on, at most; more are answered 429; taken from what the account may run; 0 means no limit of its own"`
	CompactLimit int           `env:"COMPACT_CONCURRENCY" envDefault:"10" doc:"compactions at the same time, at most, if concurrency is reserved"`

	// Functions are the settings of the functions that were set.
	Functions map[string]string `env:"-"`
}

// ReadStack reads the stack's configuration. An error names the variable that is wrong.
func ReadStack(environ map[string]string) (Stack, error) {
	var c Stack
	if err := parse(environ, &c); err != nil {
		return Stack{}, err
	}
	c.Functions = make(map[string]string)
	for _, v := range Variables(Function{}) {
		name, _, _ := strings.Cut(v.Name, ",")
		if value, set := environ[name]; set && !ownedByStack(name) {
			c.Functions[name] = value
		}
	}
	return c, firstError(
		matches("STACK_NAME", c.Name, "letters, digits and hyphens, and begin with a letter", validStackName),
		oneOf("REMOVAL_POLICY", c.Removal, "retain", "destroy"),
		oneOf("AUTH_MODE", c.AuthMode, "token", "jwt", "off"),
		c.checkSecrets(),
		c.checkBucket(),
		email("ALARM_EMAIL", c.AlarmEmail),
		oneOfNumbers("LOG_RETENTION_DAYS", c.LogDays, 1, 3, 5, 7, 14, 30, 60, 90, 180, 365),
		inRange("API_MEMORY_MB", c.APIMemory, 128, 10240),
		inRange("WORK_MEMORY_MB", c.WorkMemory, 128, 10240),
		wholeMinutes("SWEEP_EVERY", c.SweepEvery),
		positive("ORIGIN_SECRET_ROUND", c.OriginRound),
		inRange("API_CONCURRENCY", c.APILimit, 0, 100_000),
		inRange("COMPACT_CONCURRENCY", c.CompactLimit, 1, 1000),
		notInTemplate(environ),
		c.checkFunctions(),
		c.checkDoors(),
	)
}

// secrets are never set in a template, which many may read.
func secrets() []string {
	return []string{
		"AUTH_TOKEN", "AUTH_TOKEN_PREVIOUS", "AUTH_JWT_SECRET", "AUTH_JWT_SECRET_PREVIOUS", "AUTH_READER_KEY",
		"ADMIN_TOKEN", "ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS", "S3_SECRET_ACCESS_KEY",
	}
}

// ownedByStack reports whether the stack itself decides what a variable of the functions
// is, or Lambda does.
func ownedByStack(name string) bool {
	places := []string{"TABLE_NAME", "DYNAMODB_ENDPOINT", "BUCKET_NAME", "AUTH_MODE", "SECRETS"}
	return slices.Contains(places, name) || slices.Contains(secrets(), name) ||
		strings.HasPrefix(name, "S3_") || strings.HasPrefix(name, "AWS_")
}

// notInTemplate refuses secrets in the environment.
func notInTemplate(environ map[string]string) error {
	for _, name := range secrets() {
		if environ[name] != "" {
			return fmt.Errorf("%s must not be set here, as everybody who may look at the stack could read it: the stack generates what it needs, in Secrets Manager; for your own there are SECRETS, and BUCKET_SECRET", name)
		}
	}
	return nil
}

// SecretList is what SECRETS names.
func (c Stack) SecretList() ([]Secret, error) {
	environ := maps.Clone(c.Functions)
	if environ == nil {
		environ = make(map[string]string)
	}
	environ["SECRETS"] = c.Secrets
	list, _, err := ReadSecrets(environ)
	return list, err
}

func (c Stack) checkSecrets() error {
	list, err := c.SecretList()
	for _, s := range list {
		generated := slices.Contains([]string{"ADMIN_TOKEN", "ORIGIN_SECRET", "ORIGIN_SECRET_PREVIOUS"}, s.Variable)
		if generated || s.Variable == "AUTH_TOKEN" && c.AuthMode == authToken {
			return fmt.Errorf("SECRETS names %s, which the stack generates", s.Variable)
		}
	}
	return err
}

func (c Stack) checkBucket() error {
	if c.BucketEndpoint == "" {
		return first(
			neededFor("S3_ENDPOINT", c.BucketEndpoint, "BUCKET_NAME", c.Bucket),
			neededFor("S3_ENDPOINT", c.BucketEndpoint, "BUCKET_SECRET", c.BucketSecret),
		)
	}
	return first(
		matches("S3_ENDPOINT", c.BucketEndpoint, "a URL that begins with https://", func(s string) bool { return strings.HasPrefix(s, "https://") }),
		neededBy("S3_ENDPOINT", "BUCKET_NAME", c.Bucket),
		neededBy("S3_ENDPOINT", "S3_REGION", c.BucketRegion),
		neededBy("S3_ENDPOINT", "BUCKET_SECRET", c.BucketSecret),
	)
}

func (c Stack) checkDoors() error {
	if c.Fargate && !c.CloudFront {
		return fmt.Errorf("FARGATE is true: CLOUDFRONT must be too, as it is what sends live readers to the containers")
	}
	if len(c.Zones) == 1 || len(c.Zones) > 1 && !c.Fargate {
		return fmt.Errorf("FARGATE_ZONES must be two zones at least, and only with FARGATE=true")
	}
	if c.OpenURL && !c.CloudFront {
		return fmt.Errorf("FUNCTION_URL_OPEN is true: CLOUDFRONT must be too, as the function's URL is open without it")
	}
	streams := c.Streams()
	return first(
		// A function runs for a quarter of an hour at most, and needs some of it to answer.
		shorter("LONG_POLL_WAIT", streams.LongPollWait, 14*time.Minute, "Lambda ends a request"),
		shorter("SSE_LIFETIME", streams.SSELifetime, 14*time.Minute, "Lambda ends a request"),
		shorterIf(c.CloudFront, "LONG_POLL_WAIT", streams.LongPollWait, time.Minute, "CLOUDFRONT is true, which gives up a silent function"),
		shorterIf(c.CloudFront, "SSE_LIFETIME", streams.SSELifetime, time.Minute, "CLOUDFRONT is true, which gives up a silent function"),
		shorterIf(c.HTTPAPI, "LONG_POLL_WAIT", streams.LongPollWait, 28*time.Second, "HTTP_API is true, which gives up a function"),
	)
}

func shorterIf(needed bool, name string, d, limit time.Duration, why string) error {
	if !needed {
		return nil
	}
	return shorter(name, d, limit, why)
}

func shorter(name string, d, limit time.Duration, why string) error {
	if d >= limit {
		return fmt.Errorf("%s is %v: it must be shorter than %v, as %s after about that time", name, d, limit, why)
	}
	return nil
}

// Streams are the limits and times that the functions will have.
func (c Stack) Streams() Streams {
	var streams Streams
	if err := parse(c.Functions, &streams); err != nil {
		return Streams{} // ReadStack refuses it
	}
	return streams
}

// LongestWait is how long a request may wait for data.
func (c Stack) LongestWait() time.Duration {
	return max(c.Streams().LongPollWait, c.Streams().SSELifetime)
}
