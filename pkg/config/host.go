package config

import (
	"maps"
	"time"
)

// LambdaHost configures the local Lambda host. What it does not read itself it passes
// on to the functions: see [Function].
type LambdaHost struct {
	Host      string `env:"HOST" envDefault:"127.0.0.1" doc:"address to listen on; anything but loopback is open to the network: set AUTH_MODE, too"`
	Port      int    `env:"PORT" envDefault:"4437" doc:"TCP port to listen on; 0 picks a free one"`
	DataDir   string `env:"DATA_DIR" envDefault:"./.data/lambda" doc:"directory of the stand-ins for DynamoDB and S3"`
	DynamoDB  string `env:"DYNAMODB_ENDPOINT" doc:"URL of another DynamoDB to use, such as LocalStack's or Amazon's; empty starts a stand-in"`
	S3        string `env:"S3_ENDPOINT" doc:"URL of another S3 API to use; empty starts a stand-in"`
	Table     string `env:"TABLE_NAME" envDefault:"durable-streams" doc:"DynamoDB table; created if it is not there"`
	Bucket    string `env:"BUCKET_NAME" envDefault:"durable-streams" doc:"bucket; created if it is not there"`
	Region    string `env:"AWS_REGION" envDefault:"us-east-1" doc:"AWS region"`
	AccessKey string `env:"AWS_ACCESS_KEY_ID" envDefault:"local" doc:"credentials; stand-ins take any"`
	SecretKey string `env:"AWS_SECRET_ACCESS_KEY" envDefault:"local" doc:"credentials; stand-ins take any"`
	Token     string `env:"AWS_SESSION_TOKEN" doc:"credentials; stand-ins take any"`

	Function       string         `env:"LAMBDA_FUNCTION" envDefault:"api" doc:"'api' answers as a streaming function URL, 'apibuffered' as an API Gateway HTTP API; 'compact' and 'sweep' can be run by one event only (make invoke)"`
	Template       string         `env:"LAMBDA_TEMPLATE" envDefault:"infra/stack/testdata/default.template.json" doc:"template of the stack: functions run with the memory, times, environment and events that it gives them"`
	Bin            string         `env:"LAMBDA_BIN" envDefault:"./bin" doc:"directory of the bootstraps, one folder for each function"`
	StreamFunction string         `env:"LAMBDA_STREAM_FUNCTION" envDefault:"compact" doc:"the function that gets the changes of the table, as from an event source mapping; 'none' switches it off"`
	StreamFilter   string         `env:"LAMBDA_STREAM_FILTER" doc:"event pattern of the changes that it gets; empty means those of the template for 'compact', and all for another function"`
	StreamRetries  *int           `env:"LAMBDA_STREAM_RETRIES" doc:"how often changes that it failed on are tried again before they are put into DATA_DIR/dead-letters.jsonl; -1 means without end, empty what the template says"`
	SweepEvery     *time.Duration `env:"LAMBDA_SWEEP_EVERY" doc:"how often the function 'sweep' runs; 0 switches it off, empty means what the template says"`
	Concurrency    int            `env:"LAMBDA_CONCURRENCY" envDefault:"100" doc:"processes at most; each serves one request at a time"`
	Spread         int            `env:"LAMBDA_SPREAD" envDefault:"4" doc:"processes that are started although others are idle, so that requests meet several"`
	MaxRequests    int            `env:"LAMBDA_MAX_REQUESTS" envDefault:"1000" doc:"requests after which a process is replaced; 0 means never"`
	MaxIdle        time.Duration  `env:"LAMBDA_MAX_IDLE" envDefault:"1m" doc:"how long an idle process is kept"`
	Timeout        *time.Duration `env:"LAMBDA_TIMEOUT" doc:"how long a request may take; empty means what the template says"`
	MemoryMB       *int           `env:"LAMBDA_MEMORY_MB" doc:"memory that the function which answers is told it has; empty means what the template says"`
	LogLevel       string         `env:"LOG_LEVEL" envDefault:"warn" doc:"'debug', 'info' (a line for each request), 'warn' or 'error'"`
}

// ReadLambdaHost reads the local Lambda host's configuration. An error names the
// variable that is wrong.
func ReadLambdaHost(environ map[string]string) (LambdaHost, error) {
	var c LambdaHost
	if err := parse(environ, &c); err != nil {
		return LambdaHost{}, err
	}
	return c, firstError(
		inRange("PORT", c.Port, 0, 65535),
		oneOf("LAMBDA_FUNCTION", c.Function, "api", "apibuffered", "compact", "sweep"),
		ifSet(c.StreamRetries, func(n int) error { return inRange("LAMBDA_STREAM_RETRIES", n, -1, 10_000) }),
		ifSet(c.SweepEvery, func(d time.Duration) error { return notNegative("LAMBDA_SWEEP_EVERY", int(d)) }),
		positive("LAMBDA_CONCURRENCY", c.Concurrency),
		inRange("LAMBDA_SPREAD", c.Spread, 0, c.Concurrency),
		notNegative("LAMBDA_MAX_REQUESTS", c.MaxRequests),
		notNegative("LAMBDA_MAX_IDLE", int(c.MaxIdle)),
		ifSet(c.Timeout, func(d time.Duration) error { return positive("LAMBDA_TIMEOUT", int(d)) }),
		ifSet(c.MemoryMB, func(n int) error { return positive("LAMBDA_MEMORY_MB", n) }),
		oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
	)
}

// ifSet checks a variable that has no default.
func ifSet[T any](value *T, check func(T) error) error {
	if value == nil {
		return nil
	}
	return check(*value)
}

// FunctionEnv returns the environment that the host gives a function: what it is deployed
// with, what was set for it here, which goes first, and the host's own stores. The tokens of
// a stack are in its secrets, which are not here: so nobody needs one, unless it was set.
func (c LambdaHost) FunctionEnv(deployed, environ map[string]string, dynamoDB, s3 string) map[string]string {
	vars := make(map[string]string)
	maps.Copy(vars, deployed)
	vars["AUTH_MODE"] = "off"
	for _, v := range Variables(Function{}) {
		if value, set := environ[v.Name]; set && v.Name != "AWS_REGION" {
			vars[v.Name] = value
		}
	}
	for name, value := range map[string]string{
		"TABLE_NAME": c.Table, "BUCKET_NAME": c.Bucket,
		"DYNAMODB_ENDPOINT": dynamoDB, "S3_ENDPOINT": s3,
		"AWS_ACCESS_KEY_ID": c.AccessKey, "AWS_SECRET_ACCESS_KEY": c.SecretKey, "AWS_SESSION_TOKEN": c.Token,
		"LOG_LEVEL": c.LogLevel,
	} {
		vars[name] = value
	}
	return vars
}
