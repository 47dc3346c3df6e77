//go:build !linux

package server

import (
	"net/netip"
	"syscall"
)

func bindUDP(s *Server, addr netip.AddrPort, shared bool) (datagrams, error) {
	return bindPortableUDP(s, addr, shared)
}

// sharePort does nothing: here overlapping addresses are refused.
func sharePort(syscall.RawConn) error { return nil }

func inodes(syscall.Conn) []uint64 { return nil }
