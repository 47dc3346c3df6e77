package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	outputLimit   = 4 << 10                // bytes kept of what a program says
	programsLimit = 16                     // programs at a time, by default
	afterKill     = 500 * time.Millisecond // for what was said to be read, and the pipe to close, once the group is dead
)

// execProbe runs a program: status 0 is well. It runs in a process group of its own,
// without a shell, from the root folder, with nothing of this process's environment,
// and the group is killed when the program has ended or its time is up.
type execProbe struct{ target Target }

// head keeps the beginning of what is written to it and takes the rest without a word.
type head struct{ text []byte }

func (h *head) Write(p []byte) (int, error) {
	h.text = append(h.text, p[:min(len(p), outputLimit-len(h.text))]...)
	return len(p), nil
}

func (p execProbe) run(ctx context.Context) error {
	words := strings.Split(p.target.Check.Command, "\x00")
	var said head
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = "/", p.environment()
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = afterKill
	if err := cmd.Start(); err != nil {
		return &hostFault{NoProgram, fmt.Errorf("exec: %w", err)}
	}
	// Once, and before Wait gives up the number of the program, which is the group's too.
	end := sync.OnceFunc(func() { kill(cmd.Process.Pid) })
	ended := make(chan error, 1)
	go func() {
		if awaitEnd(cmd.Process.Pid) {
			end()
		}
		ended <- cmd.Wait()
	}()
	select {
	case err := <-ended:
		return verdict(err, said.text)
	case <-ctx.Done():
		end()
		<-ended
		return fmt.Errorf("exec: killed%s", quoted(said.text))
	}
}

// environment is all that the program is told besides its arguments.
func (p execProbe) environment() []string {
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"MERIDIAN_TARGET=" + p.target.host(),
		fmt.Sprintf("MERIDIAN_TIMEOUT=%.3f", p.target.Check.Timeout.Seconds()),
	}
}

// kill ends all that a program has started and that has not left its group.
func kill(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) }

// verdict turns the end of a program into a result.
func verdict(err error, said []byte) error {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil // one that left its group and holds the pipe is not waited for
	case errors.As(err, &exit):
		return fmt.Errorf("exec: %v%s", exit, quoted(said))
	}
	return fmt.Errorf("exec: %w", err)
}

// quoted is the first line that a program said.
func quoted(said []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if line == "" {
		return ""
	}
	return fmt.Sprintf(": %.120q", line)
}

// CanExec tells whether the program of a check of type exec is there to be run.
func (c Check) CanExec() error {
	program, _, _ := strings.Cut(c.Command, "\x00")
	info, err := os.Stat(program)
	switch {
	case err != nil:
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return fmt.Errorf("command: %s: %w", program, err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("command: %s: %s is no program that may be run", program, path.Base(program))
	}
	return nil
}
