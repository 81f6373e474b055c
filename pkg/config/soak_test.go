package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func TestSoak(t *testing.T) {
	c, err := config.ReadSoak(map[string]string{"BASE_URL": "http://127.0.0.1:1", "SOAKTIME": "15m"})
	if err != nil || c.Time != 15*time.Minute || c.Rate != 200 || c.Interval != 10*time.Second || c.ServerPID != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for name, wrong := range map[string][]string{
		"BASE_URL": {"", "localhost:80"}, "SOAKTIME": {"1", "0s"}, "RATE": {"0", "fast"}, "SOAK_STREAMS": {"0"},
		"SOAK_READERS": {"-1"}, "SOAK_INTERVAL": {"1ms"}, "SERVER_PID": {"x"},
	} {
		for _, value := range wrong {
			environ := map[string]string{"BASE_URL": "http://127.0.0.1:1"}
			environ[name] = value
			if _, err := config.ReadSoak(environ); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}
