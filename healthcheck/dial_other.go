//go:build !linux

package healthcheck

import (
	"context"
	"net/netip"
	"time"
)

func (c *conn) open(ctx context.Context, addr netip.AddrPort, deadline time.Time) error {
	return c.openPlain(ctx, addr, deadline)
}

// noDelay has nothing to do: package net sets it on every connection.
func noDelay(stream) {}
