package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/admin"
)

// mapping is a home with a third server; the pool is that of the demo but for health checks.
func mapping(t *testing.T) *home {
	h := newHome(t)
	h.replace("meridian.toml", "[pools.web]", "au = { at = \"Sydney, AU\", ip = [\"192.0.2.10\"] }\n[pools.web]")
	return h
}

// coverage runs map with --json and returns by whom countries are served.
func (h *home) coverage(args ...string) (c admin.Coverage, by map[string]string) {
	h.t.Helper()
	text := h.run(0, append([]string{"map", "web", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		h.t.Fatalf("%v:\n%s", err, text)
	}
	by = map[string]string{}
	for _, l := range c.Countries {
		by[l.Code] = l.Servers[0].Server
	}
	return c, by
}

func TestMapOffline(t *testing.T) {
	h := mapping(t)
	for _, c := range []struct {
		args []string
		want map[string]string
	}{
		{nil, map[string]string{"DE": "fr", "US": "ny", "JP": "au", "SG": "au", "MT": "fr", "MU": "fr"}},
		{[]string{"--down", "fr"}, map[string]string{"DE": "ny", "US": "ny", "JP": "au", "MT": "ny"}},
		{[]string{"--down", "fr", "--down", "ny"}, map[string]string{"DE": "au", "US": "au"}},
		{[]string{"--down", "f*", "--down", "site:ny"}, map[string]string{"DE": "au", "US": "au"}},
		{[]string{"--add", "jp=Tokyo"}, map[string]string{"DE": "fr", "JP": "jp", "KR": "jp", "AU": "au"}},
		{[]string{"--add", "sg=1.35,103.8", "--add", "jp=Tokyo"}, map[string]string{"SG": "sg", "JP": "jp"}},
	} {
		got, by := h.coverage(c.args...)
		for code, want := range c.want {
			if by[code] != want {
				t.Errorf("%q: %s is served by %s, want %s", c.args, code, by[code], want)
			}
		}
		if got.HealthKnown || len(got.Countries) < 240 {
			t.Errorf("%q: health known %v, %d countries", c.args, got.HealthKnown, len(got.Countries))
		}
	}
	h.replace("meridian.toml", "[pools.web]", "[pools.web]\nrules = { \"country:DE\" = { servers = [\"au\"], fence = true } }")
	if _, by := h.coverage("--down", "au"); by["DE"] != "au" || by["AT"] != "fr" || by["AU"] == "au" {
		t.Errorf("with a fence: Germany %s, Austria %s, Australia %s", by["DE"], by["AT"], by["AU"])
	}
}

func TestMapTable(t *testing.T) {
	h := mapping(t)
	out := h.run(0, "map", "web", "--out", "map.svg")
	for _, want := range []string{
		"no server is running: computed from meridian.toml", "SERVER  STATE", "COUNTRY  ", "\nLuxembourg  ", "written to map.svg",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "Singapore ") && !strings.HasPrefix(strings.Join(strings.Fields(line), " "), "Singapore SG 63") {
			t.Errorf("%q", line)
		}
	}
	text, err := h.read("map.svg")
	if err != nil || !strings.Contains(text, "<style>") || wellFormed(text) != nil {
		t.Errorf("the map: %v, %v", err, wellFormed(text))
	}
	if out := h.run(0, "map", "web", "--out", "-"); out != text {
		t.Error("on standard output stands something else than in a file")
	}
	h.run(0, "map", "web", "--format", "json", "--out", "map.json")
	if text, _ := h.read("map.json"); !json.Valid([]byte(text)) {
		t.Error("map.json is no JSON")
	}
}

// TestMapSites tells a site's servers as one, but for the line that each has.
func TestMapSites(t *testing.T) {
	h := mapping(t)
	h.replace("meridian.toml", "fr = { at = \"Paris\", ip = [\"203.0.113.10\"] }", "fr = { at = \"Paris\", ip = [\"203.0.113.10\"], site = \"europe\" }\n"+
		"lu = { at = [49.6, 6.1], ip = [\"203.0.113.11\"], site = \"europe\" }")
	out := h.run(0, "map", "web")
	for _, want := range []string{"Germany DE", "China CN"} {
		for line := range strings.Lines(out) {
			words := strings.Join(strings.Fields(line), " ")
			if strings.HasPrefix(words, want) && (!strings.Contains(words, " europe") || strings.Contains(words, "fr")) {
				t.Errorf("%q", words)
			}
		}
	}
	if !strings.Contains(out, "\nfr ") || !strings.Contains(out, "\nlu ") || !strings.Contains(out, "\nGermany ") {
		t.Errorf("servers or countries are missing in:\n%s", out)
	}
	if _, by := h.coverage("--down", "site:europe"); by["DE"] != "ny" {
		t.Errorf("without the site, Germany is served by %s", by["DE"])
	}
}

// wellFormed reads XML to its end.
func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestMapErrors(t *testing.T) {
	h := mapping(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"nope"}, 1, `no pool is named "nope"; there are: web`},
		{[]string{"web", "--down", "xx"}, 1, `pool web has no server "xx"; it has: ny, fr, au`},
		{[]string{"web", "--add", "jp"}, 2, `--add "jp" is not NAME=PLACE`},
		{[]string{"web", "--add", "fr=Lyon"}, 1, "there is a server fr"},
		{[]string{"web", "--add", "x=Nowhereville"}, 1, "Nowhereville"},
		{[]string{"web", "--add", "x=95,10"}, 1, "no place has the coordinates 95,10"},
		{[]string{"web", "--format", "png"}, 2, "neither svg nor json"},
		{[]string{"web", "--out", "no/such/folder/map.svg"}, 1, "no such file or directory"},
		{nil, 2, "map needs the name of a pool"},
		{[]string{"web", "other"}, 2, "map needs the name of a pool"},
	} {
		if out := h.run(c.code, append([]string{"map"}, c.args...)...); !strings.Contains(out, c.want) {
			t.Errorf("%q: no %q in:\n%s", c.args, c.want, out)
		}
	}
}

// TestMapLive asks a running server, before and after a drain, by the command and over HTTP.
func TestMapLive(t *testing.T) {
	h := mapping(t)
	at := freeAddr(t)
	text, _ := h.read("meridian.toml")
	h.write("meridian.toml", text+fmt.Sprintf("[api]\nlisten = [%q]\n", at))
	h.serve()
	c, by := h.coverage()
	if by["DE"] != "fr" || !c.HealthKnown {
		t.Errorf("Germany is served by %s; health known: %v", by["DE"], c.HealthKnown)
	}
	h.run(0, "drain", "fr")
	c, by = h.coverage()
	if by["DE"] != "ny" || c.Servers[1].State != "drained" {
		t.Errorf("with fr drained, Germany is served by %s; fr is %s", by["DE"], c.Servers[1].State)
	}
	if _, by = h.coverage("--down", "ny"); by["DE"] != "au" {
		t.Errorf("with fr drained and ny taken for down, Germany is served by %s", by["DE"])
	}
	if _, by = h.coverage("--offline"); by["DE"] != "fr" {
		t.Errorf("offline, Germany is served by %s", by["DE"])
	}
	if out := h.run(0, "map", "web", "--out", "map.svg"); !strings.Contains(out, "asked the running server") {
		t.Errorf("not asked:\n%s", out)
	}
	get := func(path string) (int, string, string) {
		resp, err := http.Get("http://" + at.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header.Get("Content-Type"), string(body)
	}
	for _, q := range []string{"pool=web", "pool=web&bare=1", "pool=web&bare=1&legend=0&down=fr&down=au"} {
		code, kind, svg := get("/v1/map?" + q)
		bare := strings.Contains(q, "bare")
		if code != 200 || kind != "image/svg+xml" || wellFormed(svg) != nil || strings.Contains(svg, "style") == bare {
			t.Errorf("%s: %d %s, %v", q, code, kind, wellFormed(svg))
		}
		if strings.Contains(svg, `class="legend"`) == strings.Contains(q, "legend=0") {
			t.Errorf("%s: the legend is not as asked for", q)
		}
	}
	if code, kind, css := get("/map.css"); code != 200 || kind != "text/css" || !strings.Contains(css, ".area.s11{") {
		t.Errorf("/map.css: %d %s", code, kind)
	}
	if code, _, body := get("/v1/coverage?pool=x"); code != 404 || !strings.Contains(body, "there are: web") {
		t.Errorf("of no pool: %d %s", code, body)
	}
	if code, _, _ := get("/v1/map?pool=web&down=xx"); code != 400 {
		t.Errorf("with no such server down: %d", code)
	}
}

// TestMapPage runs the commands of its page.
func TestMapPage(t *testing.T) {
	h := mapping(t)
	ran := 0
	for _, b := range fencedIn(t, "docs/map.md") {
		for line := range strings.Lines(b.text) {
			command, _, _ := strings.Cut(line, "   ")
			args, ours := strings.CutPrefix(strings.TrimSpace(command), "meridian ")
			if !ours {
				t.Errorf("no test knows %q", line)
			}
			h.run(0, strings.Fields(args)...)
			ran++
		}
	}
	if ran < 5 {
		t.Errorf("%d commands ran", ran)
	}
}

// example is the map in the docs.
const example = "../../docs/map.svg"

// TestMapExample holds that the map in the docs is what the program draws. To make it anew:
//
//	go run ./cmd/meridian map web --config cmd/meridian/internal/demo/world/meridian.toml --offline --out docs/map.svg
func TestMapExample(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors round otherwise, and so draw a few points a quarter of a dot beside")
	}
	want, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	h := &home{t: t, dir: "."}
	got, code := h.meridian("map", "web", "--config", "internal/demo/world/meridian.toml", "--offline", "--out", "-")
	if code != 0 || !bytes.Equal([]byte(got), want) {
		t.Errorf("%s is not what is drawn now; make it anew as this test's comment says", example)
	}
}
