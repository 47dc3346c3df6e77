package proc

import (
	"fmt"
	"os"
	"strings"
)

// MappedFiles gives how much of the files in memory whose names begin so a process has mapped, in octets.
func MappedFiles(pid int, name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	return sumMapped(string(b), name)
}

// sumMapped reads a maps file: lines of "from-to rights offset device inode /memfd:NAME (deleted)".
func sumMapped(maps, name string) (sum int64, err error) {
	for line := range strings.Lines(maps) {
		if !strings.Contains(line, " /memfd:"+name) {
			continue
		}
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			return 0, fmt.Errorf("maps %q: %w", line, err)
		}
		sum += to - from
	}
	return sum, nil
}
