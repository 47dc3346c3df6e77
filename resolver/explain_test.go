package resolver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/steer"
)

// TestExplainFollowsTheAnswer compares what is explained with what is answered:
// the pool where it decides, and never where the answer is the zone's own.
func TestExplainFollowsTheAnswer(t *testing.T) {
	a := newAsker(t, &Options{})
	client := steer.Client{Resolver: netip.MustParseAddr("81.2.69.142")}
	for _, c := range []struct {
		name  string
		qtype uint16
		want  []string // in this order
		not   string
	}{
		{"www.geo.test.", dns.TypeA, []string{"203.0.113.10"}, "same answer"},
		{"www.geo.test.", dns.TypeMX, []string{"static name: the same answer for every client"}, "NODATA"},
		{"www.geo.test.", 65380, []string{"static name"}, "203.0.113.10"},
		{"v4.geo.test.", dns.TypeAAAA, []string{"NODATA for every client"}, "same answer"},
		{"cdn.geo.test.", dns.TypeMX, []string{"target.geo.test"}, "same answer"},
		{"alias2.geo.test.", dns.TypeA, []string{"CNAME to alias.geo.test.", "CNAME to www.geo.test.", "203.0.113.10"}, "same answer"},
		{"alias.geo.test.", dns.TypeCNAME, []string{"static name: the same answer for every client"}, "203.0.113.10"},
		{"none.geo.test.", dns.TypeA, []string{"no such name"}, "203.0.113.10"},
		{"elsewhere.example.", dns.TypeA, []string{"outside all zones"}, "203.0.113.10"},
	} {
		wire := make([]byte, 256)
		n, err := dns.PackDomainName(c.name, wire, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := a.view.Explain(wire[:n], c.qtype, client)
		rest := strings.Join(lines, "\n")
		brief := new(Narrator).Brief(a.view, wire[:n], c.qtype, client)
		if pool := "pool     " + brief.Pool + ", type "; brief.Why == "" || (brief.Pool != "") != strings.Contains(rest, "pool     ") || brief.Pool != "" && !strings.Contains(rest, pool) {
			t.Errorf("%s %s: %+v in brief, but:\n%s", c.name, dns.Type(c.qtype), brief, rest)
		}
		if err != nil || strings.Contains(rest, c.not) {
			t.Errorf("%s %s: %v, %q in:\n%s", c.name, dns.Type(c.qtype), err, c.not, rest)
		}
		for _, w := range c.want {
			before, after, found := strings.Cut(rest, w)
			if !found {
				t.Errorf("%s %s: no %q in what follows %q", c.name, dns.Type(c.qtype), w, before)
			}
			rest = after
		}
	}
}
