package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fleet is servers on addresses of 127.0.0.0/8, of which any may be dead, and a nameserver that checks them.
type fleet struct {
	t       *testing.T
	dir     string
	url     string
	dns     string
	process *process

	mu   sync.Mutex // guards dead
	dead map[string]bool
}

// openFleet serves a configuration, in which %WEB% stands for the servers' port.
func openFleet(t *testing.T, config string, zones map[string]string) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: shortDir(t), dead: map[string]bool{}}
	l, err := net.Listen("tcp4", "0.0.0.0:0") // all of 127.0.0.0/8, which a listener each would take long
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: http.HandlerFunc(f.answer)}
	go web.Serve(l)
	t.Cleanup(func() { web.Close() })
	for name, text := range zones {
		write(t, filepath.Join(f.dir, "zones", name), text)
	}
	dns, api := freePort(t), freePort(t)
	f.dns, f.url = fmt.Sprintf("127.0.0.1:%d", dns), fmt.Sprintf("http://127.0.0.1:%d", api)
	head := fmt.Sprintf("listen = [%q]\nstate = \"state\"\nworkers = 1\n", f.dns)
	config = strings.NewReplacer("%WEB%", fmt.Sprint(l.Addr().(*net.TCPAddr).Port), "%API%", fmt.Sprint(api)).Replace(config)
	write(t, filepath.Join(f.dir, "meridian.toml"), head+config)
	return f
}

func (f *fleet) serve() {
	f.t.Helper()
	f.process = start(f.t, meridian, "serve", "--config", filepath.Join(f.dir, "meridian.toml"))
	f.process.answering(f.t, f.dns, "example.com.")
}

// answer is that of all servers.
func (f *fleet) answer(w http.ResponseWriter, r *http.Request) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	ip, _, _ := net.SplitHostPort(local.String())
	f.mu.Lock()
	dead := f.dead[ip]
	f.mu.Unlock()
	if dead {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (f *fleet) kill(ips ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ip := range ips {
		f.dead[ip] = true
	}
}

// run runs a command of the program beside the nameserver.
func (f *fleet) run(args ...string) string {
	f.t.Helper()
	cmd := exec.Command(meridian, append(args, "--config", filepath.Join(f.dir, "meridian.toml"))...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

const fleetZone = `$TTL 300
@    IN SOA ns1 hostmaster 2026112101 7200 3600 1209600 300
@    IN NS  ns1
ns1  IN A   192.0.2.53
www  60 IN GEO web
api  60 IN GEO api
`

// smallFleet has one of everything.
const smallFleet = `[api]
listen = ["127.0.0.1:%API%"]
[servers]
ny = { at = "New York", ip = ["127.9.0.1"] }
la = { at = "Los Angeles", ip = ["127.9.0.2"] }
fr = { at = "Paris", site = "europe", ip = ["127.9.1.1"] }
de = { at = "Berlin", site = "europe", ip = ["127.9.1.2"] }
nl = { at = "Amsterdam", site = "europe", ip = ["127.9.1.3"] }
au = { at = "Sydney, AU", ip = ["127.9.2.1"] }
jp = { at = "Tokyo", ip = ["127.9.2.2"] }
[checks.web]
type = "http"
port = %WEB%
path = "/healthz"
interval = "500ms"
timeout = "2s"
rise = 2
fall = 2
[pools.web]
check = "web"
[pools.api]
check = "web"
servers = ["ny", "fr", "au"]
`

const sentence = `(document.querySelector('#sentence span')?.textContent ?? '')`

// TestPage looks at the status page in a real browser, one for all.
func TestPage(t *testing.T) {
	b := openBrowser(t)
	t.Run("live", func(t *testing.T) { testLive(t, b) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(t, b) })
	t.Run("calm", func(t *testing.T) { testCalm(t, b) })
	t.Run("token", func(t *testing.T) { testToken(t, b) })
	t.Run("injected", func(t *testing.T) { testInjected(t, b) })
	t.Run("foreign", func(t *testing.T) { testForeign(t, b) })
}

// testLive changes things and watches the page follow.
func testLive(t *testing.T, b *browser) {
	f := openFleet(t, smallFleet, map[string]string{"example.com.zone": fleetZone})
	f.serve()
	p := b.open(t, 1280)
	p.visit(f.url + "/")
	p.await("all well", sentence+` === 'All is well: all 7 servers are up'`)
	p.await("latencies", `document.querySelectorAll('.spark .line').length >= 7`)
	p.await("the map", `document.querySelectorAll('#map .area path').length > 100`)
	p.await("its legend", `/europe\s*[0-9]+ % of the land/.test(document.querySelector('#legend').innerText)`)
	p.mu.Lock()
	if got := p.bytes; got > 300e3 || got < 10e3 {
		t.Errorf("the first transfer takes %.0f bytes", got)
	}
	t.Logf("first transfer: %.0f bytes in %d requests", p.bytes, len(p.requests))
	p.mu.Unlock()
	p.eval(`window.still = 'here'`)
	p.named(t)
	if want := "status page: " + f.url + "/"; !strings.Contains(f.process.out.String(), want) {
		t.Errorf("serve does not say %q", want)
	}

	f.run("drain", "ny", "--for", "1h", "--reason", "kernel")
	p.await("the drain", sentence+` === '1 drained: ny'`)
	p.await("the order", `/ny drained\s*kernel/.test(document.querySelector('#orders').innerText)`)
	write(t, filepath.Join(f.dir, "zones", "example.org.zone"), fleetZone+"www IN A 192.0.2.1\n")
	p.await("a zone with an error", sentence+` === 'Zone example.org did not load'`)
	p.await("the error", `document.querySelector('#zones').innerText.includes('zones/example.org.zone:5: a GEO record beside A')`)
	f.kill("127.9.1.1", "127.9.1.2", "127.9.1.3")
	p.await("the region", sentence+` === 'Site europe down: all 3 servers'`)
	p.await("the drain beside it", `document.querySelector('#more').innerText.includes('1 drained: ny')`)
	p.await("the map without the region", `/europe\s*0 % of the land/.test(document.querySelector('#legend').innerText)`)
	p.await("the reason", `document.querySelector('#servers').innerText.includes('503')`)
	if p.eval(`window.still`) != "here" {
		t.Error("the page was loaded anew")
	}
	f.explains(p, "www.example.com", "A", "81.2.69.0/24")
	f.explains(p, "www.example.com", "A", "127.0.0.1")
	f.explains(p, "ns1.example.com", "AAAA", "2001:db8::/32")
	f.explains(p, "www.example.org", "A", "192.0.2.1")
	f.explains(p, "www.example.com", "A", "81.2.69.0/24")
	f.run("undrain", "ny")
	p.await("the explanation after the drain", `document.getElementById('explaintext').textContent.includes('answer   127.9.0.1')`)
	p.clean(f.url)

	f.process.stop()
	p.await("that the connection is lost", `document.body.classList.contains('stale') && document.querySelector('#lost').innerText.includes('as of')`)
	f.serve()
	p.await("that it is back", `!document.body.classList.contains('stale')`)
	alone := b.open(t, 800)
	alone.visit(f.url + "/v1/map?pool=web")
	alone.await("the picture by itself in colour", `getComputedStyle(document.querySelector('.sea')).fill !== 'rgb(0, 0, 0)'`)
}

// explains asks the page and the command line the same.
func (f *fleet) explains(p *tab, name, kind, client string) {
	p.t.Helper()
	said := f.run("explain", name, kind, "--client", client)
	said = strings.TrimSuffix(strings.TrimPrefix(said, "asked the running server\n"), "\n")
	set := func(id, v string) string { return fmt.Sprintf("document.getElementById(%q).value = %q;", id, v) }
	p.eval(`document.getElementById('explained').replaceChildren();` + set("xname", name) + set("xtype", kind) + set("xclient", client) +
		`document.querySelector('#explain button').click()`)
	p.await("an explanation", `!!document.getElementById('explaintext')`)
	if got := p.eval(`document.getElementById('explaintext').textContent`); got != said {
		p.t.Errorf("the page explains\n%s\nthe command\n%s", got, said)
	}
	drawn := strings.Join(strings.Fields(p.eval(`document.querySelector('.decision').textContent`)), "") +
		strings.Join(strings.Fields(p.eval(`[...document.querySelectorAll('.decision .hint')].map((e) => e.title).join()`)), "")
	for line := range strings.Lines(said) { // its times are drawn as a person says them, and stand whole in titles
		for _, word := range strings.Fields(strings.TrimPrefix(line, "tier")) {
			if word = strings.Trim(word, "*"); !strings.Contains(strings.ToLower(drawn), strings.ToLower(word)) {
				p.t.Errorf("what is drawn lacks %q of %q", word, line)
			}
		}
	}
}

// TestPagePictures draws the page in four situations into the folder that MERIDIAN_PICTURES names, to be looked at.
func TestPagePictures(t *testing.T) {
	dir := os.Getenv("MERIDIAN_PICTURES")
	if dir == "" {
		t.Skip("MERIDIAN_PICTURES names no folder for them")
	}
	b := openBrowser(t)
	situation := func(name string, f *fleet, ready string) {
		for _, width := range []int{390, 1440} {
			p := b.open(t, width)
			p.visit(f.url + "/")
			p.await(name, ready)
			p.await("latencies", `document.querySelectorAll('.spark').length >= 3`)
			p.await("the map", `document.querySelectorAll('#map .area path').length > 100`)
			f.explains(p, "www.example.com", "A", "81.2.69.0/24")
			p.eval(`document.activeElement.blur()`)
			for _, theme := range []string{"light", "dark"} {
				p.theme(theme)
				time.Sleep(300 * time.Millisecond)
				p.shoot(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)))
			}
			p.clean(f.url)
			if name == "region" && width == 1440 { // for docs/page.md
				p.theme("light")
				p.clip(filepath.Join(dir, "page.png"), 1080, 0.6)
			}
		}
	}
	f := openFleet(t, smallFleet, map[string]string{"example.com.zone": fleetZone})
	f.serve()
	for _, subnet := range []string{"81.2.69.0", "8.8.8.0", "1.1.1.0", "133.11.0.0", "146.141.0.0", "143.107.0.0"} {
		m := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
		m.SetEdns0(1232, false)
		o := m.IsEdns0()
		o.Option = append(o.Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.ParseIP(subnet).To4()})
		if _, _, err := new(dns.Client).Exchange(m, f.dns); err != nil {
			t.Fatal(err)
		}
	}
	situation("well", f, sentence+`.startsWith('All is well')`)
	f.run("drain", "ny", "--for", "1h", "--reason", "kernel")
	situation("drain", f, sentence+`.includes('drained: ny')`)
	f.run("undrain", "ny")
	f.kill("127.9.1.1", "127.9.1.2", "127.9.1.3")
	situation("region", f, sentence+`.includes('europe')`)
	many := manyServers(f)
	situation("many", many, sentence+`.includes('down')`)
}

// manyServers are 200 in 40 sites, some of them down, one zone broken.
func manyServers(f *fleet) *fleet {
	cities := []string{"Paris", "Berlin", "Madrid", "Rome", "Stockholm", "Warsaw", "Vienna", "Dublin", "Lisbon", "Athens, GR", "New York", "Chicago", "Dallas", "Seattle", "Los Angeles", "Miami", "Toronto", "Mexico City", "Bogota", "Lima", "Sao Paulo", "Buenos Aires", "Cairo", "Lagos", "Nairobi", "Johannesburg", "Istanbul", "Dubai", "Mumbai", "Delhi", "Singapore", "Bangkok", "Jakarta", "Manila", "Hong Kong", "Taipei", "Seoul", "Tokyo", "Sydney, AU", "Auckland"}
	var b strings.Builder
	b.WriteString("[api]\nlisten = [\"127.0.0.1:%API%\"]\n[servers]\n")
	for i, c := range cities {
		site := strings.ToLower(strings.ReplaceAll(strings.Split(c, ",")[0], " ", "-"))
		for j := range 5 {
			fmt.Fprintf(&b, "%s-%d = { at = %q, site = %q, ip = [\"127.10.%d.%d\"] }\n", site, j+1, c, site, i, j+1)
		}
	}
	b.WriteString(smallFleet[strings.Index(smallFleet, "[checks.web]"):strings.Index(smallFleet, "[pools.web]")])
	b.WriteString("[pools.web]\ncheck = \"web\"\n[pools.api]\ncheck = \"web\"\nservers = [\"site:paris\", \"site:new-york\", \"site:tokyo\"]\n")
	m := openFleet(f.t, b.String(), map[string]string{"example.com.zone": fleetZone, "example.org.zone": fleetZone + "www IN A 192.0.2.1\n", "example.net.zone": fleetZone})
	for j := range 5 {
		m.kill(fmt.Sprintf("127.10.25.%d", j+1)) // Johannesburg
	}
	m.kill("127.10.3.2", "127.10.12.4", "127.10.12.5")
	m.serve()
	m.run("drain", "tokyo-1", "--reason", "new disks")
	return m
}
