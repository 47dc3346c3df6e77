package zones

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// signHere signs a zone that has passed its checks. It reports why it cannot
// be signed.
func signHere(t text, z *Zone, recs []Record, rep *report) *Zone {
	if !unsigned(t.origin, recs, rep) {
		return z
	}
	signer, err := t.sign()
	if err != nil {
		rep.fail(Pos{}, "the zone cannot be signed: %v", err)
		return z
	}
	checkSignedPools(z, t.geo, rep)
	checkHashedNames(t.origin, signer.Options().NSEC3, rep)
	if rep.errors > 0 || t.aside {
		return z
	}
	signed, err := signZone(z, t.prev, signer, t.geo, time.Now().Unix())
	if err != nil {
		rep.fail(Pos{}, "the zone cannot be signed: %v", err)
		return z
	}
	if err := signer.Err(); err != nil {
		rep.warn(Pos{}, "signatures cannot be made, older ones serve on: %v", err)
	}
	return signed
}

// maxVariants is how many answers of one pool are signed in one zone: for each
// GEO name, each set of addresses that the pool may answer with.
const maxVariants = 100_000

// checkSignedPools reports the pools whose answers cannot be signed.
func checkSignedPools(z *Zone, geo FindGeo, rep *report) {
	variants := map[string]int{}
	for _, ref := range z.Refs() {
		if _, err := geoTypes(nil, geo, ref.Ref); err != nil {
			rep.fail(ref.Pos, "GEO %s: %v", ref.Ref, err)
			continue
		}
		if geo == nil {
			continue
		}
		info, _ := geo(ref.Ref) // geoTypes has found it
		if info.NoData {
			rep.fail(ref.Pos, "GEO %s: in a signed zone a pool cannot have all_down = \"nodata\": a type that exists must not come and go", ref.Ref)
		}
		pool, _, _ := strings.Cut(ref.Ref, "/")
		before := variants[pool]
		if variants[pool] += info.Variants; before <= maxVariants && variants[pool] > maxVariants {
			rep.fail(ref.Pos, "GEO %s: the names of this zone that name pool %s may be answered in more than %d ways, each of which would have to be signed: give the pool a lower n or fewer servers", ref.Ref, pool, maxVariants)
		}
	}
}

// checkHashedNames refuses a zone whose name leaves no room for the hash in
// front of it.
func checkHashedNames(origin string, nsec3 bool, rep *report) {
	if size := len(origin) + 1 + dnssec.LabelSize; nsec3 && size > MaxName {
		rep.fail(Pos{}, "the name of the zone is too long for NSEC3: with a hash in front it has %d octets, and names have at most %d; use NSEC", size, MaxName)
	}
}

// unsigned reports the records that only a signer writes, and tells whether
// there are none.
func unsigned(origin string, recs []Record, rep *report) bool {
	before := rep.errors
	for i := range recs {
		r := &recs[i]
		key := r.Type == dns.TypeDNSKEY || r.Type == dns.TypeCDS || r.Type == dns.TypeCDNSKEY
		if signedRecord(r.Type) || key && r.Owner == origin {
			rep.fail(r.Pos, "a %s record in a zone that is to be signed here: signing adds it", typeText(r.Type))
		}
	}
	return rep.errors == before
}

// takeForeign compiles a zone that was signed elsewhere.
func takeForeign(t text, z *Zone, recs []Record, hashes []foreignNSEC3, rep *report) *Zone {
	if t.sign != nil {
		rep.fail(firstSigned(t.origin, recs), "the zone is signed already, so it cannot be signed here too: leave out its RRSIG, DNSKEY, NSEC and NSEC3 records, or dnssec = true")
		return z
	}
	for _, ref := range z.Refs() {
		rep.fail(ref.Pos, "a GEO record in a zone that was signed elsewhere: its answers have no signatures; leave out those of the file and have the zone signed here with dnssec = true")
	}
	if rep.errors > 0 {
		return z
	}
	signed, err := secureForeign(z, hashes)
	if err != nil {
		rep.fail(Pos{Line: 1}, "%v", err)
		return z
	}
	checkForeign(signed, recs, hashes, rep, time.Now())
	if t.aside && rep.errors == 0 {
		verifyForeign(signed, recs, rep)
	}
	return signed
}

// firstSigned is where the first record stands that tells a signed zone.
func firstSigned(origin string, recs []Record) Pos {
	for i := range recs {
		if recs[i].Owner == origin && signedRecord(recs[i].Type) {
			return recs[i].Pos
		}
	}
	return Pos{Line: 1}
}
