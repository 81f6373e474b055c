package config

import (
	"fmt"
	"time"
)

// Soak configures the test under a steady load (`make soak`).
type Soak struct {
	BaseURL    string        `env:"BASE_URL" doc:"the server to load, such as https://streams.example.com; empty starts the local one, or the Lambda host with SERVER=lambda"`
	Time       time.Duration `env:"SOAKTIME" envDefault:"1h" doc:"for how long"`
	Rate       int           `env:"RATE" envDefault:"200" doc:"requests that are begun each second, whether or not those before were answered"`
	Streams    int           `env:"SOAK_STREAMS" envDefault:"32" doc:"streams at a time; each lives a minute and a half, and is deleted or left to its TTL"`
	Readers    int           `env:"SOAK_READERS" envDefault:"20" doc:"readers that follow streams all the time, half by long-poll and half by SSE"`
	Interval   time.Duration `env:"SOAK_INTERVAL" envDefault:"10s" doc:"how often a row is printed"`
	JSON       string        `env:"SOAK_JSON" doc:"file that all rows and the verdict are written to; empty means none"`
	AdminToken string        `env:"ADMIN_TOKEN" doc:"the server's, to ask it for its goroutines; empty leaves them out"`
	ServerPID  int           `env:"SERVER_PID" envDefault:"0" doc:"set by localstack/acceptance/with-server.sh: the process whose memory and files are watched, with those that it started"`
	ServerData string        `env:"SERVER_DATA" doc:"set by localstack/acceptance/with-server.sh: the directory whose size is watched"`
}

// ReadSoak reads the configuration of the test under load. An error names the variable
// that is wrong.
func ReadSoak(environ map[string]string) (Soak, error) {
	var c Soak
	if err := parse(environ, &c); err != nil {
		return Soak{}, err
	}
	return c, firstError(
		webURL("BASE_URL", c.BaseURL),
		longEnough("SOAKTIME", c.Time, time.Second),
		inRange("RATE", c.Rate, 1, 100_000),
		inRange("SOAK_STREAMS", c.Streams, 1, 10_000),
		inRange("SOAK_READERS", c.Readers, 0, 10_000),
		longEnough("SOAK_INTERVAL", c.Interval, 100*time.Millisecond),
	)
}

func longEnough(name string, d, least time.Duration) error {
	if d < least {
		return fmt.Errorf("%s is %v: it must be %v at least", name, d, least)
	}
	return nil
}
