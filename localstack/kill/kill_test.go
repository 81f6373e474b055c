package kill

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/linear"
)

var (
	killTime = flag.Duration("killtime", 3*time.Second, "how long each system is under load while processes of it are killed")
	seed     = flag.Uint64("seed", 0, "decides what clients do and when kills come, as far as the machine lets it; 0 means another one each time")
)

// binVariable tells the tests where TestMain has put the programs.
const binVariable = "KILL_UNDER_TEST"

func binary(name string) string { return filepath.Join(os.Getenv(binVariable), "programs", name) }

// TestMain builds the programs as users run them, without the race detector.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "kill")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		os.Setenv(binVariable, dir)
		if err := os.Mkdir(filepath.Join(dir, "programs"), 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		builds := [][]string{{"-o", filepath.Join(dir, "programs"), "../server", "../lambda", "../fsck"}}
		for _, function := range []string{"api", "compact", "sweep"} {
			builds = append(builds, []string{"-tags", "lambda.norpc", "-o", filepath.Join(dir, function, "bootstrap"), "../../functions/" + function})
		}
		for _, args := range builds {
			if out, err := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...).CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
				return 1
			}
		}
		return m.Run()
	}())
}

var errNothingToKill = errors.New("there is nothing to kill")

// settle is how long all may take that is to end when the kills have.
const settle = 2 * time.Minute

// How many clients there are.
const (
	walkers   = 3 // groups of streams at a time
	perGroup  = 3 // clients of each
	steps     = 14
	ledgers   = 2
	histories = "durable-streams-kill" // a folder for those that are not linearizable
)

func TestKills(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	for _, s := range systems {
		t.Run(s.name, func(t *testing.T) { test(t, s) })
	}
}

// test puts a system under load, kills, and compares.
func test(t *testing.T, s system) {
	r := s.start(t)
	load := newLoad(r)
	ctx, cancel := context.WithTimeout(t.Context(), *killTime+settle)
	defer cancel()
	writing, stop := context.WithTimeout(ctx, *killTime)
	defer stop()
	var all sync.WaitGroup
	for i := range ledgers {
		l := newLedger(r.url, i)
		load.ledgers = append(load.ledgers, l)
		all.Go(func() {
			if err := l.run(ctx, writing, load.client); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range walkers {
		all.Go(func() { load.walk(ctx, writing, i) })
	}
	kills := 0
	for random := rand.New(rand.NewPCG(*seed, 1)); load.goOn(writing, random); {
		switch err := r.kill(r, random); {
		case err == nil:
			kills++
		case !errors.Is(err, errNothingToKill):
			t.Error(err)
			cancel()
		}
	}
	all.Wait()
	load.check(t, ctx)
	r.fsck(t)
	t.Logf("%d kills in %v", kills, *killTime)
	if kills == 0 {
		t.Error("nothing was killed")
	}
}

// patient has clients that find nobody at home try again a little later, not at once.
type patient struct{ *http.Transport }

// RoundTrip implements [http.RoundTripper].
func (p patient) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.Transport.RoundTrip(r)
	if err != nil {
		time.Sleep(20 * time.Millisecond)
	}
	return response, err
}

// load is what clients do.
type load struct {
	*running
	client  *http.Client
	history *linear.History
	ledgers []*ledger

	mu     sync.Mutex
	groups [][]string
	steps  atomic.Int64
}

func newLoad(r *running) *load {
	began := time.Now()
	return &load{
		running: r,
		client:  &http.Client{Timeout: 20 * time.Second, Transport: patient{&http.Transport{MaxIdleConnsPerHost: 40}}},
		history: linear.NewHistory(func() int64 { return int64(time.Since(began)) }),
	}
}

// goOn returns when it is time for the next kill: after a random time and so many steps, however
// slow the machine is. It reports false if writing has ended.
func (l *load) goOn(writing context.Context, random *rand.Rand) bool {
	enough := l.steps.Load() + 1 + random.Int64N(20)
	pause := time.NewTimer(time.Duration(random.Int64N(int64(l.pause))))
	defer pause.Stop()
	for {
		select {
		case <-writing.Done():
			return false
		case <-pause.C:
			if l.steps.Load() >= enough {
				return true
			}
			pause.Reset(5 * time.Millisecond)
		}
	}
}

// walk has clients walk through one group of streams after the other.
func (l *load) walk(ctx, writing context.Context, number int) {
	for round := 0; writing.Err() == nil; round++ {
		random := rand.New(rand.NewPCG(*seed, uint64(1000*number+round)))
		group := fmt.Sprintf("walk/%d/%d", number, round)
		names := []string{group + "/a", group + "/b", group + "/c"}[:1+2*random.IntN(2)]
		l.mu.Lock()
		l.groups = append(l.groups, names)
		l.mu.Unlock()
		walk := linear.Walk{Names: names, Type: []string{"application/json", "text/plain"}[random.IntN(2)], Ends: random.IntN(3) > 0, Large: []int{0, 3000, 70_000}[random.IntN(3)]}
		var clients sync.WaitGroup
		for id := range perGroup {
			own := walk
			own.Client = l.of(group, id)
			own.Random = rand.New(rand.NewPCG(*seed, random.Uint64()))
			clients.Go(func() {
				for range steps {
					own.Step(ctx)
					l.steps.Add(1)
				}
			})
		}
		clients.Wait()
		if random.IntN(4) == 0 {
			walk.Client = l.of(group, perGroup)
			walk.Audit(ctx)
		}
	}
}

func (l *load) of(group string, id int) linear.Client {
	return linear.Client{History: l.history, Group: group, ID: id, HTTP: l.client, Base: l.url, Path: "/v1/stream/"}
}

// check reads everything once more, and compares.
func (l *load) check(t *testing.T, ctx context.Context) {
	t.Helper()
	read := make(chan []string)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for names := range read {
				group := filepath.Dir(names[0])
				walk := linear.Walk{Names: names, Client: l.of(group, perGroup+1)}
				if !walk.Audit(ctx) {
					t.Errorf("%s could not be read in the end", group)
				}
			}
		})
	}
	for _, names := range l.groups {
		read <- names
	}
	close(read)
	readers.Wait()
	c, err := l.history.Check(filepath.Join(os.TempDir(), histories), time.Minute)
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d histories with %d operations were checked, %d of unknown outcome; the clients took %d steps", c.Groups, c.Operations, c.Unknown, l.steps.Load())
	var all tally
	for _, ledger := range l.ledgers {
		if err := ledger.check(&all); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d appends to %d ledgers were acknowledged, %d are of unknown outcome, %d refused; lost %d, repeated %d, reordered %d",
		all.acknowledged, ledgers, all.doubtful, all.refused, all.lost, all.repeated, all.reordered)
	if all.lost+all.repeated+all.reordered > 0 {
		t.Error("what was acknowledged is not what is there")
	}
	if all.acknowledged == 0 || l.steps.Load() == 0 {
		t.Error("there was no load")
	}
}
