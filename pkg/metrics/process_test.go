package metrics_test

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/metrics"
)

// TestProcess: the gauges follow the registry, and move with the process.
func TestProcess(t *testing.T) {
	var r metrics.Registry
	read := func(name string) int {
		t.Helper()
		var b bytes.Buffer
		n, err := metrics.Process{Registry: &r}.WriteTo(&b)
		if err != nil || n != int64(b.Len()) || !strings.HasPrefix(b.String(), text(t, &r)) {
			t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
		}
		m := regexp.MustCompile(`(?m)^# TYPE ` + name + ` gauge\n` + name + ` (\d+)$`).FindStringSubmatch(b.String())
		if m == nil {
			t.Fatalf("no %s in:\n%s", name, &b)
		}
		value, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	before := read("go_goroutines")
	end := make(chan struct{})
	defer close(end)
	for range 100 {
		go func() { <-end }()
	}
	if after := read("go_goroutines"); after < before+100 {
		t.Errorf("%d goroutines became %d", before, after)
	}
	for _, name := range []string{"go_memstats_heap_alloc_bytes", "go_memstats_sys_bytes"} {
		if read(name) < 1<<16 {
			t.Errorf("%s is %d", name, read(name))
		}
	}
	read("go_memstats_heap_released_bytes")
}
