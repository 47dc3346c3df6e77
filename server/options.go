// Package server moves DNS messages between sockets and the resolver; it decides nothing about them.
//
// A Server listens on any number of addresses, on UDP and TCP each. Every UDP worker has its socket, buffers,
// scratch space, random source and counters to itself, so that workers share nothing but the published view,
// which is loaded once per batch of queries. On Linux a worker exchanges batches of datagrams with the kernel
// (udp_linux.go); elsewhere the portable path of udp_portable.go serves. Nothing is allocated per query.
//
// Answers leave from the address that was asked, also on wildcard listeners. A message to which the resolver
// gives no answer (QR=1, fewer than 12 bytes) is dropped; over TCP the connection stays open. A panic in the
// resolver costs one SERVFAIL and a line in the log.
//
// A Server is safe for concurrent use. Options, Stats and TCPLimits are plain values.
package server

import (
	"net/netip"
	"runtime"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
)

// Options says where and how to serve. Only Listen and View are required.
type Options struct {
	// Listen holds the addresses, each served over UDP and TCP. Port 0 lets the kernel choose one port for
	// both. IPv6 sockets never take IPv4, so 0.0.0.0 and [::] go together.
	Listen []netip.AddrPort

	// View returns what answers; it is called once per batch of queries, from many goroutines, and must not block.
	View func() *resolver.View

	// Workers is the number of UDP sockets per address, each read by one goroutine; 0: the processors this
	// process may use. On Linux a busy worker occupies a processor of the Go scheduler also while it waits, so
	// GOMAXPROCS should exceed the number of busy workers; where it does not, the surplus waits in a dearer way.
	Workers int

	// ReceiveBuffer is asked of the kernel for every UDP socket, in bytes; 0: 4 MiB.
	ReceiveBuffer int

	// TCP bounds connections; the zero value means the defaults.
	TCP TCPLimits

	// Drain bounds the time that Serve gives to what was received when its context ends; 0: 5 s.
	Drain time.Duration

	// Log receives warnings and rate-limited errors; nil: nowhere.
	Log *zap.Logger

	portable bool // the portable UDP path, also on Linux
}

// TCPLimits bounds what TCP clients can hold. A zero field means its default.
type TCPLimits struct {
	Connections int           // in all, 2048; at the cap the longest idle one is closed
	PerClient   int           // per IPv4 address or IPv6 /64, 128; at the cap the client's longest idle one is closed
	Idle        time.Duration // a connection without a message, 10 s (RFC 7766 section 6.2.3)
	Message     time.Duration // from a message's first byte to its last, 5 s
	Write       time.Duration // for the client to take a batch of answers, 5 s
}

func (o Options) filled() Options {
	fill(&o.Workers, min(runtime.NumCPU(), runtime.GOMAXPROCS(0)))
	fill(&o.ReceiveBuffer, 4<<20)
	fill(&o.Drain, 5*time.Second)
	fill(&o.TCP.Connections, 2048)
	fill(&o.TCP.PerClient, 128)
	fill(&o.TCP.Idle, 10*time.Second)
	fill(&o.TCP.Message, 5*time.Second)
	fill(&o.TCP.Write, 5*time.Second)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

func fill[T int | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}
