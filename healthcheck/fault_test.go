package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// route makes the answer of a routing table.
func route(errno syscall.Errno) func(netip.Addr) error {
	return func(netip.Addr) error {
		if errno == 0 {
			return nil
		}
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", errno)}
	}
}

func TestBlame(t *testing.T) {
	const well, fine = Fault(99), syscall.Errno(0)
	for _, c := range []struct {
		connect, route syscall.Errno
		want           Fault
	}{
		{syscall.ECONNREFUSED, fine, well},
		{syscall.ECONNREFUSED, syscall.ENETUNREACH, well},
		{syscall.ETIMEDOUT, fine, well},
		{syscall.ENETUNREACH, syscall.ENETUNREACH, NoRoute},
		{syscall.ENETUNREACH, fine, well}, // a router's word
		{syscall.EHOSTUNREACH, fine, well},
		{syscall.EHOSTUNREACH, syscall.EHOSTUNREACH, NoRoute},
		{syscall.EAFNOSUPPORT, syscall.EAFNOSUPPORT, NoRoute},
		{syscall.EADDRNOTAVAIL, syscall.EADDRNOTAVAIL, NoRoute},
		{syscall.EADDRNOTAVAIL, fine, NoAddress},
		{syscall.ENETUNREACH, syscall.EMFILE, well},
		{syscall.EMFILE, fine, NoDescriptors},
		{syscall.ENFILE, fine, NoDescriptors},
		{syscall.ENOBUFS, fine, NoBuffers},
		{syscall.ENOMEM, fine, NoBuffers},
	} {
		err := blame(fmt.Errorf("connect: %w", c.connect), four, route(c.route))
		var fault *hostFault
		got := well
		if errors.As(err, &fault) {
			got = fault.fault
		}
		if got != c.want || !errors.Is(err, c.connect) {
			t.Errorf("connect %v, route %v: %v (%v)", c.connect, c.route, got, err)
		}
	}
	if err := blame(errBad, four, route(fine)); err != errBad {
		t.Errorf("%v", err)
	}
}

func TestGraver(t *testing.T) {
	fault, other := &hostFault{NoRoute, errBad}, errors.New("other")
	for _, c := range []struct{ a, b, want error }{
		{nil, errBad, errBad}, {nil, fault, fault}, {fault, errBad, errBad}, {errBad, fault, errBad}, {errBad, other, errBad},
	} {
		if got := graver(c.a, c.b); got != c.want {
			t.Errorf("%v, %v: %v", c.a, c.b, got)
		}
	}
}

func faulty(f Fault) func(context.Context) error {
	return func(context.Context) error {
		return fmt.Errorf("resolve: %w", &hostFault{f, syscall.EMFILE})
	}
}

func TestHostFaultsChangeNoState(t *testing.T) {
	c := classic()
	well, failed, fresh := numbered(c, 3)[0], numbered(c, 3)[1], numbered(c, 3)[2]
	prepare := func(f *fakes) { f.set(failed, refuse); f.set(fresh, faulty(NoBuffers)) }
	run(t, Options{}, []Target{well, failed, fresh}, prepare, func(f *fakes, m *Monitor) {
		f.set(failed, nil)
		for m.Snapshot().State(1).Streak == 0 {
			time.Sleep(time.Millisecond) // of the bubble's time
		}
		before := m.Snapshot()
		f.set(well, faulty(NoDescriptors))
		f.set(failed, faulty(NoDescriptors))
		time.Sleep(20 * time.Second)
		after := m.Snapshot()
		for slot, want := range []Status{Up, Down, Unknown} {
			got := after.State(Slot(slot))
			if got.Status != want || !got.agrees(before.State(Slot(slot))) || got.LastError == "" {
				t.Errorf("slot %d: %+v, before %+v", slot, got, before.State(Slot(slot)))
			}
		}
		if after.State(1).Streak != 1 {
			t.Errorf("the streak is %d", after.State(1).Streak)
		}
		checkAlarms(t, f, m)
		f.set(failed, nil)
		time.Sleep(c.Interval)
		if got := status(m, failed); got != Up {
			t.Errorf("%v after the second good result", got)
		}
	})
}

// checkAlarms wants one alarm of either kind in the first minute.
func checkAlarms(t *testing.T, f *fakes, m *Monitor) {
	t.Helper()
	if alarms := f.raised(); len(alarms) != 2 {
		t.Errorf("alarms %+v", alarms)
	}
	stats := m.Stats()
	for _, fault := range []Fault{NoDescriptors, NoBuffers} {
		if n := stats.Faults[fault]; n.Count < 20 || time.Since(n.Last) > time.Second {
			t.Errorf("%v: %+v", fault, n)
		}
	}
	time.Sleep(time.Minute)
	if alarms := f.raised(); len(alarms) != 4 || alarms[3].Count < 60 {
		t.Errorf("alarms after a minute %+v", alarms)
	}
}

func TestUnusedFamilyIsUnprobed(t *testing.T) {
	c := Check{Type: "http", Interval: time.Hour, Jitter: NoJitter}
	target := Target{Check: c, Addr: six}
	noRoute := func(f *fakes) { f.set(target, faulty(NoRoute)) }
	run(t, Options{}, []Target{target}, noRoute, func(f *fakes, m *Monitor) {
		if got := status(m, target); got != Unprobed {
			t.Errorf("%v", got)
		}
		time.Sleep(10 * time.Minute)
		if n := len(f.callsOf(target)); n < 20 {
			t.Errorf("asked for a route %d times in 10 minutes", n)
		}
		if len(f.raised()) != 0 || m.Stats().Faults[NoRoute].Count != 0 {
			t.Errorf("alarm over a family that is not in use: %+v", f.raised())
		}
		f.set(target, nil)
		time.Sleep(faultInterval + time.Second)
		if got := status(m, target); got != Up {
			t.Errorf("%v with a route", got)
		}
	})
}

func TestLostRouteIsAFaultFirst(t *testing.T) {
	target := Target{Check: classic(), Addr: six}
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		f.set(target, faulty(NoRoute))
		time.Sleep(routeGrace - 2*time.Second)
		if got := status(m, target); got != Up || len(f.raised()) != 1 {
			t.Errorf("%v, alarms %+v", got, f.raised())
		}
		f.set(target, nil) // the route is back for a moment
		time.Sleep(time.Second)
		f.set(target, faulty(NoRoute))
		time.Sleep(routeGrace - 2*time.Second)
		if got := status(m, target); got != Up {
			t.Errorf("%v within the grace", got)
		}
		time.Sleep(4 * time.Second)
		if got := status(m, target); got != Unprobed {
			t.Errorf("%v after the grace", got)
		}
		f.set(target, refuse)
		time.Sleep(time.Second)
		if got := status(m, target); got != Down {
			t.Errorf("%v, the first result decides", got)
		}
	})
}

func TestRouteTo(t *testing.T) {
	if err := routeTo(netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Errorf("loopback: %v", err)
	}
}

func TestNamesOfFaultsAndStatuses(t *testing.T) {
	seen := map[string]bool{}
	for f := range faults {
		seen[f.String()] = true
	}
	for s := Unknown; s <= Unprobed; s++ {
		seen[s.String()] = true
	}
	if len(seen) != int(faults)+5 || seen["invalid"] {
		t.Errorf("%v", seen)
	}
}
