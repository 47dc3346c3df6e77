package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/meridian-dns/meridian/admin"
)

const (
	socketName = "control.sock"
	maxSocket  = 100 // octets of a path that every system takes
)

// SocketPath is where the nameserver with this state folder listens for its administrator.
func SocketPath(state string) string { return filepath.Join(state, socketName) }

// control serves admin on a Unix socket that only its user may open.
type control struct {
	path    string
	service *admin.Service
}

// openControl makes the socket. One that is there already is stale: the state folder is locked.
func openControl(path string, n *Nameserver) (*control, error) {
	if len(path) > maxSocket {
		return nil, fmt.Errorf("state folder %s: its path is too long for a socket in it, which may have %d characters",
			filepath.Dir(path), maxSocket)
	}
	for _, stale := range []string{path, path + ".new"} {
		if err := os.Remove(stale); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	// Made under another name, so that nobody can connect before the mode is set.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".new", Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(path+".new", 0o600), os.Rename(path+".new", path)); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	counts := &n.ops.counts
	return &control{path, admin.NewService(l, admin.Handler(reloader{n}, admin.Options{Local: true, Metrics: n.metrics.Handler(), Counts: counts}), counts)}, nil
}

func (c *control) serve(ctx context.Context) error { return c.service.Serve(ctx) }

func (c *control) close() {
	c.service.Close()
	os.Remove(c.path)
}
