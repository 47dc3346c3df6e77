package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/miekg/dns"
)

// TestGdnsdPage runs the two configurations of docs/gdnsd.md, ours and gdnsd's, and holds that they answer alike.
func TestGdnsdPage(t *testing.T) {
	gdnsd := need(t, "gdnsd")
	text, err := os.ReadFile("../docs/gdnsd.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, b := range regexp.MustCompile("(?ms)^```([a-z ]+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks[b[1]] = b[2]
	}
	if len(blocks) != 4 {
		t.Fatalf("%d blocks", len(blocks))
	}
	dir := shortDir(t)
	theirs, ours := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	path := func(name string) string { return filepath.Join(dir, name) }
	once := func(block, old, new string) string {
		t.Helper()
		if strings.Count(blocks[block], old) != 1 {
			t.Fatalf("the block %s has not one %q", block, old)
		}
		return strings.Replace(blocks[block], old, new, 1)
	}
	// Nothing answers the checks here, so all count as up, which is the start of both configurations.
	write(t, path("gdnsd/config"), fmt.Sprintf("options => { listen => %q, udp_threads => 1, tcp_threads => 1, run_dir => %q, state_dir => %q }\n",
		theirs, path("run"), path("varlib"))+once("gdnsd config", "service_types => web,", "service_types => up,"))
	write(t, path("gdnsd/zones/example.com"), blocks["gdnsd zone"])
	write(t, path("meridian.toml"), fmt.Sprintf("listen = [%q]\nstate = \"state\"\n", ours)+once("toml", "check   = \"web\"\n", ""))
	write(t, path("zones/example.com.zone"), blocks["zone"])
	database := cityDatabase(t)
	write(t, path("gdnsd/geoip/GeoLite2-City.mmdb"), database)
	write(t, path("GeoLite2-City.mmdb"), database)
	start(t, gdnsd, "-c", path("gdnsd"), "start").answering(t, theirs, "example.com.")
	start(t, meridian, "serve", "--config", path("meridian.toml")).answering(t, ours, "example.com.")

	seen := map[string]bool{}
	for _, subnet := range []string{"81.2.69.0", "8.8.8.0", "1.1.1.0", "200.1.1.0", "192.0.2.0"} {
		for _, q := range []dns.Question{{Name: "www.example.com.", Qtype: dns.TypeA}, {Name: "www.example.com.", Qtype: dns.TypeAAAA},
			{Name: "paris.example.com.", Qtype: dns.TypeA}, {Name: "example.com.", Qtype: dns.TypeA}, {Name: "ns1.example.com.", Qtype: dns.TypeA}} {
			want, got := told(t, theirs, q, subnet), told(t, ours, q, subnet)
			if got != want {
				t.Errorf("%s %s for %s: %s, gdnsd says %s", q.Name, dns.TypeToString[q.Qtype], subnet, got, want)
			}
			seen[got] = true
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %d different answers", len(seen))
	}
}

// told is what a nameserver answers for a client, TTL included.
func told(t *testing.T, addr string, q dns.Question, subnet string) string {
	t.Helper()
	m := new(dns.Msg).SetQuestion(q.Name, q.Qtype).SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.ParseIP(subnet).To4()})
	r, err := dns.Exchange(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		lines = append(lines, rr.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// cityDatabase is one that both read.
func cityDatabase(t *testing.T) string {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	for network, p := range map[string]struct {
		lat, lon           float64
		country, continent string
	}{
		"81.2.69.0/24": {51.5, -0.1, "GB", "EU"}, "8.8.8.0/24": {37.4, -122, "US", "NA"}, "1.1.1.0/24": {-33.9, 151.2, "AU", "OC"},
		"200.1.1.0/24": {-23.5, -46.6, "BR", "SA"},
	} {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Insert(n, mmdbtype.Map{
			"location":  mmdbtype.Map{"latitude": mmdbtype.Float64(p.lat), "longitude": mmdbtype.Float64(p.lon)},
			"country":   mmdbtype.Map{"iso_code": mmdbtype.String(p.country)},
			"continent": mmdbtype.Map{"code": mmdbtype.String(p.continent)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
