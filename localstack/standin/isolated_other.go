//go:build unix && !linux

package standin

import (
	"context"
	"fmt"
	"runtime"
)

// isolated fails: network namespaces are Linux's.
func isolated(context.Context, string, string) (*Process, error) {
	return nil, fmt.Errorf("%w on %s. Set %s=1 to let DynamoDB Local listen on all interfaces", ErrNotIsolated, runtime.GOOS, AllInterfacesVar)
}
