package peer

import (
	"fmt"
	"os/exec"
	"strings"
)

// Install installs those of Packages that are missing, with apt-get.
func Install() error {
	var missing []string
	for _, p := range Packages {
		if Version(p) == "" {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	args := append([]string{"install", "--yes", "--quiet", "--no-install-recommends"}, missing...)
	c := exec.Command("apt-get", args...)
	c.Env = append(c.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("install %v: %w: %s", missing, err, out)
	}
	return nil
}

// Version is that of an installed package; empty if it is not installed.
func Version(name string) string {
	out, err := exec.Command("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", name).Output()
	version, ok := strings.CutPrefix(string(out), "installed ")
	if err != nil || !ok {
		return ""
	}
	return version
}
