package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fenced block of a page.
type block struct{ page, lang, text string }

// fenced returns the blocks of the pages that this package answers for.
func fenced(t *testing.T) []block { return fencedIn(t, "README.md", "docs/commands.md") }

func fencedIn(t *testing.T, pages ...string) []block {
	t.Helper()
	var blocks []block
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
		if fences := strings.Count(string(text), "```"); len(found) == 0 || 2*len(found) != fences {
			t.Fatalf("%s: %d blocks found among %d fences", page, len(found), fences)
		}
		for _, f := range found {
			blocks = append(blocks, block{page, f[1], f[2]})
		}
	}
	return blocks
}

// TestReadmeServes puts the quick start's configuration and zone in place, checks them and serves them.
func TestReadmeServes(t *testing.T) {
	h := newHome(t)
	seen := map[string]int{}
	for _, b := range fenced(t) {
		switch seen[b.lang]++; b.lang {
		case "toml":
			h.write("meridian.toml", b.text)
		case "zone":
			h.write("zones/example.com.zone", b.text)
		case "bash", "":
		default:
			t.Errorf("%s: nothing tests a block of %q", b.page, b.lang)
		}
	}
	if seen["toml"] != 1 || seen["zone"] != 1 || seen["bash"] < 5 {
		t.Fatalf("blocks: %v", seen)
	}
	out, code := h.meridian("check", "--config", "meridian.toml")
	if code != 0 || !strings.Contains(out, "0 errors, 0 warnings") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	h.replace("meridian.toml", `"192.0.2.53:53"]`, `"`+h.listen.String()+"\"]\nstate = \"state\"\n")
	h.replace("meridian.toml", "check = \"https://example.com/healthz\"\n", "")
	h.serve()
	for subnet, want := range map[string]string{
		"81.2.69.0/24": "203.0.113.10", "8.8.8.0/24": "198.51.100.10", "1.1.1.0/24": "192.0.2.10",
	} {
		if got := h.ask("udp", "www.example.com", 1, subnet); got != want {
			t.Errorf("for %s: %s, want %s", subnet, got, want)
		}
	}
}

// TestCommandsInPages runs the commands of the pages that end by themselves and change nothing outside a home. The
// others are known by how they begin: a new kind must be looked at.
func TestCommandsInPages(t *testing.T) {
	h := newHome(t)
	others := []string{
		"go build -o meridian ./cmd/meridian", "go test ./...", "go run ./cmd/meridian demo", "meridian demo",
		"sudo install ", "sudo mkdir ", "sudo cp ", "sudo systemctl ", "sudo setcap ",
		"dig @", "curl --unix-socket /var/lib/meridian/control.sock ",
	}
	ran := 0
	for _, b := range fenced(t) {
		if b.lang != "bash" {
			continue
		}
		for line := range strings.Lines(b.text) {
			line = strings.TrimSpace(line)
			args, ours := strings.CutPrefix(line, "meridian ")
			known := slices.ContainsFunc(others, func(begin string) bool { return strings.HasPrefix(line, begin) })
			switch {
			case known:
			case !ours:
				t.Errorf("%s: no test knows the command %q", b.page, line)
			default:
				ran++
				out, code := h.meridian(append(strings.Fields(args), "--config", "meridian.toml")...)
				if code != 0 {
					t.Errorf("%s: %q: exit code %d\n%s", b.page, line, code, out)
				}
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d commands were run", ran)
	}
}

// TestSignedPage follows the page on DNSSEC from its top to its end.
func TestSignedPage(t *testing.T) {
	h := newHome(t)
	ran := 0
	for _, b := range fencedIn(t, "docs/dnssec.md") {
		if b.lang == "toml" {
			h.write("meridian.toml", h.config("")+b.text+"roll = true\nparent = []\n")
			continue
		}
		for line := range strings.Lines(b.text) {
			ran++
			args := strings.Fields(line)
			if out, code := h.meridian(args[1:]...); args[0] != "meridian" || code != 0 {
				t.Errorf("%q: exit code %d\n%s", line, code, out)
			}
		}
	}
	if ran < 7 {
		t.Errorf("only %d commands were run", ran)
	}
}

// pages are the paths of all that is written for readers.
func pages(t *testing.T) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 10 {
		t.Fatalf("only %d pages: %v", len(paths), paths)
	}
	return paths
}

// TestLinksInPages holds that links to files of the project lead somewhere.
func TestLinksInPages(t *testing.T) {
	for _, path := range pages(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(l[1]))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// TestUnit holds that the unit for systemd runs a command line that is understood. A reload needs no check before it:
// a configuration that is wrong is refused, and a zone that is wrong must not keep the rest from being reloaded.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile("../../contrib/meridian.service")
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t)
	commands := regexp.MustCompile(`(?m)^Exec\w+=/usr/local/bin/meridian (\w+ .*)$`).FindAllStringSubmatch(string(text), -1)
	if len(commands) != 1 {
		t.Fatalf("commands: %v", commands)
	}
	for _, c := range commands {
		if out, code := h.meridian(append(strings.Fields(c[1]), "--help")...); code != 0 {
			t.Errorf("%s: exit code %d\n%s", c[1], code, out)
		}
	}
}

// TestReadmeLists holds that every page of docs can be found from the README.
func TestReadmeLists(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		if name := filepath.Base(page); filepath.Dir(page) == "../../docs" && !strings.Contains(string(readme), "](docs/"+name+")") {
			t.Errorf("README.md does not list docs/%s", name)
		}
	}
}
