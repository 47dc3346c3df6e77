package nameserver

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/zones"
)

// Summary is one line for the log: what is served, where, from how healthy servers and by which geo data.
func (n *Nameserver) Summary() string {
	n.mu.Lock()
	health, set, plan := n.health(), n.zones, n.plan
	n.mu.Unlock()
	up := 0
	for i := range health.Targets {
		if health.States[i].Status == healthcheck.Up {
			up++
		}
	}
	return fmt.Sprintf("%s on %s; %d of %d targets up; %s",
		describeZones(set), joinAddrs(n.server.Addrs()), up, len(health.Targets), describeGeo(plan))
}

// Pages lists the URLs of the status page.
func (n *Nameserver) Pages() []string {
	var urls []string
	api := &n.first.API
	scheme := "http"
	if api.Cert != "" {
		scheme = "https"
	}
	for _, at := range api.Listen {
		host := at.String()
		if len(api.Names) > 0 && (at.Addr().IsUnspecified() || api.Cert != "") { // what a certificate is for
			host = net.JoinHostPort(api.Names[0], strconv.Itoa(int(at.Port())))
		}
		urls = append(urls, scheme+"://"+host+"/")
	}
	return urls
}

// describeZones counts zones, those that cannot be served apart.
func describeZones(set *zones.Set) string {
	failed := 0
	for i := range set.Len() {
		if set.Entry(i).Zone == nil {
			failed++
		}
	}
	text := count(set.Len()-failed, "zone")
	if failed > 0 {
		text += fmt.Sprintf(" (%d failed)", failed)
	}
	return text
}

func joinAddrs(addrs []netip.AddrPort) string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}

// describeGeo tells in a few words where places come from.
func describeGeo(p *Plan) string {
	if p.Geo == nil {
		return "geo: no pool needs it"
	}
	var words []string
	for _, s := range p.sources() {
		words = append(words, DescribeSource(s))
	}
	return "geo: " + strings.Join(words, ", ")
}

// DescribeSource names a geo database and its date.
func DescribeSource(s geo.Source) string {
	name := "embedded world"
	if s.Path != "" {
		name = filepath.Base(s.Path)
	}
	if s.Built.IsZero() {
		return name
	}
	return name + " of " + s.Built.Format("2006-01-02")
}

// count is a number with its noun: "1 zone", "3 zones".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
