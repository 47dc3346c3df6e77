//go:build !linux

package server

import "net/netip"

// holders knows nobody here.
func holders(network string, addr netip.AddrPort) []holder { return nil }
