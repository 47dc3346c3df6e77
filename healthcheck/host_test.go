package healthcheck

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inChild runs the calling test again in a process of its own, whose limits and
// network it may spoil. It returns true in the child.
func inChild(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	const mark = "HEALTHCHECK_TEST_CHILD"
	if os.Getenv(mark) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"="+t.Name())
	cmd.SysProcAttr = attr
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skip("no process of that kind here: ", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("child: %v\n%s", err, out.String())
	}
	return false
}

// watch starts a Monitor over real sockets and collects its alarms.
func watch(t *testing.T, o Options, targets ...Target) (*Monitor, <-chan Alarm) {
	t.Helper()
	alarms := make(chan Alarm, 100)
	o.Alarm = func(a Alarm) { alarms <- a }
	m := New(o)
	m.Set(targets)
	m.Start(context.Background())
	t.Cleanup(m.Stop)
	m.FirstRound(context.Background())
	return m, alarms
}

func TestOutOfDescriptors(t *testing.T) {
	if !inChild(t, nil) {
		return
	}
	at := serve(t, silent)
	c := Check{Type: "tcp", Port: at.Port(), Interval: 100 * time.Millisecond, Fall: 1}
	// A resolver that fails like the system's, which keeps no cause in its errors.
	resolve := func(ctx context.Context, host string) ([]netip.Addr, error) {
		if err := routeTo(at.Addr()); err != nil {
			return nil, &net.DNSError{Err: err.Error(), Name: host}
		}
		return []netip.Addr{at.Addr()}, nil
	}
	m, alarms := watch(t, Options{Resolve: resolve},
		Target{Check: c, Addr: at.Addr()}, Target{Check: c, Name: "host.example"})
	if n := m.Stats(); n.Probes < 2 || n.Failures != 0 {
		t.Fatalf("%+v", n)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := syscall.Rlimit{Cur: 3, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	if a := <-alarms; a.Fault != NoDescriptors {
		t.Errorf("%+v", a)
	}
	for m.Stats().Faults[NoDescriptors].Count < 6 {
		time.Sleep(10 * time.Millisecond) // real time: the kernel's faults are real
	}
	for slot, s := range m.Snapshot().States {
		if s.Status != Up || s.LastError == "" {
			t.Errorf("slot %d: %+v", slot, s)
		}
	}
}

// TestNoRoute runs in a network namespace without any route.
func TestNoRoute(t *testing.T) {
	if !inChild(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}) {
		return
	}
	c := Check{Type: "http"}
	m, alarms := watch(t, Options{}, Target{Check: c, Addr: four}, Target{Check: c, Addr: six})
	for slot, s := range m.Snapshot().States {
		if s.Status != Unprobed || !strings.HasPrefix(s.LastError, "no route here: connect: ") {
			t.Errorf("slot %d: %+v", slot, s)
		}
	}
	if len(alarms) != 0 {
		t.Errorf("%+v", <-alarms)
	}
	if err := routeTo(netip.MustParseAddr("192.0.2.1")); !unroutable(err) {
		t.Errorf("route: %v", err)
	}
}
