package server

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Server serves DNS over UDP and TCP. It is safe for concurrent use.
type Server struct {
	o      Options
	view   func() answerer
	panics alarm
	table  *connections
	slots  slots
	taps   atomic.Pointer[[]Tap]

	change sync.Mutex // held while the set of listeners changes, binding and draining included

	mu        sync.Mutex // guards the fields below
	listeners []*listener
	phase     phase
	retired   Stats // what closed listeners counted

	closed chan struct{} // closed when Shutdown has ended
}

type phase uint8

const (
	open phase = iota
	serving
	closing
)

// ErrClosed is returned by a server that is shut down or being shut down.
var ErrClosed = errors.New("server closed")

// Listen binds all addresses or none. The error names the holder of an address in use and the remedy.
// Until Serve, queries wait in the kernel.
func Listen(o Options) (*Server, error) {
	view := o.View
	return listen(o, func() answerer { return view() })
}

func listen(o Options, view func() answerer) (*Server, error) {
	s := &Server{o: o.filled(), view: view, closed: make(chan struct{})}
	s.panics.log = s.o.Log
	s.table = newConnections(s.o.TCP)
	if err := s.SetListen(o.Listen); err != nil {
		return nil, err
	}
	return s, nil
}

// Serve answers queries until ctx ends or Shutdown is called, and returns when what was received is answered
// and every goroutine is gone. It can be called once.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.begin(); err != nil {
		return err
	}
	select {
	case <-s.closed:
		return nil
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Drain)
	defer cancel()
	return s.Shutdown(drain)
}

func (s *Server) begin() error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != open {
		return ErrClosed
	}
	s.phase = serving
	for _, l := range s.listeners {
		l.start()
	}
	return nil
}

// Shutdown stops reading, answers what was received, lets TCP clients take their answers and closes everything.
// When ctx ends first, connections are cut and its error is returned; no goroutine stays in either case.
func (s *Server) Shutdown(ctx context.Context) error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	if s.phase == closing {
		s.mu.Unlock()
		return nil
	}
	listeners, started := s.listeners, s.phase == serving
	s.phase = closing
	s.mu.Unlock()
	err := stopAll(ctx, listeners, started)
	s.retire(listeners, nil)
	close(s.closed)
	return err
}

// SetListen makes addrs the addresses served. New ones are bound first, all or none; then those no longer
// wanted are drained and closed. Listeners that stay are not touched.
func (s *Server) SetListen(addrs []netip.AddrPort) error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	old, phase := s.listeners, s.phase
	s.mu.Unlock()
	if phase == closing {
		return ErrClosed
	}
	next, added, err := s.bindNew(old, distinct(addrs))
	if err != nil {
		return err
	}
	if phase == serving {
		for _, l := range added {
			l.start()
		}
	}
	removed := slices.DeleteFunc(slices.Clone(old), func(l *listener) bool { return slices.Contains(next, l) })
	s.mu.Lock()
	s.listeners = slices.Concat(next, removed)
	s.mu.Unlock()
	if len(removed) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.o.Drain)
	defer cancel()
	_ = stopAll(ctx, removed, phase == serving) // cut after the drain: the new set stands all the same
	s.retire(removed, next)
	return nil
}

// bindNew returns the listeners for want, those of old reused; on an error nothing new stays bound.
func (s *Server) bindNew(old []*listener, want []netip.AddrPort) (next, added []*listener, err error) {
	for _, addr := range want {
		if i := slices.IndexFunc(old, func(l *listener) bool { return l.asked == addr }); i >= 0 {
			next = append(next, old[i])
			continue
		}
		l, err := s.bind(addr, slices.Concat(old, added))
		if err != nil {
			for _, l := range added {
				l.close()
			}
			return nil, nil, err
		}
		next, added = append(next, l), append(added, l)
	}
	return next, added, nil
}

func (s *Server) retire(gone, left []*listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range gone {
		l.count(&s.retired)
	}
	s.listeners = left
}

// Addrs returns the addresses bound, in the order asked for, with the port the kernel chose for port 0.
func (s *Server) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.bound
	}
	return addrs
}

func distinct(addrs []netip.AddrPort) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range addrs {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
