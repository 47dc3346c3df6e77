package zones

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func zonesPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/zones.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// Every zone that docs/zones.md shows loads without a word. A block with a
// file's name is a whole file, others are part of one.
func TestZonesOfTheDocs(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```zone *([^\n]*)\n(.*?)^```").FindAllStringSubmatch(zonesPage(t), -1)
	if len(blocks) < 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		file, text := block[1], block[2]
		if file == "" {
			file, text = "example.org.zone", zoneText(1)+text
		}
		if z, problems := Parse(file, strings.NewReader(text), int64(len(text)), somePools); z == nil || len(problems) > 0 {
			t.Errorf("%v in\n%s", problems, text)
		}
	}
}

// documented gives the messages in the tables below a heading of the page.
func documented(t *testing.T, page, heading string) []*regexp.Regexp {
	t.Helper()
	_, section, ok := strings.Cut(page, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var patterns []*regexp.Regexp
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`"+`.*?`+"`"+`) \|`).FindAllStringSubmatch(section, -1) {
		for _, message := range strings.Split(strings.Trim(row[1], "`"), "`, `") {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(message), "…", ".+")
			patterns = append(patterns, regexp.MustCompile("^"+pattern+"$"))
		}
	}
	return patterns
}

// Every problem of the test zones is explained in the page, and every error
// that the page explains has a test zone.
func TestDocsExplainEveryProblem(t *testing.T) {
	page := zonesPage(t)
	for heading, dir := range map[string]string{"Errors": "bad", "Warnings": "warned"} {
		patterns := documented(t, page, heading)
		shown := make([]bool, len(patterns))
		for _, text := range expected(t, dir) {
			known := false
			for i, p := range patterns {
				if p.MatchString(text) {
					known, shown[i] = true, true
				}
			}
			if !known {
				t.Errorf("not explained: %s", text)
			}
		}
		for i, p := range patterns {
			if !shown[i] && !strings.Contains(p.String(), "SOA serial") {
				t.Errorf("explained, but no zone in %s shows it: %s", dir, p)
			}
		}
	}
}

// expected gives the texts of the problems beside the test zones, without
// where they are; warnings of bad zones and problems of files are left out.
func expected(t *testing.T, dir string) (texts []string) {
	t.Helper()
	for _, file := range zoneFiles(t, dir) {
		problems, err := os.ReadFile(strings.TrimSuffix(file, ".zone") + ".problems")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(problems)) {
			text := regexp.MustCompile(`^`+filepath.Base(dir)+`/[^:]*:(\d+:)? `).ReplaceAllString(strings.TrimSpace(line), "")
			warning := strings.HasPrefix(text, "warning: ")
			if warning == (dir == "warned") {
				texts = append(texts, strings.TrimPrefix(text, "warning: "))
			}
		}
	}
	return texts
}
