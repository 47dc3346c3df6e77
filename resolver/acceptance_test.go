package resolver

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func prefixes(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// packet is a query for www.example.com A, to be spoilt.
func packet(t *testing.T, options ...dns.EDNS0) []byte {
	t.Helper()
	m := question("www.example.com.", dns.TypeA)
	if options != nil {
		with(m, options...)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// Lines 1 and 2 of what a nameserver must do.
func TestDropped(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, transport := range []Transport{UDP, TCP} {
		a.transport = transport
		response := packet(t)
		response[2] |= 0x80
		if a.raw(response) != nil {
			t.Error("a response is answered")
		}
		for n := range headerSize {
			if a.raw(packet(t)[:n]) != nil {
				t.Errorf("%d octets are answered", n)
			}
		}
		if a.raw(packet(t)[:headerSize]) == nil {
			t.Error("a header alone is not answered")
		}
	}
}

// Lines 3 and 4: what of the header and the question comes back.
func TestHeader(t *testing.T) {
	a := newAsker(t, &Options{})
	for flags := 0; flags < 1<<16; flags += 1 << 4 {
		if flags&flagQR != 0 {
			continue
		}
		q := packet(t)
		copy(q[13:], "WwW")
		binary.BigEndian.PutUint16(q[2:], uint16(flags))
		r := a.raw(q)
		got := u16(r, 2)
		want := flagQR | flags&maskOpcode
		if flags&maskOpcode == 0 {
			want |= flags&flagRD | flagAA
		} else {
			want |= notImp
		}
		if got != want || string(r[:2]) != string(q[:2]) || string(r[12:33]) != string(q[12:33]) {
			t.Fatalf("flags %#x: %#x, want %#x", flags, got, want)
		}
	}
}

// Lines 5 to 10 by response code.
func TestResponseCodes(t *testing.T) {
	a := newAsker(t, &Options{Version: "meridian"})
	set := func(at, v int) func([]byte) []byte {
		return func(b []byte) []byte { put16(b, at, v); return b }
	}
	more := func(s string) func([]byte) []byte {
		return func(b []byte) []byte { return append(b, s...) }
	}
	opt := "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
	cases := []struct {
		name  string
		spoil func([]byte) []byte
		want  int
	}{
		{"no question", set(4, 0), dns.RcodeFormatError},
		{"two questions", func(b []byte) []byte { put16(b, 4, 2); return append(b, b[12:]...) }, dns.RcodeFormatError},
		{"two questions, one there", set(4, 2), dns.RcodeFormatError},
		{"question cut short", func(b []byte) []byte { return b[:len(b)-1] }, dns.RcodeFormatError},
		{"answer promised", set(6, 1), dns.RcodeFormatError},
		{"authority promised", set(8, 1), dns.RcodeFormatError},
		{"additional promised", set(10, 65535), dns.RcodeFormatError},
		{"octets behind the message", more("x"), dns.RcodeFormatError},
		{"label over 63", set(12, 0x4061), dns.RcodeFormatError},
		{"pointer as name", set(12, 0xc00c), dns.RcodeFormatError},
		{"class ANY", set(31, 255), dns.RcodeRefused},
		{"class 0", set(31, 0), dns.RcodeRefused},
		{"class CH elsewhere", set(31, 3), dns.RcodeRefused},
		{"opcode NOTIFY", set(2, 4<<11), dns.RcodeNotImplemented},
		{"opcode UPDATE, cut", func(b []byte) []byte { put16(b, 2, 5<<11); return b[:12] }, dns.RcodeNotImplemented},
		{"AXFR", set(29, typeAXFR), dns.RcodeRefused},
		{"IXFR", set(29, typeIXFR), dns.RcodeRefused},
		{"two OPT", func(b []byte) []byte { put16(b, 10, 2); return append(b, opt+opt...) }, dns.RcodeFormatError},
		{"OPT with a name", func(b []byte) []byte { put16(b, 10, 1); return append(b, "\x01a"+opt...) }, dns.RcodeFormatError},
		{"OPT as answer", func(b []byte) []byte { put16(b, 6, 1); return append(b, opt...) }, dns.RcodeFormatError},
		{"OPT", func(b []byte) []byte { put16(b, 10, 1); return append(b, opt...) }, dns.RcodeSuccess},
		{"a record beside", func(b []byte) []byte {
			put16(b, 8, 1)
			return append(b, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"...)
		}, dns.RcodeSuccess},
		{"pointer forward", func(b []byte) []byte {
			put16(b, 8, 1)
			return append(b, "\xc0\x30\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"...)
		}, dns.RcodeFormatError},
		{"pointer to itself", func(b []byte) []byte {
			put16(b, 8, 1)
			return append(b, "\xc0\x21\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"...)
		}, dns.RcodeFormatError},
	}
	for _, c := range cases {
		r := a.raw(c.spoil(packet(t)))
		if r == nil || u16(r, 2)&15 != c.want {
			t.Errorf("%s: %x, want RCODE %s", c.name, r, dns.RcodeToString[c.want])
		}
	}
}

// Lines 8 and 9, and CH of line 7.
func TestZonesOutsideAndUnusable(t *testing.T) {
	a := newAsker(t, &Options{Version: "meridian"})
	for _, c := range []struct {
		name  string
		rcode int
		ede   uint16
	}{
		{"outside.elsewhere.", dns.RcodeRefused, 0}, {".", dns.RcodeRefused, 0}, {"com.", dns.RcodeRefused, 0},
		{"x.broken.test.", dns.RcodeServerFailure, 24}, {"loading.test.", dns.RcodeServerFailure, 14},
	} {
		r := a.ask(with(question(c.name, dns.TypeA)))
		var ede uint16
		for _, o := range r.IsEdns0().Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				ede = e.InfoCode
			}
		}
		if r.Rcode != c.rcode || ede != c.ede || r.Authoritative || len(r.Ns)+len(r.Answer) > 0 {
			t.Errorf("%s: %v", c.name, r)
		}
	}
	m := question("Version.Bind.", dns.TypeTXT)
	m.Question[0].Qclass = dns.ClassCHAOS
	if r := a.ask(m); len(r.Answer) != 1 || !strings.Contains(r.Answer[0].String(), `"meridian"`) {
		t.Errorf("version.bind: %v", r)
	}
	m.Question[0].Name = "id.server."
	if r := a.ask(m); r.Rcode != dns.RcodeRefused {
		t.Errorf("id.server, not configured: %v", r)
	}
}

// Lines 11 to 17.
func TestEDNS(t *testing.T) {
	a := newAsker(t, &Options{NSID: []byte("here"), CookieSecrets: make([][16]byte, 1), IdleTimeout: 100})
	r := a.ask(with(question("outside.elsewhere.", dns.TypeA)))
	if o := r.IsEdns0(); o == nil || o.UDPSize() != maxUDP || o.Version() != 0 || o.Do() || len(o.Option) != 0 {
		t.Errorf("OPT of an error: %v", r)
	}
	m := with(question("www.example.com.", dns.TypeA), &dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}, &dns.EDNS0_PADDING{Padding: make([]byte, 9)})
	m.IsEdns0().SetDo()
	o := a.ask(m).IsEdns0()
	if !o.Do() || len(o.Option) != 1 || o.Option[0].String() != "68657265" {
		t.Errorf("NSID, an unknown option and padding: %v", o)
	}
	m.IsEdns0().SetVersion(1)
	r = a.ask(m)
	if r.Rcode != dns.RcodeBadVers || r.IsEdns0().Version() != 0 || len(r.Answer)+len(r.IsEdns0().Option) != 0 {
		t.Errorf("version 1: %v", r)
	}
	keepalive := with(question("www.example.com.", dns.TypeA), &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
	if o := a.ask(keepalive).IsEdns0(); len(o.Option) != 0 {
		t.Errorf("keepalive over UDP: %v", o)
	}
	a.transport = TCP
	if o := a.ask(keepalive).IsEdns0(); len(o.Option) != 1 {
		t.Errorf("keepalive over TCP: %v", o)
	}
	for _, bad := range []dns.EDNS0{
		&dns.EDNS0_LOCAL{Code: dns.EDNS0COOKIE, Data: make([]byte, 9)},
		&dns.EDNS0_LOCAL{Code: dns.EDNS0TCPKEEPALIVE, Data: make([]byte, 2)},
	} {
		if r := a.ask(with(question("www.example.com.", dns.TypeA), bad)); r.Rcode != dns.RcodeFormatError || r.IsEdns0() == nil {
			t.Errorf("option %v: %v", bad, r)
		}
	}
	wire := packet(t, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("abc")})
	put16(wire, len(wire)-5, 4) // the option runs over the end of OPT
	if r := a.raw(wire); u16(r, 2)&15 != formErr || u16(r, 10) != 1 {
		t.Errorf("option over the end: %x", r)
	}
}

// A query for a cookie alone (RFC 7873 section 5.4).
func TestCookieOnly(t *testing.T) {
	a := newAsker(t, &Options{CookieSecrets: make([][16]byte, 1)})
	m := with(new(dns.Msg), &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})
	r := a.ask(m)
	if r.Rcode != dns.RcodeSuccess || len(r.Question) != 0 || len(r.IsEdns0().Option) != 1 {
		t.Errorf("%v", r)
	}
}

// Lines 13 and 15: sizes and truncation on RRset boundaries.
func TestTruncation(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, c := range []struct {
		payload, limit int // payload 0: no OPT
		tc             bool
	}{{0, 512, true}, {100, 512, true}, {512, 512, true}, {1232, 1232, true}, {4096, 1232, true}} {
		m := question("big.example.com.", dns.TypeTXT)
		if c.payload > 0 {
			m.SetEdns0(uint16(c.payload), false)
		}
		wire, _ := m.Pack()
		reply := a.raw(wire)
		r := new(dns.Msg)
		if err := r.Unpack(reply); err != nil || len(reply) > c.limit || r.Truncated != c.tc || len(r.Answer) != 0 || (c.payload > 0) != (r.IsEdns0() != nil) {
			t.Errorf("payload %d: %d octets, %v", c.payload, len(reply), r)
		}
	}
	a.transport = TCP
	if r := a.ask(question("big.example.com.", dns.TypeTXT)); r.Truncated || len(r.Answer) != 7 {
		t.Errorf("over TCP: %v", r)
	}
}

// Line 22: malformed client subnets, and line 19: the echo.
func TestClientSubnetForms(t *testing.T) {
	a := newAsker(t, &Options{})
	cases := []struct {
		data string
		ok   bool
	}{
		{"\x00\x01\x18\x00\x51\x02\x45", true},
		{"\x00\x01\x00\x00", true},
		{"\x00\x02\x00\x00", true},
		{"\x00\x00\x00\x00", true},
		{"\x00\x02\x38\x00\x20\x01\x0d\xb8\x00\x00\x00", true},
		{"\x00\x01\x11\x00\x51\x02\x80", true},
		{"\x00\x01\x11\x00\x51\x02\x40", false},
		{"\x00\x03\x18\x00\x51\x02\x45", false},
		{"\x00\x00\x18\x00\x51\x02\x45", false},
		{"\x00\x01\x18\x00\x51\x02", false},
		{"\x00\x01\x18\x00\x51\x02\x45\x00", false},
		{"\x00\x01\x18\x01\x51\x02\x45", false},
		{"\x00\x01\x21\x00\x51\x02\x45\x01\x00", false},
		{"\x00\x02\x81\x00" + strings.Repeat("\x20", 16) + "\x00", false},
		{"\x00\x01\x18", false},
		{"", false},
	}
	for _, c := range cases {
		m := with(question("www.geo.test.", dns.TypeA), &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte(c.data)})
		wire, _ := m.Pack()
		reply := string(a.raw(wire))
		if rcode := int(reply[3] & 15); c.ok != (rcode == noError) || !c.ok && rcode != formErr {
			t.Errorf("%x: RCODE %d", c.data, rcode)
		}
		if !c.ok {
			continue
		}
		echo := reply[len(reply)-len(c.data):]
		if echo[:3] != c.data[:3] || echo[4:] != c.data[4:] {
			t.Errorf("%x comes back as %x", c.data, echo)
		}
	}
}

// Lines 28, 29 and 31 in their corners.
func TestChains(t *testing.T) {
	a := newAsker(t, &Options{})
	cases := []struct {
		name  string
		typ   uint16
		rcode int
		want  string
	}{
		{"loop1.example.com.", dns.TypeA, 0, "loop2.example.com. loop1.example.com."},
		{"self.example.com.", dns.TypeA, 0, "self.example.com."},
		{"tomissing.example.com.", dns.TypeA, dns.RcodeNameError, "missing.example.com."},
		{"toout.example.com.", dns.TypeA, 0, "www.elsewhere.test."},
		{"tonet.example.com.", dns.TypeA, 0, "www.example.net. 203.0.113.80"},
		{"www.dname.example.com.", dns.TypeA, 0, "www.target.example.com. 192.0.2.110"},
		{"www.dnet.example.com.", dns.TypeAAAA, 0, "www.example.net. 2001:db8:2::80"},
		{"alias.dname.example.com.", dns.TypeA, 0, "alias.target.example.com. www.target.example.com. 192.0.2.110"},
		{strings.Repeat("a", 60) + ".dlong.example.com.", dns.TypeA, dns.RcodeYXDomain, ""},
		{"up.child.example.com.", dns.TypeA, 0, "www.example.com. 192.0.2.80 192.0.2.81"},
	}
	for _, c := range cases {
		r := a.ask(question(c.name, c.typ))
		if r.Rcode != c.rcode || addresses(r) != c.want {
			t.Errorf("%s %s: %s %q, want %q\n%v", c.name, dns.Type(c.typ), dns.RcodeToString[r.Rcode], addresses(r), c.want, r)
		}
	}
	for _, typ := range []uint16{0, 41, 65535, 128, 200, 249, 250, 253, 254} {
		m := question("www.example.com.", typ)
		if r := a.ask(m); r.Rcode != 0 || len(r.Answer) != 0 || len(r.Ns) != 1 {
			t.Errorf("type %d: %v", typ, r)
		}
	}
}

// A reply is written without allocation, whatever the question.
func TestNoAllocation(t *testing.T) {
	v := testView(t, &Options{CookieSecrets: make([][16]byte, 1)})
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}
	for _, m := range []*dns.Msg{
		question("www.example.com.", dns.TypeA), question("no.example.com.", dns.TypeA),
		question("x.sub.example.com.", dns.TypeA), question("c1.example.com.", dns.TypeA),
		question("a.b.dname.example.com.", dns.TypeA), question("example.com.", dns.TypeMX),
		question("outside.test.", dns.TypeA), with(question("www.example.com.", dns.TypeA), cookie),
		subnetted(question("www.geo.test.", dns.TypeA), "81.2.69.0/24"),
		subnetted(question("www.geo.test.", dns.TypeAAAA), "2001:db8::/48"),
	} {
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		dst, s := make([]byte, maxTCP), new(Scratch)
		req := &Request{Msg: wire, Client: netip.MustParseAddrPort("8.8.8.8:53")}
		if n := testing.AllocsPerRun(100, func() { v.Answer(dst, req, s) }); n != 0 {
			t.Errorf("%s: %v allocations", m.Question[0].String(), n)
		}
	}
}
