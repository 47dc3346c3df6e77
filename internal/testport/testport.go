// Package testport gives tests ports that stay free until the program under test takes them.
//
// A port that the kernel picked and that was closed again may be anybody's a moment later: other tests open sockets by the
// hundred. So these ports lie below those that the kernel picks from, and each is one test process's until that ends.
package testport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
)

// lowest is where the ports begin. Those below are servers' own.
const lowest = 10000

var (
	mu   sync.Mutex // guards what follows
	held []net.Listener
	next int
)

// Port is Free for a test, which ends if there is none.
func Port(t testing.TB) int {
	t.Helper()
	port, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Free returns a port at which nobody listens on any address of this machine, over UDP or TCP. No other process that asks
// this package gets it while this one lives.
func Free() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	end := ephemeral()
	for range 1000 {
		if next < lowest || next >= end {
			next = lowest + rand.IntN(end-lowest)
		}
		port := next
		next++
		// A name in Linux's abstract space goes with the process; elsewhere there is no such lock.
		lock, err := net.Listen("unix", fmt.Sprintf("@meridian-test-port-%d", port))
		if err != nil {
			continue
		}
		if !free(port) {
			lock.Close()
			continue
		}
		held = append(held, lock)
		return port, nil
	}
	return 0, errors.New("no port is free for UDP and TCP")
}

// free tells whether a port is nobody's, on any address.
func free(port int) bool {
	at := fmt.Sprintf(":%d", port)
	l, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	l.Close()
	u, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	u.Close()
	return true
}

// ephemeral is the lowest port that the kernel picks for those who do not say which.
func ephemeral() int {
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	low := 0
	if _, err := fmt.Sscan(string(text), &low); err != nil || low < lowest+1000 {
		return 32768
	}
	return low
}
