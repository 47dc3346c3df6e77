package config_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/config"
)

const page = "../docs/config.md"

// TestDocumentedBlocks loads every TOML block of the pages. One marked "fragment" is put before servers and a pool, or
// without those it has itself.
func TestDocumentedBlocks(t *testing.T) {
	for _, page := range []string{page, "../docs/health.md", "../docs/page.md", "../docs/zones.md"} {
		t.Run(filepath.Base(page), func(t *testing.T) { loadBlocks(t, page) })
	}
}

func loadBlocks(t *testing.T, page string) {
	blocks := regexp.MustCompile("(?ms)^```toml( fragment)?\n(.*?)^```$").FindAllStringSubmatch(read(t, page), -1)
	if fences := strings.Count(read(t, page), "```toml"); fences < 1 || len(blocks) != fences {
		t.Fatalf("%d of %d TOML blocks found", len(blocks), fences)
	}
	for i, b := range blocks {
		text := b[2]
		if b[1] != "" && !strings.Contains(text, "[servers]") {
			text += "[servers]\n" + `ny = { at = "New York", ip = ["198.51.100.10", "2001:db8:1::10"] }
fr = { at = "Paris", ip = ["203.0.113.10", "2001:db8:2::10"] }
au = { at = "Sydney, AU", ip = ["192.0.2.10", "2001:db8:3::10"] }
`
		}
		c, err := config.Parse(fmt.Sprintf("block%d.toml", i+1), []byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		checkInvariants(t, c)
	}
}

// TestEveryBlockIsMarked: a block without a language is a zone file, and there is one.
func TestEveryBlockIsMarked(t *testing.T) {
	fences := regexp.MustCompile("(?m)^```.*$").FindAllString(read(t, page), -1)
	plain := 0
	for i := 0; i < len(fences); i += 2 {
		if fences[i] == "```" {
			plain++
		}
	}
	if len(fences)%2 != 0 || plain != 1 {
		t.Errorf("%d fences, %d blocks that no test loads; expected 1, of a zone file", len(fences), plain)
	}
}

// row is one key of a table of the page.
type row struct{ section, key, def string }

// documented returns the rows of the tables of keys. The section is the heading above.
func documented(t *testing.T) []row {
	t.Helper()
	var rows []row
	section, keys := "", false
	for line := range strings.SplitSeq(read(t, page), "\n") {
		if strings.HasPrefix(line, "#") {
			section, keys = strings.Trim(line, "#` "), false
			continue
		}
		cells := strings.Split(line, "|")
		switch {
		case strings.HasPrefix(line, "| Key |"):
			keys = true
		case keys && strings.HasPrefix(line, "| `"):
			rows = append(rows, row{section, strings.Trim(cells[1], " `"), strings.TrimSpace(cells[3])})
		case len(cells) < 2:
			keys = false
		}
	}
	if len(rows) < 40 {
		t.Fatalf("only %d documented keys found", len(rows))
	}
	return rows
}

// sample holds every table of a config, each with a line "#SECTION" to put a key of it.
const sample = `#Top level
[identity]
#[identity]
[cookies]
#[cookies]
[limits]
#[limits]
[api]
#[api]
[api.tokens.ops]
file = "a"
#[api.tokens.NAME]
[alerts]
#[alerts]
[alerts.to.ops]
url = "https://example.com/"
#[alerts.to.NAME]
[alerts.ping]
url = "https://example.com/"
#[alerts.ping]
[freeze]
canaries = "192.0.2.1:443"
#[freeze]
[query_log]
#[query_log]
[dnstap]
socket = "a.sock"
#[dnstap]
[geo]
city = "a.mmdb"
#[geo]
[geo.fields]
#[geo.fields]
[servers.ny]
ip = "198.51.100.10"
#[servers.NAME]
[checks.web]
#[checks.NAME]
[zone."example.com"]
dnssec = true
#[zone."NAME"]
[pools.web]
#[pools.NAME]
[pools.web.rules."country:DE"]
servers = ["ny"]
#[pools.NAME.rules.TOKENS]
`

func with(t *testing.T, section, line string) (*config.Config, error) {
	t.Helper()
	text := strings.Replace(sample, "#"+section+"\n", line+"\n", 1)
	if text == sample && line != "" {
		t.Fatalf("no section %q in the sample", section)
	}
	return config.Parse("sample.toml", []byte(text))
}

// TestDocumentedDefaults writes each documented default into the file: that must not change what is read.
func TestDocumentedDefaults(t *testing.T) {
	want, err := config.Parse("sample.toml", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile("^`([^`]+)`")
	tried := 0
	for _, r := range documented(t) {
		m := literal.FindStringSubmatch(r.def)
		if m == nil || slices.Contains([]string{"sni", "insecure", "tls", "cert_days", "recheck", "dnssec"}, r.key) { // refused in the sample, whose check is http and whose receiver is a webhook; dnssec is there already
			continue
		}
		tried++
		got, err := with(t, r.section, r.key+" = "+m[1])
		if err != nil {
			t.Errorf("%s, %s: %v", r.section, r.key, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s = %s is documented as the default but changes what is read", r.section, r.key, m[1])
		}
	}
	if tried < 25 {
		t.Errorf("only %d defaults tried", tried)
	}
}

// TestEveryKeyIsDocumented compares the keys of each table with those that the error for an unknown key lists.
func TestEveryKeyIsDocumented(t *testing.T) {
	keys := map[string][]string{}
	for _, r := range documented(t) {
		keys[r.section] = append(keys[r.section], r.key)
	}
	for line := range strings.SplitSeq(sample, "\n") {
		section, ok := strings.CutPrefix(line, "#")
		if !ok {
			continue
		}
		_, err := with(t, section, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq = 1")
		if err == nil {
			t.Errorf("%s takes any key", section)
			continue
		}
		_, list, _ := strings.Cut(err.Error(), "known here: ")
		known := strings.Split(list, ", ")
		slices.Sort(known)
		slices.Sort(keys[section])
		equal(t, section, keys[section], known)
		delete(keys, section)
	}
	if len(keys) > 0 {
		t.Errorf("documented tables that do not exist: %v", keys)
	}
}
