package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// AllInterfacesVar is the environment variable that, set to 1, lets [Official]
// run without a network namespace. DynamoDB Local then listens on all of the
// machine's interfaces, and whoever reaches the machine can use it.
const AllInterfacesVar = "DYNAMODB_LOCAL_ALL_INTERFACES"

// ErrNotIsolated says that the system does not allow a network namespace. The
// error's text says what to do.
var ErrNotIsolated = errors.New("no network namespace is to be had")

// Official starts DynamoDB Local, the jar inside the npm package
// amplify-dynamodb-simulator, which needs Java 17 or newer. It keeps its tables
// in memory. It has answered a request when Official returns. ctx bounds the
// start only; without a deadline it may take a minute.
//
// DynamoDB Local binds all interfaces and cannot be told not to. So it runs in a
// network namespace of its own, where it is alone with a loopback interface, and
// this process's child relays to it the connections of a listener on 127.0.0.1.
// Where that is not possible Official fails with [ErrNotIsolated].
func Official(ctx context.Context) (*Process, error) {
	jar, err := installed("amplify-dynamodb-simulator/emulator/DynamoDBLocal.jar")
	if err != nil {
		return nil, err
	}
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	if os.Getenv(AllInterfacesVar) == "1" {
		return exposed(ctx, java, jar)
	}
	return isolated(ctx, java, jar)
}

// dynamoDBLocal is the command line of the jar. It writes a file with an id into
// its working directory, if it may; so it is run in its own folder.
func dynamoDBLocal(java, jar string, port int) []string {
	return []string{
		java,
		// It is a small thing that is started often.
		"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path=" + filepath.Join(filepath.Dir(jar), "DynamoDBLocal_lib"),
		"-jar", jar, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port),
	}
}

func findJava() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java"), nil
	}
	path, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("%w: DynamoDB Local needs Java 17 or newer (on Debian and Ubuntu: apt-get install openjdk-17-jre-headless): %w", ErrNotInstalled, err)
	}
	return path, nil
}

// exposed runs the jar without a namespace.
func exposed(ctx context.Context, java, jar string) (*Process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := dynamoDBLocal(java, jar, port)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = filepath.Dir(jar)
	cmd.SysProcAttr = childOf()
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := p.await(ctx, "DynamoDB Local", func() (string, error) { return endpoint, nil }); err != nil {
		return nil, err
	}
	return p, nil
}

// freePort returns a port that was free a moment ago: the jar, given 0, does not
// tell what it chose.
func freePort() (int, error) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
