package resolver

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestAcceptance11OPTOnlyToOPT(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here")})
	for _, name := range []string{"www.example.com.", "no.example.com.", "x.sub.example.com.", "outside.", "broken.test.", "down.geo.test."} {
		if r := a.ask(question(name, dns.TypeA)); r.IsEdns0() != nil {
			t.Errorf("%s: OPT unasked: %v", name, r)
		}
		o := a.ask(with(question(name, dns.TypeA))).IsEdns0()
		if o == nil || o.UDPSize() != maxUDP || o.Version() != 0 || o.Do() || o.Hdr.Name != "." {
			t.Errorf("%s: OPT of the reply: %v", name, o)
		}
	}
	bad := packet(t, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	for _, spoil := range []func(){func() { put16(bad, 2, 4<<11) }, func() { put16(bad, 2, 0); put16(bad, 8, 1) }} {
		spoil()
		if r := a.raw(bad); u16(r, 2)&15 == noError {
			t.Errorf("%x", r)
		}
	}
}

func TestAcceptance12Versions(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here"), CookieSecrets: make([][16]byte, 1)})
	m := subnetted(question("www.geo.test.", dns.TypeA), "81.2.69.0/24")
	with(m, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})
	m.IsEdns0().SetDo()
	for _, version := range []uint8{1, 2, 255} {
		m.IsEdns0().SetVersion(version)
		r := a.ask(m)
		o := r.IsEdns0()
		if r.Rcode != dns.RcodeBadVers || o.Version() != 0 || len(o.Option) != 0 || !o.Do() || len(r.Answer)+len(r.Ns) != 0 || len(r.Extra) != 1 || r.Authoritative {
			t.Errorf("version %d: %v", version, r)
		}
	}
}

func TestAcceptance12UnknownIsIgnored(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here")})
	m := with(question("www.example.com.", dns.TypeA), &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")},
		&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_PADDING{Padding: make([]byte, 9)}, &dns.EDNS0_LOCAL{Code: 0})
	m.IsEdns0().Hdr.Ttl = 0x0000ffff // DO and every unknown flag
	r := a.ask(m)
	if o := r.IsEdns0(); o.Hdr.Ttl != flagDO || len(o.Option) != 1 || o.Option[0].String() != "68657265" || len(r.Answer) != 2 {
		t.Errorf("%v", r)
	}
}

func TestAcceptance13PayloadSizes(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, c := range []struct {
		payload, limit int // payload -1: no OPT
	}{{-1, 512}, {0, 512}, {100, 512}, {511, 512}, {512, 512}, {1231, 1231}, {1232, 1232}, {4096, 1232}, {65535, 1232}} {
		for _, n := range []string{"big.example.com.", "example.com.", "no.example.com.", "x.sub.example.com."} {
			m := question(n, dns.TypeTXT)
			if c.payload >= 0 {
				m.SetEdns0(uint16(c.payload), false)
			}
			wire, _ := m.Pack()
			if reply := a.raw(wire); len(reply) > c.limit || (n == "big.example.com.") != (u16(reply, 2)&flagTC != 0) {
				t.Errorf("%s, payload %d: %d octets, flags %x", n, c.payload, len(reply), reply[2:4])
			}
		}
	}
	a.transport = TCP
	if r := a.ask(question("big.example.com.", dns.TypeTXT)); r.Truncated || len(r.Answer) != 7 {
		t.Errorf("over TCP: %v", r)
	}
}

func TestAcceptance14MalformedOptions(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here"), CookieSecrets: make([][16]byte, 1), IdleTimeout: 100})
	bad := map[string]string{
		"one octet":                    "00",
		"code without length":          "fde9",
		"three octets":                 "fde900",
		"longer than OPT":              "fde900046162",
		"longest":                      "fde9ffff",
		"a good one before":            "000300000008ffff",
		"half a second cookie":         "000a00080011223344556677000a0004",
		"cookie of 0":                  "000a0000",
		"cookie of 7":                  "000a000700112233445566",
		"cookie of 9":                  "000a0009001122334455667788",
		"cookie of 15":                 "000a000f" + strings.Repeat("00", 15),
		"cookie of 41":                 "000a0029" + strings.Repeat("00", 41),
		"second cookie malformed":      "000a00080011223344556677000a0001ff",
		"keepalive with a time":        "000b00020064",
		"client subnet of 3 octets":    "00080003000118",
		"two client subnets":           strings.Repeat("0008000700011800510245", 2),
		"client subnet behind the end": "0008000800011800510245",
	}
	for name, options := range bad {
		data, err := hex.DecodeString(options)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		q := packet(t)
		put16(q, 10, 1)
		q = append(q, "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00"...)
		q = append(append(q, byte(len(data))), data...)
		r := new(dns.Msg)
		if err := r.Unpack(a.raw(q)); err != nil || r.Rcode != dns.RcodeFormatError || r.IsEdns0() == nil || len(r.IsEdns0().Option) != 0 || !r.IsEdns0().Do() || len(r.Question) != 1 {
			t.Errorf("%s: %v %v", name, err, r)
		}
	}
}

// TestOptionsAtTheEnd asks with options that stand where the longest message ends.
func TestOptionsAtTheEnd(t *testing.T) {
	a := newAsker(t, &Options{CookieSecrets: make([][16]byte, 1)})
	a.transport = TCP
	const wanted = "\x00\x0a\x00\x08\x00\x11\x22\x33\x44\x55\x66\x77" + "\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02"
	q := packet(t)
	put16(q, 10, 1)
	options := maxTCP - len(q) - optRR
	q = append(q, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00"...)
	q = append(q, byte(options>>8), byte(options))
	padding := options - len(wanted) - optHeader
	q = append(q, 0, 12, byte(padding>>8), byte(padding))
	q = append(append(q, make([]byte, padding)...), wanted...)
	r := new(dns.Msg)
	if err := r.Unpack(a.raw(q)); err != nil || len(q) != maxTCP || r.Rcode != dns.RcodeSuccess || r.IsEdns0() == nil {
		t.Fatalf("%d octets: %v %v", len(q), err, r)
	}
	var cookie, subnet string
	for _, o := range r.IsEdns0().Option {
		switch o := o.(type) {
		case *dns.EDNS0_COOKIE:
			cookie = o.Cookie
		case *dns.EDNS0_SUBNET:
			subnet = o.Address.String()
		}
	}
	if !strings.HasPrefix(cookie, "0011223344556677") || len(cookie) != 2*cookieSize || subnet != "192.0.2.0" {
		t.Errorf("cookie %q, subnet %q", cookie, subnet)
	}
}

func TestAcceptance15TruncationOnRRsets(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here")})
	a.view = viewOf(t, map[string]string{"t.": `$TTL 300
@ IN SOA ns hostmaster 1 2 3 4 60
@ IN NS ns
ns IN A 192.0.2.1
alias IN CNAME fat
fat IN TXT "` + strings.Repeat("x", 250) + `"
fat IN TXT "` + strings.Repeat("y", 250) + `"
mx IN MX 1 fit
mx IN MX 2 unfit
fit IN A 192.0.2.2
$GENERATE 1-40 unfit IN A 198.51.100.$
some IN NS ns.some
some IN NS ns2.some
ns.some IN A 192.0.2.3
$GENERATE 1-40 ns2.some IN A 203.0.113.$
`}, &Options{NSID: []byte("here")})
	a.expects(`
		fat.t TXT bufsize=512 nsid -> NOERROR aa tc opt nsid=68657265
		alias.t TXT bufsize=512 -> NOERROR aa tc opt fat.t.
		alias.t TXT -> NOERROR aa tc -opt fat.t.
		mx.t MX bufsize=512 -> NOERROR aa -tc opt "1 fit.t." "2 unfit.t." additional=192.0.2.2
		x.some.t A bufsize=512 -> NOERROR -aa tc opt ns=ns.some.t.,ns2.some.t. additional=192.0.2.3`)
}

// What a pool picks stands in several parts; they are answered together or not
// at all.
func TestAcceptance15TruncationOfAGeoAnswer(t *testing.T) {
	a := newAsker(t, &Options{})
	a.expects(`
		many.geo.test AAAA subnet=81.2.69.0/24 bufsize=512 -> NOERROR aa tc opt
		many.geo.test AAAA from=81.2.69.1 -> NOERROR aa tc -opt`)
	a.client = "81.2.69.1"
	for _, payload := range []uint16{704, 4096} {
		m := question("many.geo.test.", dns.TypeAAAA)
		m.SetEdns0(payload, false)
		if r := a.ask(m); len(r.Answer)%8 != 0 || len(r.Answer) != 0 && len(r.Answer) != 24 || r.Truncated != (len(r.Answer) == 0) {
			t.Errorf("payload %d: %d addresses, TC %v", payload, len(r.Answer), r.Truncated)
		}
	}
}

func TestAcceptance15TheLongestReply(t *testing.T) {
	a := newAsker(t, fuzzOptions())
	long := longName("x", 240)
	for _, size := range []uint16{0, 512, 1232} {
		for _, name := range []string{long + "geo.test.", long + "example.com.", long + "loading.test.", "www.geo.test."} {
			m := subnetted(question(name, dns.TypeA), "2001:db8::/128")
			with(m, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
			m.IsEdns0().SetUDPSize(size)
			wire, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			limit := max(int(size), minUDP)
			for nsid := range 256 {
				o := *a.view.opts
				o.NSID = o.NSID[:nsid]
				v := NewView(a.view, a.view.zones, a.view.steer, &o)
				reply := (&asker{t: t, view: v, scratch: a.scratch, client: a.client}).raw(wire)
				if _, _, err := parts(reply); err != nil || len(reply) > limit {
					t.Fatalf("%s, payload %d, NSID of %d: %d octets, %v", name, size, nsid, len(reply), err)
				}
			}
		}
	}
}

func TestAcceptance16NSID(t *testing.T) {
	newAsker(t, &Options{NSID: []byte("here")}).expects(`
		www.example.com TXT nsid -> NOERROR www nsid=68657265
		outside A nsid -> REFUSED nsid=68657265
		www.example.com TXT edns -> NOERROR www nsid=none`)
	newAsker(t, &Options{}).expects(`www.example.com TXT nsid -> NOERROR www opt nsid=none`)
}

// cookieAsker asks from an address that explanations ask a valid cookie of.
func cookieAsker(t *testing.T, secrets ...byte) *asker {
	o := &Options{Debug: prefixes("192.0.2.0/24")}
	for _, b := range secrets {
		o.CookieSecrets = append(o.CookieSecrets, [16]byte{b})
	}
	a := newAsker(t, o)
	a.client = "192.0.2.1"
	return a
}

// explain asks with a cookie, and gives the RCODE and the cookie that comes back.
func (a *asker) explain(cookie string) (rcode int, back string) {
	a.t.Helper()
	m := with(question("www.geo.test.", dns.TypeTXT), &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	m.Question[0].Qclass = dns.ClassCHAOS
	r := a.ask(m)
	for _, o := range r.IsEdns0().Option {
		if c, ok := o.(*dns.EDNS0_COOKIE); ok {
			return r.Rcode, c.Cookie
		}
	}
	return r.Rcode, ""
}

func TestAcceptance16CookieSecretsAreSharedAndRolled(t *testing.T) {
	const client = "0011223344556677"
	_, cookie := cookieAsker(t, 1).explain(client)
	if len(cookie) != 2*cookieSize || !strings.HasPrefix(cookie, client) {
		t.Fatalf("cookie %q", cookie)
	}
	for _, c := range []struct {
		what    string
		secrets []byte
		rcode   int
		same    bool
	}{
		{"another server with the secret", []byte{1}, dns.RcodeSuccess, true},
		{"a new secret behind it", []byte{1, 2}, dns.RcodeSuccess, true},
		{"a new secret before it", []byte{2, 1}, dns.RcodeSuccess, false},
		{"the secret is gone", []byte{2}, dns.RcodeBadCookie, false},
	} {
		rcode, back := cookieAsker(t, c.secrets...).explain(cookie)
		if rcode != c.rcode || (back == cookie) != c.same {
			t.Errorf("%s: %s, cookie %s", c.what, dns.RcodeToString[rcode], back)
		}
		if rcode, _ := cookieAsker(t, c.secrets[0]).explain(back); rcode != dns.RcodeSuccess {
			t.Errorf("%s: the cookie given back is not worth anything", c.what)
		}
	}
	other := cookieAsker(t, 1)
	other.client = "192.0.2.2"
	if rcode, _ := other.explain(cookie); rcode != dns.RcodeBadCookie {
		t.Errorf("from another address: %s", dns.RcodeToString[rcode])
	}
	if _, back := cookieAsker(t).explain(client); back != "" {
		t.Errorf("a server without secrets gives cookie %s", back)
	}
}

func TestAcceptance17KeepaliveAndPadding(t *testing.T) {
	a := newAsker(t, &Options{IdleTimeout: 100})
	m := with(question("www.example.com.", dns.TypeA), &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE},
		&dns.EDNS0_PADDING{Padding: make([]byte, 128)})
	if o := a.ask(m).IsEdns0(); len(o.Option) != 0 {
		t.Errorf("over UDP: %v", o)
	}
	a.transport = TCP
	o := a.ask(m).IsEdns0()
	if k, ok := o.Option[0].(*dns.EDNS0_TCP_KEEPALIVE); len(o.Option) != 1 || !ok || k.Timeout != 100 {
		t.Errorf("over TCP: %v", o)
	}
	if o := a.ask(with(question("www.example.com.", dns.TypeA))).IsEdns0(); len(o.Option) != 0 {
		t.Errorf("over TCP, not asked: %v", o)
	}
}

func TestAcceptance17ExtendedErrorsChangeNothing(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, n := range []string{"loading.test.", "broken.test.", "www.example.com.", "outside."} {
		bare, extended := a.ask(question(n, dns.TypeA)), a.ask(with(question(n, dns.TypeA)))
		if bare.Rcode != extended.Rcode || len(bare.Answer) != len(extended.Answer) {
			t.Errorf("%s: %v and %v", n, bare, extended)
		}
	}
}
