package boot

// What the stack and the container must agree on.
const (
	// ContainerPort is where a container listens unless PORT says otherwise.
	ContainerPort = 8080
	// HealthPath is what a load balancer asks a container for.
	HealthPath = "/health"
)
