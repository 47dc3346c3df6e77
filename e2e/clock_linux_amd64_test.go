package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clock is the time of day as processes see it that are started by it: set to
// what a test wants, while they run, as by an operator. The time that passes
// stays what it is. Their system calls that ask for the time of day are answered
// by the test (seccomp's user notification), and the functions by which programs
// ask without a system call are made to use one.
type clock struct {
	offset atomic.Int64 // nanoseconds ahead of the machine

	mu  sync.Mutex
	err error // of answering; guarded by mu
}

// clockShim in the environment makes the test binary run its arguments under a
// clock, which takes a descriptor over a socket, number 3.
const clockShim = "MERIDIAN_E2E_CLOCK"

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// forward sets the clock forward.
func (c *clock) forward(by time.Duration) { c.offset.Add(int64(by)) }

// command is a program under the clock. Call attend when it has been started.
func (c *clock) command(t *testing.T, program string, args ...string) (cmd *exec.Cmd, attend func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "clock")
	cmd = exec.Command(self, append([]string{program}, args...)...)
	cmd.Env = append(os.Environ(), clockShim+"=1")
	cmd.ExtraFiles = []*os.File{theirs}
	return cmd, func() {
		theirs.Close()
		defer unix.Close(pair[0])
		listener, err := receive(pair[0])
		if err != nil {
			t.Skipf("the time of day cannot be set for a process here: %v", err)
		}
		go c.serve(listener)
	}
}

// receive takes a descriptor from a socket.
func receive(socket int) (int, error) {
	text, rights := make([]byte, 256), make([]byte, unix.CmsgSpace(4))
	n, size, _, _, err := unix.Recvmsg(socket, text, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:size])
	if err != nil || len(messages) == 0 {
		return 0, fmt.Errorf("%s", text[:n])
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return fds[0], nil
}

// runShim becomes a program whose questions for the time of day go to whom holds
// the other end of descriptor 3.
func runShim(args []string) error {
	runtime.LockOSThread() // the filter is this thread's, and so the program's that takes its place
	listener, err := filterClock()
	if err != nil {
		unix.Sendmsg(3, []byte(err.Error()), nil, nil, 0)
		return err
	}
	if err := unix.Sendmsg(3, []byte{0}, unix.UnixRights(listener), nil, 0); err != nil {
		return err
	}
	unix.Close(3)
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	env := []string{}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, clockShim+"=") {
			env = append(env, e)
		}
	}
	return unix.Exec(path, args, env)
}

// filterClock has the system calls that ask for the time of day told, and one
// that every program makes once, before any other thread of it: arch_prctl.
func filterClock() (int, error) {
	const (
		number, arch, first = 0, 4, 16 // offsets in struct seccomp_data
		tell                = unix.SECCOMP_RET_USER_NOTIF
	)
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	give := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	program := []unix.SockFilter{
		load(arch), equal(unix.AUDIT_ARCH_X86_64, 0, 8),
		load(number),
		equal(unix.SYS_ARCH_PRCTL, 7, 0), equal(unix.SYS_GETTIMEOFDAY, 6, 0), equal(unix.SYS_TIME, 5, 0),
		equal(unix.SYS_CLOCK_GETTIME, 0, 3),
		load(first), equal(unix.CLOCK_REALTIME, 2, 0), equal(unix.CLOCK_REALTIME_COARSE, 1, 0),
		give(unix.SECCOMP_RET_ALLOW), give(tell),
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 0, err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// Go's scheduler interrupts who takes long: the question must not begin anew each time.
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return 0, fmt.Errorf("seccomp: %w", errno)
	}
	return int(fd), nil
}

// notice and reply are struct seccomp_notif and seccomp_notif_resp.
type notice struct {
	id         uint64
	pid, flags uint32
	number     int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type reply struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// serve answers until the last process has ended.
func (c *clock) serve(listener int) {
	defer unix.Close(listener)
	for {
		poll := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); err != nil && err != unix.EINTR {
			c.fail(err)
			return
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			if poll[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
				return
			}
			continue
		}
		var n notice
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
			continue // it was killed meanwhile
		}
		r := reply{id: n.id}
		c.answer(&n, &r)
		unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
	}
}

func (c *clock) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = errors.Join(c.err, err)
}

// failure is what went wrong, if anything did.
func (c *clock) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// answer tells the time, or lets a program begin.
func (c *clock) answer(n *notice, r *reply) {
	now := c.now()
	var two [2]int64
	at := n.args[0]
	switch n.number {
	case unix.SYS_ARCH_PRCTL:
		if err := divert(n.pid); err != nil {
			c.fail(err)
		}
		r.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
		return
	case unix.SYS_CLOCK_GETTIME:
		two, at = [2]int64{now.Unix(), int64(now.Nanosecond())}, n.args[1]
	case unix.SYS_GETTIMEOFDAY:
		two = [2]int64{now.Unix(), int64(now.Nanosecond() / 1000)}
	case unix.SYS_TIME:
		r.value, two[0] = now.Unix(), now.Unix()
	}
	if at == 0 {
		return
	}
	size := 16
	if n.number == unix.SYS_TIME {
		size = 8
	}
	b := binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, uint64(two[0])), uint64(two[1]))
	if err := poke(n.pid, at, b[:size]); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, os.ErrNotExist) {
		c.fail(err)
	}
}

// poke writes into the memory of a process.
func poke(pid uint32, at uint64, b []byte) error {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(b, int64(at))
	return err
}

// divert makes the functions that the kernel gives programs to tell the time
// without a system call (the vDSO) do one.
func divert(pid uint32) error {
	base, image, err := vdso(pid)
	if err != nil {
		return err
	}
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return err
	}
	calls := map[string]byte{"__vdso_clock_gettime": unix.SYS_CLOCK_GETTIME, "__vdso_gettimeofday": unix.SYS_GETTIMEOFDAY, "__vdso_time": unix.SYS_TIME}
	done := 0
	for _, s := range symbols {
		if number, ok := calls[s.Name]; ok {
			done++
			// mov eax, number; syscall; ret
			if err := poke(pid, base+s.Value, []byte{0xb8, number, 0, 0, 0, 0x0f, 0x05, 0xc3}); err != nil {
				return err
			}
		}
	}
	if done != len(calls) {
		return fmt.Errorf("only %d of the functions that tell the time were found", done)
	}
	return nil
}

// vdso is where a process has it, and what it is.
func vdso(pid uint32) (base uint64, image []byte, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(maps)) {
		var end uint64
		if !strings.Contains(line, "[vdso]") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &base, &end); err != nil {
			return 0, nil, err
		}
		f, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err != nil {
			return 0, nil, err
		}
		defer f.Close()
		image = make([]byte, end-base)
		_, err = f.ReadAt(image, int64(base))
		return base, image, err
	}
	return 0, nil, errors.New("no vDSO")
}
