package dnssec

import (
	"slices"
	"time"
)

// Plan is what a zone publishes of its keys at one moment, and what signs it. Immutable.
type Plan struct {
	DNSKEY, CDS, CDNSKEY [][]byte // RDATA, in canonical order; CDS and CDNSKEY may be empty

	KeySigners  []*Key // sign the DNSKEY, CDS and CDNSKEY RRsets; never empty
	ZoneSigners []*Key // sign everything else; never empty

	Next time.Time // when the times of the keys next change the plan; zero: never
}

// Plan tells what to publish and what signs at a moment. Whatever the times in the files say, a ring with a key comes
// to a plan by which the zone validates if it can: see stands.
func (r *Ring) Plan(now time.Time) Plan {
	var p Plan
	for _, k := range r.published(now) {
		p.DNSKEY = append(p.DNSKEY, k.DNSKEY())
		if k.Role.HasDS() {
			p.KeySigners = append(p.KeySigners, k)
		}
	}
	p.ZoneSigners = r.zoneSigners(now)
	p.CDS, p.CDNSKEY = r.sync(now)
	sortRDATA(p.DNSKEY)
	sortRDATA(p.CDS)
	sortRDATA(p.CDNSKEY)
	p.Next = r.next(now)
	return p
}

// span tells whether now lies in [from, until). A from that is zero has not come, an until that is zero never comes.
func span(now, from, until time.Time) bool {
	return reached(now, from) && !reached(now, until)
}

// reached tells whether a moment has been decided and has come.
func reached(now, t time.Time) bool { return !t.IsZero() && !now.Before(t) }

func sortRDATA(data [][]byte) { slices.SortFunc(data, slices.Compare) }
