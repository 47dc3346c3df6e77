package zones

import (
	"errors"
	"sync/atomic"

	"github.com/miekg/dns"
)

// maxVerified is how many RRsets of a zone are verified, spread evenly over it:
// each takes a tenth of a millisecond.
const maxVerified = 10_000

// verifyForeign warns of RRsets of a zone that was signed elsewhere which no
// signature fits. Of large zones it looks at a part.
func verifyForeign(z *Zone, recs []Record, rep *report) {
	v := &verifier{z: z, keys: z.publicKeys()}
	list := z.signedSets()
	step := len(list)/maxVerified + 1
	wrong := make([]atomic.Bool, len(list))
	parallelBy(64, (len(list)+step-1)/step, func(from, to int) {
		for i := from * step; i < min(to*step, len(list)); i += step {
			wrong[i].Store(!v.verified(&list[i]))
		}
	})
	f := &foreignCheck{z: z, rep: rep, recs: recs}
	for i := range list {
		if d := &list[i]; wrong[i].Load() {
			rep.warn(f.at(d.id, d.Type()), "no signature fits the %s records of %s and a key of the zone: validating resolvers answer SERVFAIL",
				typeText(d.Type()), nameText(string(d.owner)))
		}
	}
}

// owned is an RRset with its owner.
type owned struct {
	RRset
	owner []byte
	id    uint32 // 0 for NSEC3
}

// signedSets lists the RRsets that have signatures.
func (z *Zone) signedSets() []owned {
	var list []owned
	for id := range z.nodes {
		for i := range z.Sets(NodeID(id)) {
			if set := z.At(NodeID(id), i); set.SigCount() > 0 {
				list = append(list, owned{set, z.owner(uint32(id)), uint32(id)})
			}
		}
	}
	for i := range z.secured.hashes {
		n := z.nsec3(i)
		list = append(list, owned{n.RRset, n.Owner(), 0})
	}
	return list
}

// publicKeys are the DNSKEY records of the zone.
func (z *Zone) publicKeys() (keys []*dns.DNSKEY) {
	if set, ok := z.Find(0, dns.TypeDNSKEY); ok {
		rrs, _ := (&owned{set, z.owner(0), 0}).parsed()
		for _, rr := range rrs {
			if key, ok := rr.(*dns.DNSKEY); ok {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// parsed gives the records, and those of the signatures.
func (d *owned) parsed() (rrs []dns.RR, sigs []*dns.RRSIG) {
	h := dns.RR_Header{Name: nameText(string(d.owner)), Class: dns.ClassINET, Ttl: d.TTL()}
	for typ, rdata := range d.whole() {
		h.Rrtype, h.Rdlength = typ, uint16(len(rdata))
		rr, _, err := dns.UnpackRRWithHeader(h, rdata, 0)
		if err != nil {
			return nil, nil
		}
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs = append(sigs, sig)
		} else {
			rrs = append(rrs, rr)
		}
	}
	return rrs, sigs
}

// verifier verifies the RRsets of a zone.
type verifier struct {
	z    *Zone
	keys []*dns.DNSKEY
}

// verified tells whether one signature fits, or may: algorithms and types that
// the library does not know are passed over.
func (v *verifier) verified(d *owned) bool {
	rrs, sigs := d.parsed()
	if len(rrs) == 0 {
		return true
	}
	for _, sig := range sigs {
		for _, key := range v.keys {
			if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if err := sig.Verify(key, rrs); err == nil || errors.Is(err, dns.ErrAlg) {
				return true
			}
		}
	}
	return false
}
