package resolver

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// fuzzOptions have every option of a reply on, at its largest.
func fuzzOptions() *Options {
	return &Options{
		NSID: []byte(strings.Repeat("n", 255)), Version: "meridian", Hostname: strings.Repeat("h", 255), ID: "id",
		CookieSecrets: make([][16]byte, 2), Debug: prefixes("0.0.0.0/0"), IdleTimeout: 100,
	}
}

func fuzzRivals(t testing.TB) *rivals {
	texts := trickyZones()
	maps.Copy(texts, peersZones(t))
	delete(texts, ".")
	r := newRivals(t, texts, signersOf(t, texts))
	r.view = NewView(nil, r.view.Zones(), r.view.Steer(), fuzzOptions())
	return r
}

// seeds are queries of every kind.
func seeds(t testing.TB) (all [][]byte) {
	add := func(m *dns.Msg) {
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, wire)
	}
	for i, n := range []string{
		"www.example.com.", "WwW.ExAmPlE.cOm.", "x.sub.example.com.", "sub.example.com.", "a.b.dname.example.com.",
		"any.wild.example.com.", "c1.example.com.", "loop1.example.com.", "no.such.example.com.", "tocut.example.com.",
		"www.geo.test.", "alias2.geo.test.", "cdn.geo.test.", "mix.geo.test.", "down.geo.test.", "a.w.geo.test.", "geo.test.",
		"grand.child.test.", "back.grand.child.test.", "x.child.test.", "dup.test.", "x.circle1.other.", "mx.\\200.other.",
		"x.broken.test.", "outside.", ".", "81.2.0.192.in-addr.arpa.", strings.Repeat("a.", 126) + "test.",
	} {
		for j, typ := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeDS, dns.TypeANY, dns.TypeHTTPS} {
			m := question(n, typ)
			switch (i + j) % 4 {
			case 0:
				subnetted(m, "81.2.69.0/24")
			case 1:
				with(m, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
			case 2:
				m.SetEdns0(512, true)
			}
			add(m)
		}
	}
	for _, n := range []string{"version.bind.", "hostname.bind.", "www.geo.test."} {
		m := with(question(n, dns.TypeTXT), &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
		m.Question[0].Qclass = dns.ClassCHAOS
		add(m)
	}
	for _, size := range []uint16{0, 512, 600} { // every option at its largest, and the longest name
		m := subnetted(question(longName("x", 240)+"example.com.", dns.TypeA), "2001:db8::/128")
		with(m, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		m.IsEdns0().SetUDPSize(size)
		add(m)
	}
	update := new(dns.Msg).SetUpdate("example.com.")
	update.Insert([]dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "new.example.com.", Rrtype: 1, Class: 1}, A: []byte{1, 2, 3, 4}}})
	add(update)
	add(new(dns.Msg).SetNotify("example.com."))
	return all
}

// FuzzPacket sends anything: the reply, if there must be one, obeys every rule
// of the header, of EDNS and of size, and to a sound question it is what the
// reference predicts.
func FuzzPacket(f *testing.F) {
	for _, wire := range seeds(f) {
		f.Add(wire, false)
		f.Add(wire, true)
	}
	r := fuzzRivals(f)
	client := netip.MustParseAddr("81.2.69.1")
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		transport := UDP
		if tcp {
			transport = TCP
		}
		reply := r.send(msg, client, transport)
		if silent := len(msg) < headerSize || msg[2]&0x80 != 0; silent || len(reply) == 0 {
			if silent != (len(reply) == 0) {
				t.Fatalf("%x: %d octets in reply", msg, len(reply))
			}
			return
		}
		h := hear(msg)
		wrong := h.header(msg, reply, transport)
		if list, _, err := parts(reply); err != nil {
			wrong = append(wrong, err.Error())
		} else {
			wrong = append(wrong, h.edns(reply, list, transport)...)
			wrong = append(wrong, r.decision(h, reply, list, client, transport)...)
		}
		if len(wrong) > 0 {
			t.Fatalf("query %x (TCP %v)\nreply %x\n%s", msg, tcp, reply, strings.Join(wrong, "\n"))
		}
	})
}

// header lists what of the header and the question is wrong.
func (h *heard) header(msg, reply []byte, transport Transport) (wrong []string) {
	must := func(ok bool, what string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(what, args...))
		}
	}
	flags, asked := u16(reply, 2), u16(msg, 2)
	must(string(reply[:2]) == string(msg[:2]), "another ID")
	must(flags&flagQR != 0 && flags&maskOpcode == asked&maskOpcode, "QR or opcode")
	must(flags&0x00f0 == 0, "RA, Z, AD or CD is set")
	must((flags&flagRD != 0) == (asked&flagRD != 0 && asked&maskOpcode == 0), "RD")
	limit := maxTCP
	if transport == UDP {
		limit = minUDP
		if h.opts > 0 {
			limit = min(max(h.payload, minUDP), maxUDP)
		}
	}
	must(len(reply) <= limit, "%d octets, at most %d", len(reply), limit)
	if h.question != nil {
		must(u16(reply, 4) == 1 && strings.HasPrefix(string(reply[headerSize:]), string(h.question)), "the question does not come back")
	} else {
		must(u16(reply, 4) == 0, "a question from nowhere")
	}
	must(transport == UDP || flags&flagTC == 0 || len(reply) > maxTCP-2048, "TC over TCP")
	switch flags & 15 {
	case noError, nxDomain, yxDomain:
	default:
		must(flags&(flagAA|flagTC) == 0 && u16(reply, 6) == 0 && u16(reply, 8) == 0 && u16(reply, 10) <= 1, "an error with an answer")
	}
	return wrong
}

// edns lists what of the reply's OPT is wrong.
func (h *heard) edns(reply []byte, list []part, transport Transport) (wrong []string) {
	var opt *dns.OPT
	for _, p := range list {
		if o, ok := p.rr.(*dns.OPT); ok {
			opt = o
		}
	}
	if (opt != nil) != (h.opts > 0) {
		return []string{fmt.Sprintf("OPT %v to a query with %d", opt, h.opts)}
	}
	if opt == nil {
		return nil
	}
	if opt.UDPSize() != maxUDP || opt.Version() != 0 || opt.Do() != h.do || opt.Z() != 0 {
		wrong = append(wrong, "OPT "+opt.String())
	}
	for _, o := range opt.Option {
		asked := o.Option() == dns.EDNS0EDE
		for _, q := range h.options {
			asked = asked || q.code == o.Option() && (q.code != optKeepalive || transport == TCP)
		}
		if !asked || h.version > 0 || h.bad && o.Option() != dns.EDNS0EDE {
			wrong = append(wrong, "an option nobody asked for: "+o.String())
		}
	}
	if s := h.subnet; s != nil && !h.bad && !echoes(reply, s) {
		wrong = append(wrong, fmt.Sprintf("client subnet %x does not come back", s))
	}
	return wrong
}

// echoes looks for the client subnet with another scope.
func echoes(reply, subnet []byte) bool {
	head := string([]byte{0, optSubnet, 0, byte(len(subnet))}) + string(subnet[:3])
	for rest := string(reply); ; {
		i := strings.Index(rest, head)
		if i < 0 {
			return false
		}
		if rest = rest[i+len(head):]; len(rest) > 0 && strings.HasPrefix(rest[1:], string(subnet[4:])) {
			return true
		}
	}
}

// decision lists how the reply differs from what such a query must get.
func (r *rivals) decision(h *heard, reply []byte, list []part, client netip.Addr, transport Transport) []string {
	rcode := r.scratch.RCode()
	switch {
	case u16(reply, 2)&maskOpcode != 0:
		return unless(rcode == notImp, "an opcode that is not implemented gives %d", rcode)
	case h.opts > 0 && h.version > 0:
		return unless(rcode == badVers, "EDNS version %d gives %d", h.version, rcode)
	case h.bad:
		return unless(rcode == formErr, "a format error gives %d", rcode)
	case rcode == formErr:
		return []string{"a sound query is called a format error"}
	case h.question == nil:
		return unless(rcode == noError, "a query for a cookie gives %d", rcode)
	case h.qclass == classCH:
		return nil
	case h.qclass != classIN:
		return unless(rcode == refused, "class %d gives %d", h.qclass, rcode)
	case r.scratch.Truncated():
		return nil
	}
	subnet, source := h.address()
	want := r.ref.answer(refQuery{name: h.name, typ: h.qtype, client: client, subnet: subnet, source: source, tellsOne: source > 0, random: 7, do: h.do})
	if transport == UDP { // what is not needed may have been left out
		have := canons(section(list, sectionAdditional))
		want.extra = slices.DeleteFunc(want.extra, func(rr dns.RR) bool { return !slices.Contains(have, canon(rr)) })
	}
	wrong := want.verdict(list, reply)
	if got := scopeOf(list); source >= 0 && got != want.scope {
		wrong = append(wrong, fmt.Sprintf("scope %d, want %d", got, want.scope))
	}
	return wrong
}

func unless(ok bool, what string, args ...any) []string {
	if ok {
		return nil
	}
	return []string{fmt.Sprintf(what, args...)}
}
