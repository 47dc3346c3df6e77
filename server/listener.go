package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// listener is one address, bound for UDP and TCP.
type listener struct {
	asked, bound netip.AddrPort
	udp          datagrams
	tcp          *streams
	ends         sync.WaitGroup
}

// datagrams is an address bound for UDP.
type datagrams interface {
	counters() []*counters    // one per worker
	serve(worker int)         // until stop; called once for each worker
	stop(ctx context.Context) // tells every serve to answer what the kernel holds and return; does not wait
	close()                   // after every serve has returned
	sockets() []uint64        // inodes, where they tell who holds an address
}

// chosenPortTries bounds the search for a port that is free for both transports.
const chosenPortTries = 32

// bind binds addr beside the listeners that the server has.
func (s *Server) bind(addr netip.AddrPort, own []*listener) (*listener, error) {
	l, err := s.bindPair(addr, false)
	if errors.Is(err, syscall.EADDRINUSE) && heldByNoneBut(own, addr) {
		l, err = s.bindPair(addr, true)
	}
	return l, explain(err)
}

// bindPair binds TCP first, because it may choose the port. With shared, sockets of this process may overlap.
func (s *Server) bindPair(addr netip.AddrPort, shared bool) (*listener, error) {
	for try := 1; ; try++ {
		tcp, err := bindTCP(s, addr, shared)
		if err != nil {
			return nil, err
		}
		bound := netip.AddrPortFrom(addr.Addr(), tcp.port())
		udp, err := bindUDP(s, bound, shared)
		if err == nil {
			return &listener{asked: addr, bound: bound, udp: udp, tcp: tcp}, nil
		}
		tcp.close()
		if addr.Port() != 0 || !errors.Is(err, syscall.EADDRINUSE) || try == chosenPortTries {
			return nil, err
		}
	}
}

func (l *listener) start() {
	for i := range l.udp.counters() {
		l.ends.Go(func() { l.udp.serve(i) })
	}
	l.ends.Go(l.tcp.serve)
}

// stop drains and closes a started listener.
func (l *listener) stop(ctx context.Context) error {
	l.udp.stop(ctx)
	err := l.tcp.stop(ctx)
	l.ends.Wait()
	l.close()
	return err
}

func (l *listener) close() {
	l.udp.close()
	l.tcp.close()
}

func (l *listener) count(st *Stats) {
	for _, c := range l.udp.counters() {
		c.addTo(&st.UDP, &st.Panics)
		st.Servers = c.servers.addTo(st.Servers)
	}
	l.tcp.counts.addTo(&st.TCP, &st.Panics)
	st.Servers = l.tcp.counts.servers.addTo(st.Servers)
	if ignored := uint64(0); l.bound.Addr().Is6() {
		for _, c := range l.udp.counters() {
			c.addTo(&st.UDP6, &ignored)
		}
		l.tcp.counts.addTo(&st.TCP6, &ignored)
	}
}

// stopAll stops ls at the same time; those never started are just closed.
func stopAll(ctx context.Context, ls []*listener, started bool) error {
	errs := make([]error, len(ls))
	var all sync.WaitGroup
	for i, l := range ls {
		if !started {
			l.close()
			continue
		}
		all.Go(func() { errs[i] = l.stop(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// overlaps tells whether sockets bound to a and b would meet the same packets.
func overlaps(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && a.Addr().Is4() == b.Addr().Is4() &&
		(a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}

func family(network string, addr netip.Addr) string {
	if addr.Is4() {
		return network + "4"
	}
	return network + "6"
}

func listenConfig(shared bool) *net.ListenConfig {
	lc := &net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	if shared {
		lc.Control = func(_, _ string, c syscall.RawConn) error { return sharePort(c) }
	}
	return lc
}
