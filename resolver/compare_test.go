package resolver

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/zones"
)

// canon writes a record so that equal ones are equal as text. Case does not
// count in names; the comparison of chains looks at it separately.
func canon(rr dns.RR) string {
	rr = masked(rr)
	text := rr.String()
	switch rr.(type) {
	case *dns.TXT, *dns.HINFO, *dns.CAA, *dns.NAPTR:
		h := rr.Header().String()
		return strings.ToLower(h) + strings.TrimPrefix(text, h)
	}
	return strings.ToLower(text)
}

func canons(rrs []dns.RR) []string {
	list := make([]string, len(rrs))
	for i, rr := range rrs {
		list[i] = canon(rr)
	}
	return list
}

func sorted(rrs []dns.RR) []string {
	list := canons(rrs)
	sort.Strings(list)
	return list
}

// rrsets joins the records of each RRset, whose order is free, and keeps the
// order of RRsets.
func rrsets(rrs []dns.RR) []string {
	list := []string{}
	for i := 0; i < len(rrs); {
		end := i + 1
		for end < len(rrs) && sameSet(rrs[i], rrs[end]) {
			end++
		}
		list = append(list, strings.Join(sorted(rrs[i:end]), " + "))
		i = end
	}
	return list
}

func sameSet(a, b dns.RR) bool {
	return strings.EqualFold(a.Header().Name, b.Header().Name) && a.Header().Rrtype == b.Header().Rrtype
}

// part is one record of a reply and where it ends there.
type part struct {
	rr      dns.RR
	section int
	end     int
}

// parts takes a reply apart, one record after the other, and tells where its
// question ends.
func parts(reply []byte) (list []part, question int, err error) {
	at := headerSize
	if u16(reply, 4) == 1 {
		if _, at, err = dns.UnpackDomainName(reply, at); err != nil {
			return nil, 0, err
		}
		at += 4
	}
	question = at
	for section := sectionAnswer; section <= sectionAdditional; section++ {
		for range u16(reply, 4+2*section) {
			var rr dns.RR
			if rr, at, err = dns.UnpackRR(reply, at); err != nil {
				return nil, 0, err
			}
			list = append(list, part{rr, section, at})
		}
	}
	if at != len(reply) {
		return nil, 0, fmt.Errorf("%d octets behind the last record", len(reply)-at)
	}
	return list, question, nil
}

// section gives the records of a section, OPT apart.
func section(list []part, section int) (rrs []dns.RR) {
	for _, p := range list {
		if p.section == section && p.rr.Header().Rrtype != dns.TypeOPT {
			rrs = append(rrs, p.rr)
		}
	}
	return rrs
}

// verdict lists how a whole reply (TC clear) differs from what is predicted.
func (p *prediction) verdict(list []part, reply []byte) (wrong []string) {
	differ := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			wrong = append(wrong, fmt.Sprintf("%s:\n\t\t%v, want\n\t\t%v", what, got, want))
		}
	}
	flags := u16(reply, 2)
	differ("RCODE", flags&15, p.rcode&15)
	differ("AA", flags&flagAA != 0, p.aa)
	differ("TC", flags&flagTC != 0, false)
	differ("answer", rrsets(section(list, sectionAnswer)), rrsets(p.answer))
	differ("authority", sorted(section(list, sectionAuthority)), sorted(p.authority))
	additional := section(list, sectionAdditional)
	n := min(len(p.glue), len(additional))
	differ("glue", sorted(additional[:n]), sorted(p.glue))
	differ("additional", sorted(additional[n:]), sorted(p.extra))
	if chain := brokenChain(list); chain != "" {
		wrong = append(wrong, chain)
	}
	return wrong
}

// brokenChain tells where the owner of a record is not, octet for octet, the
// target of the CNAME before it.
func brokenChain(list []part) string {
	target := ""
	for _, rr := range section(list, sectionAnswer) {
		owner := rr.Header().Name
		if typ := rr.Header().Rrtype; typ == dns.TypeDNAME || typ == dns.TypeRRSIG {
			continue
		}
		if target != "" && owner != target {
			return fmt.Sprintf("owner %s behind a CNAME to %s", owner, target)
		}
		if c, ok := rr.(*dns.CNAME); ok {
			target = c.Target
		}
	}
	return ""
}

// shorter lists what is wrong with a reply over UDP beside the whole one: an
// answer, an authority section and glue that fit stand there to the octet, and
// if they do not, TC is set and every RRset that is there is whole.
func shorter(whole []byte, full []part, required int, reply []byte, limit int) (wrong []string) {
	list, question, err := parts(reply)
	if err != nil {
		return []string{err.Error()}
	}
	if len(reply) > limit {
		wrong = append(wrong, fmt.Sprintf("%d octets, at most %d", len(reply), limit))
	}
	tc := u16(reply, 2)&flagTC != 0
	if tc && u16(whole, 2)&15 == servFail {
		return wrong // the chain was cut off before the name that fails
	}
	if len(whole) <= limit && string(reply) != string(whole) {
		wrong = append(wrong, "it fits and is not the same as over TCP")
	}
	opt := 0
	if n := len(full); n > 0 && full[n-1].rr.Header().Rrtype == dns.TypeOPT {
		if opt = len(whole) - question; n > 1 {
			opt = len(whole) - full[n-2].end
		}
	}
	need := question + opt
	if required > 0 {
		need = full[required-1].end + opt
	}
	if tc != (need > limit) {
		wrong = append(wrong, fmt.Sprintf("TC %v, but %d octets are needed", tc, need))
	}
	for s := sectionAnswer; s <= sectionAdditional; s++ {
		have := rrsets(section(full, s))
		for _, set := range rrsets(section(list, s)) {
			if !slices.Contains(have, set) {
				wrong = append(wrong, "not an RRset of the whole reply: "+set)
			}
		}
	}
	return wrong
}

// rivals are a view and the reference over the same zones.
type rivals struct {
	view    *View
	ref     *refServer
	scratch Scratch
	asked   int
}

// newRivals serves the texts of zones, by origin; an empty one is a zone that
// cannot be used.
func newRivals(t testing.TB, texts map[string]string, signers map[string]*dnssec.Signer) *rivals {
	s := state(t)
	ref := &refServer{zones: map[name]*refZone{}, steer: s}
	var entries []zones.Entry
	for origin, text := range texts {
		if text == "" {
			ref.zones[nameOf(origin)] = nil
			entries = append(entries, zones.Entry{Origin: string(nameOf(origin))})
			continue
		}
		ref.add(t, origin, text)
		entries = append(entries, signedZone(t, fileOf(origin), text, s, signers[origin]))
		if signer := signers[origin]; signer != nil {
			ref.zones[nameOf(origin)].sign(t, s, signer)
		}
	}
	return &rivals{view: NewView(nil, zones.NewSet(entries), s, &Options{}), ref: ref}
}

// fileOf is the file name of a zone.
func fileOf(origin string) string {
	if origin == "." {
		return "root.zone"
	}
	var file strings.Builder
	for n := nameOf(origin); n != root; n = n.parent() {
		for _, c := range []byte(n[1 : 1+n[0]]) {
			fmt.Fprintf(&file, "%%%02x", c)
		}
		file.WriteByte('.')
	}
	return file.String() + "zone"
}

func (r *rivals) send(wire []byte, client netip.Addr, transport Transport) []byte {
	dst := make([]byte, maxTCP)
	if transport == UDP {
		dst = dst[:maxUDP]
	}
	n := r.view.Answer(dst, &Request{Msg: wire, Client: netip.AddrPortFrom(client, 53), Transport: transport, Random: 7}, &r.scratch)
	return dst[:n]
}

// compare asks one question over TCP and over UDP, and lists what differs from
// what the reference predicts. payload 0 stands for a query without OPT.
func (r *rivals) compare(t testing.TB, q refQuery, text string, payload uint16) []string {
	t.Helper()
	r.asked++
	m := question(text, q.typ)
	if payload > 0 {
		m.SetEdns0(payload, q.do)
	}
	if q.source >= 0 {
		subnetted(m, netip.PrefixFrom(q.subnet, q.source).String())
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	want := r.ref.answer(q)
	whole := r.send(wire, q.client, TCP)
	list, end, err := parts(whole)
	if err != nil {
		return []string{fmt.Sprintf("%v in %x", err, whole)}
	}
	if string(whole[headerSize:end]) != string(wire[headerSize:end]) {
		return []string{"the question does not come back as it was"}
	}
	wrong := want.verdict(list, whole)
	wrong = append(wrong, r.ref.unverified(list)...)
	if got := scopeOf(list); q.source >= 0 && got != want.scope {
		wrong = append(wrong, fmt.Sprintf("scope %d, want %d", got, want.scope))
	}
	limit := max(minUDP, min(int(payload), maxUDP))
	required := len(want.answer) + len(want.authority) + len(want.glue)
	return append(wrong, shorter(whole, list, min(required, len(list)), r.send(wire, q.client, UDP), limit)...)
}

func scopeOf(list []part) int {
	if len(list) == 0 {
		return -1
	}
	opt, ok := list[len(list)-1].rr.(*dns.OPT)
	if !ok {
		return -1
	}
	return scope(&dns.Msg{Extra: []dns.RR{opt}})
}
