package zones

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/miekg/dns"
)

// Dump writes the zone as a master file: every record that is served, the
// signatures and the chain among them, names whole. GEO records, whose answers
// are not in the zone, stand as comments.
func (z *Zone) Dump(w io.Writer) error {
	d := dumper{z: z, w: bufio.NewWriterSize(w, 64<<10)}
	ids := make([]uint32, 0, len(z.nodes))
	for id := range z.nodes {
		ids = append(ids, uint32(id))
	}
	z.canonicalOrder(ids[1:])
	if soa, ok := z.Find(0, typeSOA); ok {
		d.rrset(z.owner(0), soa)
	}
	for _, id := range ids {
		d.node(id)
	}
	if z.secured != nil {
		for i := range z.secured.hashes {
			n := z.nsec3(i)
			d.rrset(n.Owner(), n.RRset)
		}
	}
	if d.err != nil {
		return d.err
	}
	return d.w.Flush()
}

// dumper writes a zone as text; the first error is kept.
type dumper struct {
	z   *Zone
	w   *bufio.Writer
	err error
}

func (d *dumper) node(id uint32) {
	owner := d.z.owner(id)
	if ref, ttl, ok := d.z.Geo(NodeID(id)); ok {
		fmt.Fprintf(d.w, "; %s\t%d\tIN\tGEO\t%q\n", nameText(string(owner)), ttl, d.z.refs[ref].Ref)
	}
	for i := range d.z.Sets(NodeID(id)) {
		if set := d.z.At(NodeID(id), i); id != 0 || set.Type() != typeSOA {
			d.rrset(owner, set)
		}
	}
}

func (d *dumper) rrset(owner []byte, set RRset) {
	for typ, rdata := range set.whole() {
		d.rr(owner, typ, set.TTL(), rdata)
	}
}

// whole gives the type and RDATA of each record of an RRset, and behind them
// those of its signatures, names whole, in memory of their own.
func (r RRset) whole() iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		fixes, wire := r.Fixes(), r.Secured()
		for at := 0; at < len(wire); {
			end := at + rrHeader + int(binary.BigEndian.Uint16(wire[at+rrHeader-2:]))
			var rdata []byte
			from := at + rrHeader
			for len(fixes) > 0 && int(fixes[0]) < end {
				rdata = append(append(rdata, wire[from:fixes[0]]...), r.zone.origin...)
				from = int(fixes[0]) + 2
				fixes = fixes[1:]
			}
			if !yield(binary.BigEndian.Uint16(wire[at+2:]), append(rdata, wire[from:end]...)) {
				return
			}
			at = end
		}
	}
}

// rr writes one record. Types that the library cannot print so that they are
// read back as they were stand in the form of RFC 3597.
func (d *dumper) rr(owner []byte, typ uint16, ttl uint32, rdata []byte) {
	h := dns.RR_Header{Name: nameText(string(owner)), Rrtype: typ, Class: dns.ClassINET, Ttl: ttl, Rdlength: uint16(len(rdata))}
	text := ""
	if printed[typ] {
		if rr, _, err := dns.UnpackRRWithHeader(h, rdata, 0); err == nil {
			text = strings.TrimPrefix(rr.String(), rr.Header().String())
		} else if d.err == nil {
			d.err = fmt.Errorf("%s %s: %w", h.Name, typeText(typ), err)
		}
	}
	if text == "" {
		text = fmt.Sprintf(`\# %d %X`, len(rdata), rdata)
	}
	fmt.Fprintf(d.w, "%s\t%d\tIN\t%s\t%s\n", h.Name, ttl, typeText(typ), text)
}

// printed are the types whose text the library writes so that it gives the same
// record again.
var printed = map[uint16]bool{
	typeA: true, typeAAAA: true, typeNS: true, typeCNAME: true, typePTR: true, typeDNAME: true, typeMX: true, typeSRV: true,
	typeSOA: true, dns.TypeTXT: true, dns.TypeDS: true, dns.TypeTLSA: true, dns.TypeCAA: true,
	dns.TypeDNSKEY: true, dns.TypeCDS: true, dns.TypeCDNSKEY: true, dns.TypeRRSIG: true,
	dns.TypeNSEC: true, dns.TypeNSEC3: true, dns.TypeNSEC3PARAM: true,
}
