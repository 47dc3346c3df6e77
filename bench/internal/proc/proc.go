// Package proc starts servers on a processor of their own and reads from /proc what they cost.
//
// A Process is used by one goroutine. The readers are safe for concurrent use.
package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU gives the time that the process and its descendants have spent on processors, the sum over all their threads.
// The kernel counts a running thread only at its ticks: read it while the threads are idle. Threads that have ended
// are not in it; children of the process that have ended are, in hundredths of a second.
func CPU(pid int) (time.Duration, error) {
	var sum time.Duration
	for _, p := range tree(pid) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p))
		if err != nil {
			return 0, err
		}
		for _, f := range files {
			t, err := threadCPU(f)
			if err != nil {
				return 0, err
			}
			sum += t
		}
	}
	ended, err := endedChildren(pid)
	if err != nil && sum > 0 {
		return 0, err
	}
	sum += ended
	if sum == 0 {
		return 0, fmt.Errorf("process %d has no threads that ran", pid)
	}
	return sum, nil
}

func threadCPU(file string) (time.Duration, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such process") {
		return 0, nil // ended meanwhile
	}
	if err != nil {
		return 0, err
	}
	t, err := ParseSchedstat(string(b))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
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

// ParseSchedstat reads the line of a schedstat file and gives its first number, nanoseconds on a processor.
func ParseSchedstat(line string) (time.Duration, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat %q has %d fields, want 3", line, len(fields))
	}
	ns, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("schedstat %q: %w", line, err)
	}
	return time.Duration(ns), nil
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
