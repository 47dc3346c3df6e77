package config_test

import (
	"encoding/json"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

const good = "../testdata/config/good/"

func load(t testing.TB, file string) *config.Config {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// equal compares two values and shows both in full.
func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	t.Errorf("%s: got %s\nwant %s", what, g, w)
}

func addrs(list ...string) []netip.Addr {
	var all []netip.Addr
	for _, s := range list {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

func TestGoodFilesLoad(t *testing.T) {
	for _, file := range glob(t, good+"*.toml") {
		checkInvariants(t, load(t, file))
	}
}

// TestShort: three servers, one pool and one check URL stay under ten lines.
func TestShort(t *testing.T) {
	if n := strings.Count(read(t, good+"short.toml"), "\n"); n >= 10 {
		t.Errorf("%d lines", n)
	}
	c := load(t, good+"short.toml")
	if len(c.Servers) != 3 || len(c.Pools) != 1 {
		t.Fatalf("%d servers, %d pools", len(c.Servers), len(c.Pools))
	}
	p := c.Pools[0]
	equal(t, "servers of the pool", p.Servers, []int{0, 1, 2})
	equal(t, "check", p.Watch.Checks, []config.Check{{Type: "http", Port: 80, Path: "/healthz", Method: "GET", Host: "example.com", Failback: "auto",
		Status: "200-299", BodyLimit: 65536, Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3, Jitter: 0.1}})
}

func TestFullTopLevel(t *testing.T) {
	c := load(t, good+"full.toml")
	dir, err := filepath.Abs(good)
	if err != nil {
		t.Fatal(err)
	}
	got := *c
	got.Geo, got.Servers, got.Checks, got.Pools = config.Geo{}, nil, nil, nil
	got.API, got.Freeze, got.Alerts = config.API{}, config.Freeze{}, config.Alerts{} // operate_test.go
	equal(t, "full.toml", got, config.Config{
		Path:     filepath.Join(dir, "full.toml"),
		Listen:   []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:5353")},
		Zones:    filepath.Join(dir, "master"),
		State:    "/srv/meridian",
		Debug:    []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")},
		Workers:  2,
		Identity: config.Identity{NSID: "ny1", Version: "meridian", Hostname: "ny1.example.com", ID: "ny1"},
		CookieSecrets: [][16]byte{
			{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
			{0xf0, 0xe0, 0xd0, 0xc0, 0xb0, 0xa0, 0x90, 0x80, 0x70, 0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0},
		},
		Limits: config.Limits{TCPIdle: 30 * time.Second, TCPConnections: 100, TCPPerClient: 10, ZoneRecords: 1000, ZoneGenerate: 256},
		ZoneOptions: map[string]config.Zone{
			"example.com":               {SerialAuto: true, Pos: good + `full.toml:67: zone."Example.com."`},
			"0/25.2.0.192.in-addr.arpa": {Pos: good + `full.toml:69: zone."0/25.2.0.192.in-addr.arpa"`},
			".":                         {SerialAuto: true, Pos: good + `full.toml:71: zone."."`},
		},
	})
	equal(t, "geo", c.Geo, config.Geo{
		City: []string{filepath.Join(dir, "v4.mmdb"), "/srv/geo/v6.mmdb"},
		ASN:  []string{filepath.Join(dir, "asn.mmdb")},
		Fields: map[string]string{"latitude": "loc.lat", "longitude": "loc.lon", "country": "cc",
			"continent": "continent", "subdivision": "region.code", "asn": "as.number"},
		Groups: map[string][]config.Token{"nordics": {
			{Kind: "country", Code: "SE", Group: "nordics", Pos: good + "full.toml:35: geo.groups.nordics"},
			{Kind: "country", Code: "NO", Group: "nordics", Pos: good + "full.toml:35: geo.groups.nordics"},
		}},
	})
}

// TestEveryKindOfCheck loads a file with each type, and each of its keys, none at its default.
func TestEveryKindOfCheck(t *testing.T) {
	c := load(t, good+"checks.toml")
	timing := config.Check{Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3, Jitter: 0.1, Failback: "auto"}
	web, cert, dns, ping, grpc, exec := timing, timing, timing, timing, timing, timing
	web.Type, web.Port, web.Path, web.Method, web.Status, web.BodyLimit = "https", 443, "/", "HEAD", "200-299", 64<<10
	web.Headers, web.HTTP2, web.Host, web.SNI, web.CertDays = "Authorization: Bearer x\nX-Probe: meridian", true, "example.com", "example.com", 14
	web.Recheck, web.Cooldown, web.Failback, web.FailbackAfter = 100*time.Millisecond, time.Minute, "delayed", 5*time.Minute
	cert.Type, cert.Port, cert.SNI, cert.CertDays, cert.Failback = "tls", 465, "mail.example.com", 7, "one-way"
	dns.Type, dns.Port, dns.Query, dns.QueryType, dns.Rcode, dns.Answer, dns.Network = "dns", 5353, "example.com.", "MX", "NOERROR", "10 mail.example.com", "tcp"
	ping.Type = "icmp"
	grpc.Type, grpc.Port, grpc.TLS, grpc.Host, grpc.SNI, grpc.Service = "grpc", 50051, true, "api.example.com", "api.example.com", "shop.Cart"
	exec.Type, exec.Command = "exec", "/usr/bin/test\x00-d\x00/"
	kept := timing
	kept.Type, kept.Port, kept.Path, kept.Method, kept.Status, kept.BodyLimit, kept.KeepAlive = "http", 80, "/", "GET", "200-299", 64<<10, true
	equal(t, "checks", c.Checks, map[string]config.Check{
		"web": web, "cert": cert, "dns": dns, "ping": ping, "grpc": grpc, "exec": exec, "kept": kept,
		"self": {Type: "push", Token: "a-secret-of-the-server", Rise: 1, Silence: 45 * time.Second, Failback: "auto"},
	})
	equal(t, "pool", c.Pools[0].Watch, config.Watch{Checks: []config.Check{web, dns, ping}, Refs: []string{"web", "dns", "icmp://"}, Need: 2})
	equal(t, "server", c.Watched(&c.Pools[0], 1), config.Watch{Checks: []config.Check{c.Checks["self"], kept}, Refs: []string{"self", "kept"}, Need: 2})
}

func TestFullServersAndChecks(t *testing.T) {
	c := load(t, good+"full.toml")
	at := func(line, key string) string { return good + "full.toml:" + line + ": servers." + key }
	equal(t, "servers", c.Servers, []config.Server{
		{Name: "ny", Site: "ny", City: "New York", AtPos: at("38", "ny.at"), IP: addrs("198.51.100.10", "2001:db8:1::10"), Weight: 3},
		{Name: "fr", Site: "europe", Lat: 48.86, Lon: 2, Located: true, AtPos: at("39", "fr.at"), IP: addrs("203.0.113.10"), Weight: 1},
		{Name: "de", Site: "europe", Lat: -52.5, Lon: -13.4, Located: true, AtPos: at("40", "de.at"), IP: addrs("203.0.113.20")},
		{Name: "cdn", Site: "cdn", CNAME: "cdn.example.net.", AtPos: at("41", "cdn"), Weight: 1},
	})
	equal(t, "checks", c.Checks, map[string]config.Check{
		"site": {Type: "https", Port: 8443, Path: "/healthz?full=1", Method: "GET", Failback: "auto", Host: "www.example.com", SNI: "example.com",
			Status: "200-299,301,404", Body: "ok", BodyRegexp: "^o", BodyLimit: 1024,
			Interval: 750 * time.Millisecond, Timeout: time.Second, Rise: 3, Fall: 4, Jitter: 0.5, Insecure: true},
		"mail": {Type: "tcp", Port: 25, Failback: "auto", Send: "QUIT\r\n", Expect: "220",
			Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3},
	})
}

func TestFullPools(t *testing.T) {
	c := load(t, good+"full.toml")
	if len(c.Pools) != 3 {
		t.Fatalf("%d pools, want 3", len(c.Pools))
	}
	site := c.Checks["site"]
	web := c.Pools[0]
	rules := web.Rules
	web.Rules = nil
	equal(t, "web", web, config.Pool{Name: "web", Pos: good + "full.toml:74: pools.web",
		Servers: []int{1, 2, 0}, Weights: []int{1, 0, 7}, Watch: config.Watch{Checks: []config.Check{site}, Refs: []string{"site"}, Need: 1}, Order: "listed",
		Pick: "weighted", N: 2, Families: "each", MinUp: 2, AllDown: "fallback", Fallback: []int{3}, TTLMin: 20})
	equal(t, "rules", plain(rules), []plainRule{
		{"net:192.0.2.0/24, asn:15169", "net:192.0.2.0/24 asn:15169", [][]int{{2}}, false},
		{"subdivision:US-CA,continent:NA", "subdivision:US-CA continent:NA", [][]int{{0, 1}}, false},
		{"group:nordics, country:SE", "country:SE@nordics country:NO@nordics country:SE", [][]int{{1}, {2, 0}}, false},
		{"country:CN", "country:CN", [][]int{{2}}, true},
		{"default", "default", [][]int{{0}, {2}}, false},
	})
	equal(t, "position of a rule's own token", rules[0].Tokens[0].Pos, good+`full.toml:87: pools.web.rules."net:192.0.2.0/24, asn:15169"`)
	equal(t, "position of a group's token", rules[2].Tokens[0].Pos, good+"full.toml:35: geo.groups.nordics")
	alias := c.Pools[1]
	equal(t, "alias", []any{alias.Watch.Checks[0].Host, alias.Watch.Checks[0].SNI, alias.Watch.Checks[0].Port, alias.AllDown}, []any{"cdn.example.net", "cdn.example.net", uint16(443), "servfail"})
	mail := c.Pools[2]
	equal(t, "mail", []any{mail.Watch.Checks[0].Type, mail.Watch.Checks[0].Port, mail.Order, mail.Pick, mail.N}, []any{"tcp", uint16(25), "together", "first", 1})
}

// plainRule is a rule with its tokens as text, those of a group with "@group".
type plainRule struct {
	Source, Tokens string
	Tiers          [][]int
	Fence          bool
}

func plain(rules []config.Rule) []plainRule {
	var all []plainRule
	for _, r := range rules {
		var words []string
		for _, t := range r.Tokens {
			word := t.String()
			if t.Group != "" {
				word += "@" + t.Group
			}
			words = append(words, word)
		}
		all = append(all, plainRule{r.Source, strings.Join(words, " "), r.Tiers, r.Fence})
	}
	return all
}

func TestTokensCarryTheirValues(t *testing.T) {
	rules := load(t, good+"full.toml").Pools[0].Rules
	var got []config.Token
	for _, r := range rules {
		for _, token := range r.Tokens {
			token.Pos = ""
			got = append(got, token)
		}
	}
	equal(t, "tokens", got, []config.Token{
		{Kind: "net", Net: netip.MustParsePrefix("192.0.2.0/24")}, {Kind: "asn", ASN: 15169},
		{Kind: "subdivision", Code: "US-CA"}, {Kind: "continent", Code: "NA"},
		{Kind: "country", Code: "SE", Group: "nordics"}, {Kind: "country", Code: "NO", Group: "nordics"}, {Kind: "country", Code: "SE"},
		{Kind: "country", Code: "CN"}, {Kind: "default"},
	})
}

// TestOrderOfTheFile: TOML tables have no order of their own; pools, servers and rules have that of the file.
func TestOrderOfTheFile(t *testing.T) {
	c := load(t, good+"named-later.toml")
	equal(t, "servers", []string{c.Servers[0].Name, c.Servers[1].Name}, []string{"b", "a"})
	equal(t, "pools", []string{c.Pools[0].Name, c.Pools[1].Name}, []string{"z", "a"})
	equal(t, "rules", plain(c.Pools[0].Rules), []plainRule{
		{"continent:EU", "continent:EU", [][]int{{0}}, false}, {"continent:AF", "continent:AF", [][]int{{1}}, false}})
	equal(t, "check", c.Pools[1].Watch.Checks[0].Port, uint16(8080))
}

func TestStaticOnly(t *testing.T) {
	c := load(t, good+"static-only.toml")
	equal(t, "listen", c.Listen, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")})
	equal(t, "zones", c.Zones, "/srv/zones")
	equal(t, "debug", len(c.Debug), 0)
}
