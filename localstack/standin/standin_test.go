package standin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func stopAtEnd(t *testing.T, p *Process) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func createTable(t *testing.T, endpoint, name string) {
	t.Helper()
	_, err := client(endpoint).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tables(t *testing.T, endpoint string) []string {
	t.Helper()
	out, err := client(endpoint).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return out.TableNames
}

// Each stand-in is empty, has tables of its own, and tells nothing to the next.
func TestStandIns(t *testing.T) {
	for name, start := range map[string]func(context.Context) (*Process, error){
		"dynoxide": func(ctx context.Context) (*Process, error) { return Dynoxide(ctx, "") },
		"official": Official,
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				p, err := start(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				stopAtEnd(t, p)
				if got := tables(t, p.Endpoint); len(got) != 0 {
					t.Fatalf("a new stand-in has tables %v", got)
				}
				createTable(t, p.Endpoint, "made")
				if got := tables(t, p.Endpoint); !slices.Equal(got, []string{"made"}) {
					t.Fatalf("tables are %v", got)
				}
			}
			if _, err := os.Stat("dynamodb-local-metadata.json"); err == nil {
				t.Error("it left a file in the working directory")
			}
		})
	}
}

func TestDynoxideKeepsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tables.db")
	for run, want := range []int{0, 1} {
		p, err := Dynoxide(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if got := tables(t, p.Endpoint); len(got) != want {
			t.Errorf("run %d begins with tables %v", run, got)
		}
		if run == 0 {
			createTable(t, p.Endpoint, "kept")
		}
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStop(t *testing.T) {
	p, err := Dynoxide(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
		t.Fatal("done before it was stopped")
	default:
	}
	for range 2 {
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	<-p.Done()
	if err := listTablesOnce(t, p.Endpoint); err == nil {
		t.Error("it answers after it was stopped")
	}
	if !strings.Contains(p.Log(), "listening") {
		t.Errorf("the log is %q", p.Log())
	}
}

func listTablesOnce(t *testing.T, endpoint string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancelAtFirst := func() (string, error) { cancel(); return endpoint, nil }
	return untilAnswered(ctx, cancelAtFirst)
}

func TestStopAfterCrash(t *testing.T) {
	p, err := Dynoxide(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "killed") || !strings.Contains(err.Error(), "listening") {
		t.Errorf("stop says %v; it should tell how the process ended, and its output", err)
	}
}

func TestFailedStartTellsWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tables.db")
	if err := os.WriteFile(file, []byte("no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Dynoxide(t.Context(), file); err == nil || !strings.Contains(err.Error(), "not a valid SQLite database") {
		t.Errorf("error is %v; it should have the output of the process", err)
	}
	missing := filepath.Join(t.TempDir(), "no", "such", "folder", "tables.db")
	if _, err := Dynoxide(t.Context(), missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error is %v; it should name the file", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dynoxide(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestNotInstalled(t *testing.T) {
	starts := map[string]func(context.Context) (*Process, error){"dynoxide": DynamoDB, "official": Official}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			t.Setenv(EndpointVar, "")
			dir := t.TempDir()
			t.Chdir(dir)
			if _, err := start(t.Context()); !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "go.mod") {
				t.Errorf("outside of a module the error is %v", err)
			}
			if err := os.WriteFile("go.mod", []byte("module x\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			below := filepath.Join(dir, "a", "b")
			if err := os.MkdirAll(below, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Chdir(below)
			_, err := start(t.Context())
			if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "npm ci") || !strings.Contains(err.Error(), dir) {
				t.Errorf("without node_modules the error is %v", err)
			}
		})
	}
}

func TestNoJava(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("JAVA_HOME", "")
	if _, err := Official(t.Context()); !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "Java 17") {
		t.Errorf("error is %v", err)
	}
}

func TestEndpointFromEnvironment(t *testing.T) {
	running, err := Dynoxide(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, running)
	t.Setenv(EndpointVar, running.Endpoint)
	p, err := DynamoDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p.Endpoint != running.Endpoint {
		t.Errorf("endpoint is %s, not %s", p.Endpoint, running.Endpoint)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if got := tables(t, running.Endpoint); len(got) != 0 {
		t.Errorf("tables are %v", got)
	}
}

func TestEndpointFromEnvironmentIsWrong(t *testing.T) {
	for _, value := range []string{"127.0.0.1:8000", "localhost", "ftp://127.0.0.1", "http://"} {
		t.Setenv(EndpointVar, value)
		if _, err := DynamoDB(t.Context()); err == nil || !strings.Contains(err.Error(), EndpointVar) {
			t.Errorf("%q: %v", value, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	t.Setenv(EndpointVar, "http://127.0.0.1:1") // nothing listens there
	if _, err := DynamoDB(ctx); err == nil || !strings.Contains(err.Error(), "nothing answers") {
		t.Errorf("error is %v", err)
	}
}

func TestTail(t *testing.T) {
	kept := &tail{max: 4}
	for _, s := range []string{"ab", "", "cde", "f"} {
		if n, err := kept.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := kept.String(); got != "cdef" {
		t.Errorf("kept %q", got)
	}
	_, _ = kept.Write([]byte("0123456789"))
	if got := kept.String(); got != "6789" {
		t.Errorf("kept %q", got)
	}
}
