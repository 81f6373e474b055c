package config

import (
	"fmt"
	"net/url"
)

// Perf configures the check of latencies (`make perf`).
type Perf struct {
	BaseURL     string  `env:"PERF_BASE_URL" doc:"the server to measure, such as https://streams.example.com; empty starts the local one"`
	StartedURL  string  `env:"BASE_URL" doc:"set by localstack/acceptance/with-server.sh, which starts the local server"`
	Iterations  int     `env:"PERF_ITERATIONS" envDefault:"25" doc:"how often each is measured"`
	BudgetMS    float64 `env:"PERF_BUDGET_MS" envDefault:"10" doc:"what 95 of 100 may take at most, in milliseconds"`
	Enforce     string  `env:"PERF_ENFORCE" doc:"'1' fails if the budget is exceeded, '0' does not; empty means 1 with PERF_BASE_URL, and 0 without"`
	PollTimeout bool    `env:"PERF_LONGPOLL_TIMEOUT" envDefault:"false" doc:"'1' also measures one long-poll that nothing comes for"`
}

// ReadPerf reads the configuration of the check. An error names the variable that is wrong.
func ReadPerf(environ map[string]string) (Perf, error) {
	var c Perf
	if err := parse(environ, &c); err != nil {
		return Perf{}, err
	}
	return c, firstError(
		webURL("PERF_BASE_URL", c.Target()),
		inRange("PERF_ITERATIONS", c.Iterations, 1, 1_000_000),
		positive("PERF_BUDGET_MS", int(c.BudgetMS*1000)),
		oneOf("PERF_ENFORCE", c.Enforce, "", "0", "1"),
	)
}

// Target is the URL of the server to measure.
func (c Perf) Target() string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	return c.StartedURL
}

// Enforced says whether exceeding the budget is a failure.
func (c Perf) Enforced() bool { return c.Enforce == "1" || c.Enforce == "" && c.BaseURL != "" }

func webURL(name, value string) error {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return fmt.Errorf("%s is %q: it must be a URL such as http://127.0.0.1:4437", name, value)
	}
	return nil
}
