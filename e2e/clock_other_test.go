//go:build !(linux && amd64)

package e2e

import (
	"errors"
	"os/exec"
	"testing"
	"time"
)

// clock is the time of day as some processes see it.
type clock struct{}

const clockShim = "MERIDIAN_E2E_CLOCK"

func runShim([]string) error { return errors.New("not on this system") }

func (c *clock) now() time.Time { return time.Now() }

func (c *clock) forward(time.Duration) {}

func (c *clock) failure() error { return nil }

func (c *clock) command(t *testing.T, _ string, _ ...string) (*exec.Cmd, func()) {
	t.Skip("the time of day cannot be set for a process on this system")
	return nil, nil
}
