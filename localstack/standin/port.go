package standin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

var errNotListening = errors.New("it does not listen on a TCP port yet")

// listeningPort returns the port of the IPv4 socket that a process listens on,
// from Linux's /proc. It is for processes that have one such socket.
func listeningPort(pid int) (int, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	fds, err := filepath.Glob(dir + "/fd/*")
	if err != nil {
		return 0, err
	}
	sockets := make(map[string]bool)
	for _, fd := range fds {
		// A descriptor may be closed again by now.
		if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:[") {
			sockets[strings.Trim(target, "socket:[]")] = true
		}
	}
	table, err := os.ReadFile(dir + "/net/tcp")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(table)) {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
		f := strings.Fields(line)
		const local, state, inode, listen = 1, 3, 9, "0A"
		if len(f) <= inode || f[state] != listen || !sockets[f[inode]] {
			continue
		}
		_, hex, _ := strings.Cut(f[local], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		return int(port), err
	}
	return 0, errNotListening
}
