package zones

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// somePools knows the pools that the test zones name.
func somePools(ref string) (GeoInfo, error) {
	switch pool, server, pinned := strings.Cut(ref, "/"); {
	case pool == "cdn":
		return GeoInfo{A: true, AAAA: true, CNAME: true}, nil
	case pool != "web" && pool != "other":
		return GeoInfo{}, errors.New("there is no such pool")
	case pinned && server != "ny":
		return GeoInfo{}, errors.New("there is no such server in the pool " + pool)
	}
	return GeoInfo{A: true, AAAA: true}, nil
}

// zoneFiles lists the zone files of a folder of testdata.
func zoneFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../testdata/zones", dir, "*.zone"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no zone files in %s: %v", dir, err)
	}
	return files
}

// byFile checks a folder of testdata and sorts its problems to zone files.
func byFile(t *testing.T, dir string) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for _, p := range checked(filepath.Join("../testdata/zones", dir), FolderOptions{Geo: somePools}) {
		file := filepath.Base(p.File)
		if p.Zone != "" {
			file = p.Zone + ".zone"
		}
		got[file] = append(got[file], p.String())
	}
	return got
}

// Every rule of acceptance 37 and 38 has a zone that breaks it and, beside it,
// the exact problems.
func TestProblemsOfZones(t *testing.T) {
	for _, dir := range []string{"bad", "warned"} {
		got := byFile(t, dir)
		for _, file := range zoneFiles(t, dir) {
			name := filepath.Base(file)
			t.Run(name, func(t *testing.T) {
				want, err := os.ReadFile(strings.TrimSuffix(file, ".zone") + ".problems")
				if err != nil {
					t.Fatal(err)
				}
				if text := strings.Join(got[name], "\n") + "\n"; text != string(want) {
					t.Errorf("got:\n%swant:\n%s", text, want)
				}
			})
		}
	}
}

func TestGoodZonesHaveNoProblems(t *testing.T) {
	got := byFile(t, "good")
	for _, file := range zoneFiles(t, "good") {
		if problems := got[filepath.Base(file)]; problems != nil {
			t.Errorf("%s: %v", file, problems)
		}
	}
}

func TestProblemsAreLimited(t *testing.T) {
	text := "$TTL 60\n@ SOA ns.example. a.example. 1 2 3 4 5\n@ NS ns.example.\n" +
		strings.Repeat("www.example.org. A 192.0.2.1\nwww A 192.0.2.1\n", 100)
	for i := range 60 {
		text += "x" + strings.Repeat("x", i) + ".example.org. A 192.0.2.1\n"
	}
	_, problems := Parse("example.com.zone", strings.NewReader(text), 0, nil)
	last := problems[len(problems)-2:]
	if len(problems) != 50+50+2 || last[0].Text != "11 more errors are not shown" || last[1].Text != "49 more warnings are not shown" {
		t.Errorf("%d problems, the last %v", len(problems), last)
	}
}
