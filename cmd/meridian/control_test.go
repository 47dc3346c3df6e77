package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const controlPage = "../../docs/control.md"

// TestControlPage runs every command of the page, in order, beside a server. Text behind three spaces is a remark.
func TestControlPage(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash(controlPage))
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t)
	h.replace("meridian.toml", `ip = ["203.0.113.10"] }`, `ip = ["203.0.113.10"], site = "europe" }
eu-1 = { at = "Berlin", ip = ["203.0.113.11"] }`)
	h.serve()
	if err := os.Symlink(program, h.path("meridian")); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```bash\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	ran := 0
	for _, b := range blocks {
		for line := range strings.Lines(b[1]) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
			if !strings.HasPrefix(line, "meridian ") {
				if !strings.HasPrefix(line, "curl ") {
					t.Errorf("no test knows the command %q", line)
				}
				continue
			}
			cmd := exec.Command("sh", "-c", line+" --config meridian.toml")
			cmd.Dir, cmd.Env = h.dir, append(os.Environ(), "PATH="+h.dir+":"+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
			ran++
		}
	}
	if ran < 9 {
		t.Errorf("only %d commands were run", ran)
	}
}
