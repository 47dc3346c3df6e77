package healthcheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Fault is a kind of fault of this host, which says nothing about a target.
type Fault uint8

const (
	NoRoute       Fault = iota // the routing table has no way to the address
	NoAddress                  // no source address or port is left
	NoDescriptors              // the limit of open files is reached
	NoBuffers                  // the kernel is out of memory for sockets
	Saturated                  // more probes are due than may be in flight: they run late
	Crashed                    // a probe panicked
	NotPermitted               // this process may not send such a probe
	NoProgram                  // the program of an exec check cannot be started
	faults
)

// String names the fault for people and logs.
func (f Fault) String() string {
	switch f {
	case NoRoute:
		return "no route"
	case NoAddress:
		return "no local address or port"
	case NoDescriptors:
		return "no file descriptors"
	case NoBuffers:
		return "no socket buffers"
	case Saturated:
		return "too many probes in flight"
	case Crashed:
		return "probe crashed"
	case NotPermitted:
		return "not permitted"
	case NoProgram:
		return "program cannot be started"
	}
	return "invalid"
}

// Alarm tells of a fault. Alarms of one kind are raised at most once a minute.
type Alarm struct {
	Fault  Fault
	Target Target // whose probe met it
	Err    error  // what happened; nil for Saturated
	Count  uint64 // faults of this kind since the start, those between alarms included
}

// FaultCount counts the faults of one kind since the start.
type FaultCount struct {
	Count uint64
	Last  time.Time // zero: never
}

// hostFault is the error of a probe that failed by a fault of this host.
type hostFault struct {
	fault Fault
	err   error
}

func (f *hostFault) Error() string { return fmt.Sprintf("%v here: %v", f.fault, f.err) }
func (f *hostFault) Unwrap() error { return f.err }

// blame wraps the error of a connect in a hostFault if this host is at fault.
// ENETUNREACH and its like also arrive by ICMP from routers far away, so the
// routing table has the last word.
func blame(err error, addr netip.Addr, route func(netip.Addr) error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case syscall.EMFILE, syscall.ENFILE:
		return &hostFault{NoDescriptors, err}
	case syscall.EPERM, syscall.EACCES: // a packet filter on this host
		return &hostFault{NotPermitted, err}
	case syscall.ENOBUFS, syscall.ENOMEM:
		return &hostFault{NoBuffers, err}
	case syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		if unroutable(route(addr)) {
			return &hostFault{NoRoute, err}
		}
	}
	if errno == syscall.EADDRNOTAVAIL {
		return &hostFault{NoAddress, err}
	}
	return err
}

// unroutable tells whether connecting a UDP socket failed for want of a route.
func unroutable(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// routeTo asks the kernel for a route by connecting a UDP socket: no packet is sent.
func routeTo(addr netip.Addr) error {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
	if err != nil {
		return err
	}
	return conn.Close()
}
