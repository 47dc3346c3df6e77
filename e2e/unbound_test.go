package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const geoConfig = `
listen = [%q]
state  = "state"
[servers]
ny = { at = "New York", ip = ["198.51.100.10", "2001:db8:1::10"] }
fr = { at = [48.86, 2.35], ip = ["203.0.113.10", "2001:db8:2::10"] }
au = { at = "Sydney, AU", ip = ["192.0.2.10", "2001:db8:3::10"] }
[pools.web]
`

const geoZone = `$TTL 300
@      IN SOA   ns1 hostmaster 1 7200 3600 1209600 300
@      IN NS    ns1
@   60 IN GEO   web
ns1    IN A     192.0.2.53
www 60 IN GEO   web
*.w 60 IN GEO   web
deep.alias IN CNAME mid
mid    IN CNAME www
ny  60 IN GEO   web/ny
text   IN TXT   "static"
`

// unboundConfig begins the configuration of a resolver on a port of loopback,
// with its modules, that tells client subnets; lines of the server section may
// follow. Its folder is the second word.
const unboundConfig = `server:
  interface: 127.0.0.1@%d
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: %q
  send-client-subnet: 127.0.0.1
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 24
  max-client-subnet-ipv6: 56
  harden-referral-path: no
  local-zone: "test." nodefault
`

// startUnbound runs a resolver that asks the server at addr for geo.test,
// tells it client subnets, and scrambles the case of names.
func startUnbound(t *testing.T, addr string) string {
	t.Helper()
	unbound := need(t, "unbound")
	dir := shortDir(t)
	port := freePort(t)
	upstream := netip.MustParseAddrPort(addr)
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, fmt.Sprintf(unboundConfig+`  use-caps-for-id: yes
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
stub-zone:
  name: "geo.test."
  stub-addr: 127.0.0.1@%d
`, port, dir, "subnetcache iterator", upstream.Port()))
	resolver := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, unbound, "-c", conf).answering(t, resolver, "geo.test.")
	return resolver
}

// TestUnboundResolves puts a real resolver between client and Meridian: every
// client must get its nearest server, from the cache too, in whatever order
// they come.
func TestUnboundResolves(t *testing.T) {
	need(t, "unbound")
	dir := shortDir(t)
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	write(t, filepath.Join(dir, "zones", "geo.test.zone"), geoZone)
	config := filepath.Join(dir, "meridian.toml")
	write(t, config, fmt.Sprintf(geoConfig, addr))
	start(t, meridian, "serve", "--config", config).answering(t, addr, "geo.test.")
	c := dial(t, startUnbound(t, addr))

	near := map[string]string{"81.2.69.0/24": "203.0.113.10", "8.8.8.0/24": "198.51.100.10", "1.1.1.0/24": "192.0.2.10"}
	names := []string{"www.geo.test.", "geo.test.", "any.w.geo.test.", "deep.alias.geo.test.", "WWW.Geo.TEST."}
	for range 3 {
		for subnet, want := range near {
			for _, name := range names {
				if got := resolve(t, c, name, subnet); got != want {
					t.Errorf("%s from %s: %q, want %s", name, subnet, got, want)
				}
			}
			if got := resolve(t, c, "ny.geo.test.", subnet); got != "198.51.100.10" {
				t.Errorf("pinned, from %s: %q", subnet, got)
			}
		}
	}
	for name, rcode := range map[string]int{"no.geo.test.": dns.RcodeNameError, "text.geo.test.": dns.RcodeSuccess} {
		client := dns.Client{Timeout: 5 * time.Second}
		r, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion(name, dns.TypeA), c)
		if err != nil || r.Rcode != rcode || len(r.Answer) != 0 || len(r.Ns) != 1 {
			t.Errorf("%s: %v", name, r)
		}
	}
}

// resolve asks a resolver for a name on behalf of a client, and gives the
// address.
func resolve(t *testing.T, c *dns.Conn, name, subnet string) string {
	t.Helper()
	p := netip.MustParsePrefix(subnet)
	m := new(dns.Msg).SetQuestion(name, dns.TypeA)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice(),
	})
	client := dns.Client{Timeout: 5 * time.Second}
	r, _, err := client.ExchangeWithConn(m, c)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String()
		}
	}
	return dns.RcodeToString[r.Rcode]
}
