package config

import "time"

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

	Function       string        `env:"LAMBDA_FUNCTION" envDefault:"api" doc:"'api' answers as a streaming function URL, 'apibuffered' as an API Gateway HTTP API; 'compact' and 'sweep' can be run by one event only (make invoke)"`
	Bin            string        `env:"LAMBDA_BIN" envDefault:"./bin" doc:"directory of the bootstraps, one folder for each function"`
	StreamFunction string        `env:"LAMBDA_STREAM_FUNCTION" envDefault:"compact" doc:"the function that gets the changes of the table, as from an event source mapping; 'none' switches it off"`
	StreamFilter   string        `env:"LAMBDA_STREAM_FILTER" doc:"event pattern of the changes that it gets; empty means the ends of segments for 'compact', and all for another function"`
	StreamRetries  int           `env:"LAMBDA_STREAM_RETRIES" envDefault:"5" doc:"how often changes that it failed on are tried again before they are put into DATA_DIR/dead-letters.jsonl; -1 means without end"`
	SweepEvery     time.Duration `env:"LAMBDA_SWEEP_EVERY" envDefault:"1m" doc:"how often the function 'sweep' runs; 0 switches it off"`
	Concurrency    int           `env:"LAMBDA_CONCURRENCY" envDefault:"100" doc:"processes at most; each serves one request at a time"`
	Spread         int           `env:"LAMBDA_SPREAD" envDefault:"4" doc:"processes that are started although others are idle, so that requests meet several"`
	MaxRequests    int           `env:"LAMBDA_MAX_REQUESTS" envDefault:"1000" doc:"requests after which a process is replaced; 0 means never"`
	MaxIdle        time.Duration `env:"LAMBDA_MAX_IDLE" envDefault:"1m" doc:"how long an idle process is kept"`
	Timeout        time.Duration `env:"LAMBDA_TIMEOUT" envDefault:"65s" doc:"how long a request may take"`
	MemoryMB       int           `env:"LAMBDA_MEMORY_MB" envDefault:"128" doc:"memory that the function is told it has"`
	LogLevel       string        `env:"LOG_LEVEL" envDefault:"warn" doc:"'debug', 'info' (a line for each request), 'warn' or 'error'"`
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
		inRange("LAMBDA_STREAM_RETRIES", c.StreamRetries, -1, 10_000),
		notNegative("LAMBDA_SWEEP_EVERY", int(c.SweepEvery)),
		positive("LAMBDA_CONCURRENCY", c.Concurrency),
		inRange("LAMBDA_SPREAD", c.Spread, 0, c.Concurrency),
		notNegative("LAMBDA_MAX_REQUESTS", c.MaxRequests),
		notNegative("LAMBDA_MAX_IDLE", int(c.MaxIdle)),
		positive("LAMBDA_TIMEOUT", int(c.Timeout)),
		positive("LAMBDA_MEMORY_MB", c.MemoryMB),
		oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
	)
}

// FunctionEnv returns the environment that the host gives its functions: its own
// settings, and those of the protocol that were set for it.
func (c LambdaHost) FunctionEnv(environ map[string]string, dynamoDB, s3 string) map[string]string {
	vars := make(map[string]string)
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
