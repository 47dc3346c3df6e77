package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a started server.
type Process struct {
	name    string
	command *exec.Cmd
	output  *output
	ended   chan struct{}
	err     error // set before ended is closed
}

// output keeps what a server prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// Everywhere, in place of a processor, means all that this machine has.
const Everywhere = -1

// Start runs a program on processor core.
func Start(core int, name string, args ...string) (*Process, error) {
	list := strconv.Itoa(core)
	if core == Everywhere {
		list = fmt.Sprintf("0-%d", runtime.NumCPU()-1)
	}
	all := append([]string{"--cpu-list", list, name}, args...)
	p := &Process{name: name, command: exec.Command("taskset", all...), output: new(output), ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = p.output, p.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// PID is that of the program itself: taskset becomes it.
func (p *Process) PID() int { return p.command.Process.Pid }

// Output is all that the program has printed.
func (p *Process) Output() string {
	p.output.mu.Lock()
	defer p.output.mu.Unlock()
	return p.output.buf.String()
}

// Signal sends a signal to the program.
func (p *Process) Signal(s syscall.Signal) error { return p.command.Process.Signal(s) }

// Ended gives the error with which a program ended that should be running, and nil while it runs.
func (p *Process) Ended() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended (%v): %s", p.name, p.err, p.Output())
	default:
		return nil
	}
}

// Stop asks the program to end, and after five seconds ends it.
func (p *Process) Stop() {
	if p.Signal(syscall.SIGTERM) == nil {
		select {
		case <-p.ended:
			return
		case <-time.After(5 * time.Second):
		}
	}
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Pin keeps all threads of this process, and what it starts from now on, on one processor.
func Pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return os.NewSyscallError("sched_setaffinity", err)
		}
	}
	return nil
}
