package config

import "time"

// Container configures the server that runs in a container, on the table and the bucket
// of the functions. What says where those are, and how streams are served, it has in
// common with the functions; see [Function]. Credentials may be left out.
type Container struct {
	Host        string        `env:"HOST" envDefault:"0.0.0.0" doc:"address to listen on"`
	Port        int           `env:"PORT" envDefault:"8080" doc:"TCP port to listen on; 0 picks a free one"`
	StopTimeout time.Duration `env:"STOP_TIMEOUT" envDefault:"25s" doc:"how long a stop waits for requests under way: less than it takes until the process is killed, which is 30s on ECS and Kubernetes, 10s with 'docker stop'"`
	// Function is the rest of it.
	Function Function `env:"-"`
}

// ReadContainer reads the container's configuration. An error names the variable that is
// wrong.
func ReadContainer(environ map[string]string) (Container, error) {
	c, err := readContainerAlone(environ)
	if err != nil {
		return Container{}, err
	}
	if c.Function, err = readFunction(environ); err != nil {
		return Container{}, err
	}
	return c, firstError(together("AWS_ACCESS_KEY_ID", c.Function.AccessKey, "AWS_SECRET_ACCESS_KEY", c.Function.SecretKey))
}

// ReadAddress reads where a container listens, and nothing else of its configuration: who
// asks it whether it is well need not have its secrets.
func ReadAddress(environ map[string]string) (host string, port int, err error) {
	c, err := readContainerAlone(environ)
	return c.Host, c.Port, err
}

// readContainerAlone reads what a container has not in common with the functions.
func readContainerAlone(environ map[string]string) (Container, error) {
	var c Container
	if err := parse(environ, &c); err != nil {
		return Container{}, err
	}
	return c, firstError(
		inRange("PORT", c.Port, 0, 65535),
		positive("STOP_TIMEOUT", int(c.StopTimeout)),
	)
}
