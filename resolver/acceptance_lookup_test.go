package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/zones"
)

// served gives an asker of one zone, "t.", with a SOA and the lines of text.
func served(t *testing.T, lines string) *asker {
	a := newAsker(t, &Options{})
	a.view = viewOf(t, map[string]string{"t.": "$TTL 300\n@ 600 IN SOA ns hostmaster 1 2 3 4 60\n@ IN NS ns\n" + lines + "\n"}, &Options{})
	return a
}

func TestAcceptance26EmptyNonTerminals(t *testing.T) {
	served(t, "a.b.c IN A 192.0.2.1\n*.d.e IN A 192.0.2.2\n_s._tcp.f IN SRV 1 1 1 ns").expects(`
		c.t A -> NOERROR aa soa=60
		b.c.t ANY -> NOERROR aa soa=60
		B.C.t DS -> NOERROR aa soa=60
		x.b.c.t A -> NXDOMAIN aa soa=60
		e.t A -> NOERROR aa soa=60
		d.e.t A -> NOERROR aa soa=60
		x.e.t A -> NXDOMAIN aa soa=60
		_tcp.f.t SRV -> NOERROR aa soa=60
		f.t A -> NOERROR aa soa=60`)
}

func TestAcceptance26NegativeTTL(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, c := range []struct{ soa, minimum, want int }{{600, 60, 60}, {60, 600, 60}, {0, 60, 0}, {60, 0, 0}} {
		a.view = viewOf(t, map[string]string{"t.": fmt.Sprintf("@ %d IN SOA ns.t. h.t. 1 2 3 4 %d\n@ 60 IN NS ns.t.\n", c.soa, c.minimum)}, &Options{})
		a.expects(fmt.Sprintf("x.t A -> NXDOMAIN aa soa=%d\nt A -> NOERROR aa soa=%[1]d", c.want))
		a.expects(fmt.Sprintf("t SOA -> NOERROR aa \"ns.t. h.t. 1 2 3 4 %d\" ttl=%d", c.minimum, c.soa))
	}
}

func TestAcceptance27Wildcards(t *testing.T) {
	served(t, `
*          IN TXT  "top"
ns         IN A    192.0.2.53
*.w        IN A    192.0.2.1
deep.a.w   IN A    192.0.2.2
x.*.w      IN A    192.0.2.3
cut.w      IN NS   ns.elsewhere.test.
m.*.m      IN TXT  "the asterisk is literal"
`).expects(`
		any.w.t A -> NOERROR aa 192.0.2.1
		b.any.w.t A -> NOERROR aa 192.0.2.1
		x.any.w.t A -> NOERROR aa 192.0.2.1
		any.w.t TXT -> NOERROR aa soa=60
		*.w.t A -> NOERROR aa 192.0.2.1
		x.*.w.t A -> NOERROR aa 192.0.2.3
		y.*.w.t A -> NXDOMAIN aa soa=60
		a.w.t A -> NOERROR aa soa=60
		x.a.w.t A -> NXDOMAIN aa soa=60
		deep.a.w.t TXT -> NOERROR aa soa=60
		x.cut.w.t A -> NOERROR -aa ns=ns.elsewhere.test.
		x.t TXT -> NOERROR aa top
		x.y.t TXT -> NOERROR aa top
		x.ns.t TXT -> NXDOMAIN aa soa=60
		m.*.m.t TXT -> NOERROR aa "the asterisk is literal"
		x.m.t TXT -> NOERROR aa soa=60
		m.x.m.t TXT -> NOERROR aa soa=60`)
	served(t, "*.cname IN CNAME www\nwww IN A 192.0.2.1\n*.self IN CNAME x.self\n*.mx IN MX 1 www").expects(`
		x.cname.t A -> NOERROR aa www.t. 192.0.2.1
		a.b.cname.t AAAA -> NOERROR aa www.t. soa=60
		x.cname.t CNAME -> NOERROR aa www.t.
		y.self.t A -> NOERROR aa x.self.t. x.self.t.
		z.mx.t MX -> NOERROR aa "1 www.t." additional=192.0.2.1`)
}

func TestAcceptance28Chains(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		alias3.example.com CNAME -> NOERROR aa alias2.example.com.
		loop1.example.com A -> NOERROR aa loop2.example.com. loop1.example.com.
		self.example.com A -> NOERROR aa self.example.com.
		tomissing.example.com A -> NXDOMAIN aa missing.example.com. soa=300
		alias.example.com MX -> NOERROR aa www.example.com. soa=300
		toout.example.com A -> NOERROR aa www.elsewhere.test.
		tonet.example.com A -> NOERROR aa www.example.net. 203.0.113.80
		tonet.example.com MX -> NOERROR aa www.example.net. soa=600
		tocut.example.com A -> NOERROR aa host.sub.example.com. ns=ns.sub.example.com.,ns2.sub.example.com.,ns1.example.com.
		up.child.example.com A -> NOERROR aa www.example.com. 192.0.2.80 192.0.2.81`)
}

func TestAcceptance28EightLinks(t *testing.T) {
	var text strings.Builder
	for i := range 10 {
		fmt.Fprintf(&text, "c%d IN CNAME c%d\n", i, i+1)
	}
	a := served(t, text.String()+"c10 IN A 192.0.2.1")
	for links := 1; links <= 10; links++ {
		r := a.ask(question(fmt.Sprintf("c%d.t.", 10-links), dns.TypeA))
		want := maxLinks // and whoever wants the rest asks again
		if links < maxLinks {
			want = links + 1 // with the address
		}
		if len(r.Answer) != want || r.Rcode != 0 || len(r.Ns) != 0 || !r.Authoritative {
			t.Errorf("%d links: %d records, want %d", links, len(r.Answer), want)
		}
	}
}

func TestAcceptance29DNAME(t *testing.T) {
	a := newAsker(t, &Options{})
	a.expects(`
		www.dname.example.com A -> NOERROR aa target.example.com. www.target.example.com. 192.0.2.110
		alias.dname.example.com A -> NOERROR aa target.example.com. alias.target.example.com. www.target.example.com. 192.0.2.110
		www.dnet.example.com AAAA -> NOERROR aa example.net. www.example.net. 2001:db8:2::80
		dname.example.com A -> NOERROR aa soa=300
		dname.example.com TXT -> NOERROR aa "at the owner"
		dname.example.com DNAME -> NOERROR aa target.example.com.
		x.dname.example.com DNAME -> NXDOMAIN aa target.example.com. x.target.example.com. soa=300`)
	r := a.ask(question(strings.Repeat("a", 60)+".dlong.example.com.", dns.TypeA))
	if r.Rcode != dns.RcodeYXDomain || len(r.Answer) != 1 || r.Answer[0].Header().Rrtype != dns.TypeDNAME || !r.Authoritative {
		t.Errorf("a name too long: %v", r)
	}
	for octets := 250; octets <= 258; octets++ { // of the new name
		a := served(t, "d IN DNAME "+longName("e", 200)+"\n")
		r := a.ask(question(strings.Repeat("x", octets-200-1)+".d.t.", dns.TypeA))
		if want := map[bool]int{true: dns.RcodeSuccess, false: dns.RcodeYXDomain}[octets <= 255]; r.Rcode != want {
			t.Errorf("a new name of %d octets: %v", octets, r)
		}
	}
	served(t, "d 77 IN DNAME d.d\ne IN DNAME f\nf IN DNAME e").expects(`
		x.d.t A -> NOERROR aa d.d.t. x.d.d.t. x.d.d.d.t. x.d.d.d.d.t. x.d.d.d.d.d.t. x.d.d.d.d.d.d.t. x.d.d.d.d.d.d.d.t. x.d.d.d.d.d.d.d.d.t. x.d.d.d.d.d.d.d.d.d.t. ttl=77
		x.e.t A -> NOERROR aa f.t. x.f.t. e.t. x.e.t.`)
}

func TestAcceptance29NamesBelowDNAMEAreOccluded(t *testing.T) {
	const head = "@ 600 IN SOA ns.u. hostmaster.u. 1 2 3 4 60\n@ 60 IN NS ns.u.\n"
	for _, text := range []string{"d 60 IN DNAME e\nx.d 60 IN A 192.0.2.1\n", "@ 60 IN DNAME u.\nx.y 60 IN TXT t\n"} {
		z, problems := zones.Parse("t.zone", strings.NewReader(head+text), int64(len(head+text)), nil)
		if z != nil || !strings.Contains(fmt.Sprint(problems), "DNAME") {
			t.Errorf("%q is served: %v", text, problems)
		}
	}
}

func TestAcceptance30Referrals(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		x.sub.example.com A -> NOERROR -aa ns=ns.sub.example.com.,ns2.sub.example.com.,ns1.example.com. additional=192.0.2.153,2001:db8::153,192.0.2.53,2001:db8::53
		sub.example.com SOA -> NOERROR -aa ns=ns.sub.example.com.,ns2.sub.example.com.,ns1.example.com.
		ns.sub.example.com A -> NOERROR -aa ns=ns.sub.example.com.,ns2.sub.example.com.,ns1.example.com.
		x.out.example.com A -> NOERROR -aa ns=ns.elsewhere.test. additional=none
		sub.example.com DS -> NOERROR aa "12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
		out.example.com DS -> NOERROR aa soa=300
		x.sub.example.com DS -> NOERROR -aa ns=ns.sub.example.com.,ns2.sub.example.com.,ns1.example.com.
		child.example.com DS -> NOERROR aa soa=300
		child.example.com NS -> NOERROR aa ns.child.example.com. additional=192.0.2.154
		child.example.com MX -> NOERROR aa soa=30
		example.com DS -> NOERROR aa soa=300`)
}

// Glue that does not fit sets TC; addresses of servers elsewhere do not.
func TestAcceptance30GlueOrTC(t *testing.T) {
	many := "$GENERATE 1-60 %s IN A 192.0.2.$\n"
	served(t, "in IN NS ns.in\nout IN NS host\n"+fmt.Sprintf(many, "ns.in")+fmt.Sprintf(many, "host")).expects(`
		x.in.t A bufsize=512 -> NOERROR -aa tc ns=ns.in.t. additional=none
		x.out.t A bufsize=512 -> NOERROR -aa -tc ns=host.t. additional=none`)
	a := served(t, "in IN NS ns.in\n"+fmt.Sprintf(many, "ns.in"))
	a.transport = TCP
	if r := a.ask(question("x.in.t.", dns.TypeA)); r.Truncated || len(r.Extra) != 60 {
		t.Errorf("over TCP: %d addresses, TC %v", len(r.Extra), r.Truncated)
	}
}

func TestAcceptance31ANY(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		www.example.com ANY -> NOERROR aa 192.0.2.80 192.0.2.81
		alias.example.com ANY -> NOERROR aa www.example.com.
		b.ent.wild.example.com ANY -> NXDOMAIN aa soa=300
		ent.wild.example.com ANY -> NOERROR aa soa=300
		any.wild.example.com ANY -> NOERROR aa 192.0.2.100
		www.geo.test ANY subnet=81.2.69.0/24 -> NOERROR aa 203.0.113.10 scope>0
		www.geo.test TYPE65380 -> NOERROR aa soa=300
		example.com AXFR -> REFUSED -aa
		example.com AXFR tcp -> REFUSED -aa
		example.com IXFR tcp -> REFUSED -aa
		outside AXFR -> REFUSED -aa`)
}

func TestAcceptance31AnyTypeAtAnyName(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, name := range []string{"www.example.com.", "alias.example.com.", "no.example.com.", "x.sub.example.com.", "x.dname.example.com.", "www.geo.test.", "cdn.geo.test.", "geo.test."} {
		for typ := range 1 << 16 {
			if typ > 300 && typ%251 != 0 && typ < 65250 {
				continue
			}
			r := a.ask(question(name, uint16(typ)))
			transfer := typ == typeAXFR || typ == typeIXFR
			if r == nil || transfer != (r.Rcode == dns.RcodeRefused) || r.Rcode != dns.RcodeRefused && r.Rcode != dns.RcodeNameError && r.Rcode != dns.RcodeSuccess {
				t.Errorf("%s type %d: %v", name, typ, r)
			}
		}
	}
}

func TestAcceptance32UnknownTypesAndTTLs(t *testing.T) {
	a := served(t, `
odd        IN TYPE65400 \# 4 01020304
odd        IN TYPE65401 \# 0
odd        IN TYPE28    \# 16 20010db8000000000000000000000001
ttl     60 IN A         192.0.2.1
ttl     30 IN A         192.0.2.2
ttl    900 IN TXT       "another RRset"
most 2147483647 IN A    192.0.2.3
over 2147483648 IN A    192.0.2.4
high 4294967295 IN A    192.0.2.5
`)
	a.expects(`
		odd.t TYPE65400 -> NOERROR aa "\# 4 01020304"
		odd.t TYPE65401 -> NOERROR aa "\# 0"
		odd.t AAAA -> NOERROR aa 2001:db8::1
		odd.t TYPE65402 -> NOERROR aa soa=60
		ttl.t A -> NOERROR aa 192.0.2.1 192.0.2.2 ttl=30
		ttl.t TXT -> NOERROR aa "another RRset" ttl=900
		most.t A -> NOERROR aa 192.0.2.3 ttl=2147483647
		over.t A -> NOERROR aa 192.0.2.4 ttl=0
		high.t A -> NOERROR aa 192.0.2.5 ttl=0`)
}

func TestAcceptance33Additional(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		example.com NS -> NOERROR aa ns1.example.com. ns2.example.com. ns.example.net. additional=192.0.2.53,2001:db8::53,198.51.100.53,203.0.113.53
		example.com MX -> NOERROR aa "10 mail.example.com." "20 mail.example.net." "30 backup.elsewhere.test." additional=192.0.2.25,2001:db8::25,203.0.113.25
		_sip._tcp.example.com SRV -> NOERROR aa "10 5 5060 mail.example.com." "20 5 5060 www.example.net." additional=192.0.2.25,2001:db8::25,203.0.113.80,2001:db8:2::80
		svc.example.com HTTPS -> NOERROR aa "1 www.example.com. alpn=h2" additional=192.0.2.80,192.0.2.81,2001:db8::80
		svc.example.com SVCB -> NOERROR aa "1 mail.example.com. port=853" additional=192.0.2.25,2001:db8::25
		mx.geo.test MX -> NOERROR aa "10 www.geo.test." additional=none
		srv.geo.test SRV -> NOERROR aa "1 1 1 www.geo.test." additional=none
		geo.test MX -> NOERROR aa "10 www.geo.test." additional=none`)
}

func TestAcceptance33AdditionalIsBounded(t *testing.T) {
	a := served(t, manyHosts(200))
	a.transport = TCP
	for _, c := range []struct {
		name string
		typ  uint16
	}{{"mx.t.", dns.TypeMX}, {"x.cut.t.", dns.TypeA}} {
		r := a.ask(question(c.name, c.typ))
		if len(r.Answer)+len(r.Ns) != 200 || len(r.Extra) != 32 || r.Truncated {
			t.Errorf("%s: %d records and %d addresses", c.name, len(r.Answer)+len(r.Ns), len(r.Extra))
		}
	}
}

// manyHosts is an RRset of MX and one of NS that name as many hosts.
func manyHosts(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "mx IN MX %d host%[1]d\nhost%[1]d IN A 192.0.2.1\ncut IN NS ns%[1]d.cut\nns%[1]d.cut IN A 192.0.2.2\n", i)
	}
	return text.String()
}
