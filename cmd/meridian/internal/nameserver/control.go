package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

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
	path     string
	listener net.Listener
	server   *http.Server
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
	return &control{path, l, &http.Server{
		Handler: admin.Handler(n), ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}}, nil
}

func (c *control) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.server.Close() })
	defer stop()
	if err := c.server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (c *control) close() {
	c.server.Close()
	c.listener.Close()
	os.Remove(c.path)
}
