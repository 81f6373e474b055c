package config_test

import (
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestPerf(t *testing.T) {
	const here, there = "http://127.0.0.1:1", "https://streams.example.com"
	for _, c := range []struct {
		environ  map[string]string
		target   string
		enforced bool
	}{
		{map[string]string{"BASE_URL": here}, here, false},
		{map[string]string{"BASE_URL": here, "PERF_ENFORCE": "1"}, here, true},
		{map[string]string{"BASE_URL": here, "PERF_BASE_URL": there}, there, true},
		{map[string]string{"PERF_BASE_URL": there, "PERF_ENFORCE": "0"}, there, false},
	} {
		got, err := config.ReadPerf(c.environ)
		if err != nil || got.Target() != c.target || got.Enforced() != c.enforced {
			t.Errorf("%v: %s, enforced %v, %v", c.environ, got.Target(), got.Enforced(), err)
		}
		if got.Iterations != 25 || got.BudgetMS != 10 || got.PollTimeout {
			t.Errorf("%v: %+v", c.environ, got)
		}
	}
	for name, wrong := range map[string]string{
		"PERF_BASE_URL": "localhost:80", "PERF_ITERATIONS": "0", "PERF_BUDGET_MS": "0", "PERF_ENFORCE": "yes", "PERF_LONGPOLL_TIMEOUT": "x",
	} {
		environ := map[string]string{"BASE_URL": here, name: wrong}
		if _, err := config.ReadPerf(environ); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, wrong, err)
		}
	}
}
