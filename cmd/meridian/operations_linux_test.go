package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/config"
)

func operationsPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOperationsBlocks tries every fenced block of the page: commands that only look are run against a server, others
// are known by how they begin, and settings are read.
func TestOperationsBlocks(t *testing.T) {
	page := operationsPage(t)
	found := regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(page, -1)
	if fences := strings.Count(page, "```"); 2*len(found) != fences {
		t.Fatalf("%d blocks found among %d fences", len(found), fences)
	}
	h := newHome(t)
	p := h.serve()
	seen := map[string]int{}
	for _, f := range found {
		switch seen[f[1]]++; f[1] {
		case "bash":
			h.tryCommands(p.cmd.Process.Pid, f[2])
		case "toml":
			if _, err := config.Parse("meridian.toml", []byte(f[2])); err != nil {
				t.Errorf("%v\n%s", err, f[2])
			}
		case "ini":
			tryUnit(t, f[2])
		default:
			t.Errorf("nothing tests a block of %q", f[1])
		}
	}
	if seen["bash"] < 10 || seen["toml"] != 1 || seen["ini"] != 3 {
		t.Errorf("blocks: %v", seen)
	}
}

// tryCommands runs the lines of a block that change nothing on the machine, if it has the program.
func (h *home) tryCommands(pid int, block string) {
	h.t.Helper()
	looking := []string{"cat /proc/", "dig +norecurse @192.0.2.53", "dnsperf ", "grep ", "ls /proc/", "meridian check", "nstat ", "printf ", "ps ", "ss ", "sysctl net."}
	others := []string{"dig +norecurse +tcp @198.51.100.53", "echo ", "ethtool -k eth0 ", "journalctl ", "rsync ", "sudo ", "./meridian check --config /etc"}
	begins := func(line string, with []string) bool {
		return slices.ContainsFunc(with, func(begin string) bool { return strings.HasPrefix(line, begin) })
	}
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if out, err := exec.Command("bash", "-n", "-c", line).CombinedOutput(); err != nil {
			h.t.Errorf("%s: %v\n%s", line, err, out)
		}
		switch {
		case begins(line, looking):
			h.look(pid, line)
		case !begins(line, others):
			h.t.Errorf("no test knows the command %q", line)
		}
	}
}

func (h *home) look(pid int, line string) {
	h.t.Helper()
	port := fmt.Sprintf("127.0.0.1 -p %d", h.listen.Port())
	line = strings.NewReplacer("$(pidof meridian)", fmt.Sprint(pid), "meridian check", program+" check",
		"@192.0.2.53", "@"+port, "-s 192.0.2.53", "-s "+port, "-l 10", "-l 1").Replace(line)
	tool := strings.Fields(line)[0]
	if _, err := exec.LookPath(tool); err != nil && tool != "printf" {
		h.t.Logf("not run without %s: %s", tool, line)
		return
	}
	cmd := exec.Command("bash", "-c", line)
	cmd.Dir = h.dir
	out, err := cmd.CombinedOutput()
	lost := tool == "dnsperf" && !bytes.Contains(out, []byte("Queries lost:         0"))
	if err != nil || lost || len(out) == 0 && tool != "printf" {
		h.t.Errorf("%s: %v\n%s", line, err, out)
	}
}

// tryUnit reads settings of systemd: names that it knows, in their section.
func tryUnit(t *testing.T, block string) {
	t.Helper()
	known := map[string][]string{
		"[Service]": {"CPUAffinity", "Environment", "MemoryMax"},
		"[Resolve]": {"DNSStubListener"},
	}
	section, rest, _ := strings.Cut(block, "\n")
	for line := range strings.Lines(rest) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), "="); value == "" || !slices.Contains(known[section], name) {
			t.Errorf("%s: no test knows %q", section, line)
		}
	}
}

// TestOperationsMessages holds that the messages which the page explains are those of the program.
func TestOperationsMessages(t *testing.T) {
	page := operationsPage(t)
	_, table, _ := strings.Cut(page, "| message |")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1)
	quoted := regexp.MustCompile("`(the kernel gave [^`]+|the folder cannot [^`]+)`").FindAllStringSubmatch(page, -1)
	if len(rows) < 10 || len(quoted) < 2 {
		t.Fatalf("%d messages in the table, %d in the text", len(rows), len(quoted))
	}
	source := programSource(t)
	for _, m := range append(rows, quoted...) {
		if strings.HasPrefix(m[1], "zones/FILE:LINE") {
			continue // docs/zones.md has these, and a test of its own
		}
		for _, part := range strings.Split(m[1], "…") {
			if !strings.Contains(source, strings.TrimSpace(part)) {
				t.Errorf("the program does not say %q", part)
			}
		}
	}
}

// programSource is the text of the program, string literals joined.
func programSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{".", "../../server", "../../zones"} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return regexp.MustCompile(`"\s*\+\s*"`).ReplaceAllString(all.String(), "")
}
