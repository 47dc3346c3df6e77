// Package proc starts servers on a processor of their own and reads from /proc what they cost.
//
// A Process is used by one goroutine. The readers are safe for concurrent use.
package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU gives the time that the process and its descendants have spent on processors, in nanoseconds, with all their threads,
// also those that have ended. Children of the process that have ended count in hundredths of a second.
func CPU(pid int) (time.Duration, error) {
	sum, err := clock(pid)
	if err != nil {
		return 0, err
	}
	for _, p := range tree(pid)[1:] {
		t, err := clock(p)
		if err != nil && !errors.Is(err, unix.EINVAL) { // of one that has ended meanwhile
			return 0, err
		}
		sum += t
	}
	ended, err := endedChildren(pid)
	return sum + ended, err
}

// clock reads the CPU-time clock of a process, whose number clock_getcpuclockid(3) makes so.
func clock(pid int) (time.Duration, error) {
	const scheduled = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// endedChildren gives the time of children that the process has waited for.
func endedChildren(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseEnded(string(b))
}

// parseEnded reads cutime and cstime, the 16th and 17th field of a stat file. The second field, a name in parentheses,
// may hold anything.
func parseEnded(line string) (time.Duration, error) {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 15 {
		return 0, fmt.Errorf("stat %q is too short", line)
	}
	user, err1 := strconv.ParseInt(fields[13], 10, 64)
	system, err2 := strconv.ParseInt(fields[14], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}

// tree gives pid and all its descendants.
func tree(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, f := range files {
			b, _ := os.ReadFile(f)
			for _, field := range strings.Fields(string(b)) {
				if child, err := strconv.Atoi(field); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

// Memory is what a process and its descendants hold, in octets.
type Memory struct {
	Proportional int64 `json:"proportional"` // now; shared pages divided among those that share them
	Peak         int64 `json:"peak"`         // the sum of the processes' largest resident sizes
}

// MemoryOf reads smaps_rollup and status of the process and its descendants.
func MemoryOf(pid int) (Memory, error) {
	var m Memory
	for _, p := range tree(pid) {
		pss, err := kilobytes(fmt.Sprintf("/proc/%d/smaps_rollup", p), "Pss:")
		if err != nil {
			return m, err
		}
		peak, err := kilobytes(fmt.Sprintf("/proc/%d/status", p), "VmHWM:")
		if err != nil {
			return m, err
		}
		m.Proportional += pss
		m.Peak += peak
	}
	return m, nil
}

func kilobytes(file, key string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := parseKilobytes(string(b), key)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// parseKilobytes finds "key  N kB" and gives N in octets.
func parseKilobytes(text, key string) (int64, error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, key)
		fields := strings.Fields(rest)
		if !ok || len(fields) != 2 || fields[1] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		return n << 10, err
	}
	return 0, fmt.Errorf("no %q", key)
}

// Load gives the load averages of the last one, five and fifteen minutes, as the kernel writes them.
func Load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
