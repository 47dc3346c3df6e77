package resolver

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// geoTable holds the signatures of the answers of one pool, or one server of
// it, at those GEO names of one signed zone that refer to it. Names are rows,
// variants columns; the RRSIG RRs of a field stand in wire form in arena,
// owners c00c, with the TTL of the GEO record.
type geoTable struct {
	zone    *zones.Zone
	ref     steer.Ref
	name    string       // of ref, as the zone has it
	state   *steer.State // whose variants these are, and which the names are answered from
	owners  []geoOwner   // by row
	keys    []string     // by column: what tells the variant apart
	offsets []uint32     // by row*len(keys)+column: where the RRs start; one more, the end
	arena   []byte
	expires uint32 // the earliest expiration of a signature, in Unix seconds
	err     error  // why some signature could not be made
	retry   int64  // when to try again, in Unix seconds, if err
}

// retryAfter is how long after a failure signing is tried again, in seconds.
const retryAfter = 60

// geoOwner is a GEO name: lower case, in wire form, with the record's TTL.
type geoOwner struct {
	name string
	ttl  uint32
}

// signatures gives the RRSIG RRs of a variant at a name; empty if they could
// not be made. Not to be written to.
func (t *geoTable) signatures(row, column uint32) []byte {
	if column >= uint32(len(t.keys)) {
		return nil
	}
	at := row*uint32(len(t.keys)) + column
	return t.arena[t.offsets[at]:t.offsets[at+1]]
}

// due is the Unix second at which signatures of the table have to be made anew.
func (t *geoTable) due() int64 {
	if t.err != nil {
		return t.retry
	}
	return t.zone.Signer().Due(t.expires)
}

// behind tells whether the pool answers otherwise by now than what is signed.
func (t *geoTable) behind(now *steer.State) bool { return !t.state.Same(now, t.ref) }

// bindSigned finds the tables of a zone: those of the view before as long as
// they hold, even if the pool answers otherwise by now, because a name keeps its
// signed answers until new ones are signed. What is missing is made.
func (v *View) bindSigned(prev *View, i int) []geoTable {
	zone := v.zones.Entry(i).Zone
	if zone == nil || zone.Signer() == nil || len(v.refs[i]) == 0 {
		return nil
	}
	old := prev.tablesOf(v.zones.Entry(i).Origin)
	if len(old) > 0 && old[0].zone == zone && prev.steer.Set() == v.steer.Set() {
		return v.renewed(old)
	}
	tables := v.tables(zone, v.refs[i])
	for j := range tables {
		t := &tables[j]
		t.state = v.steer
		t.sign(like(old, t.name), v.opts.now(), urgency{})
	}
	return tables
}

// renewed gives tables with the newest state of those pools whose answers are
// the same, so that the old one can go.
func (v *View) renewed(old []geoTable) []geoTable {
	tables := append([]geoTable(nil), old...)
	for i := range tables {
		if !tables[i].behind(v.steer) {
			tables[i].state = v.steer
		}
	}
	return tables
}

// tablesOf gives the tables of a zone by its origin.
func (v *View) tablesOf(origin string) []geoTable {
	if v == nil || v.signed == nil {
		return nil
	}
	if i, ok := v.zones.Index(origin); ok {
		return v.signed[i]
	}
	return nil
}

// like finds the table of the same pool.
func like(tables []geoTable, name string) *geoTable {
	for i := range tables {
		if tables[i].name == name {
			return &tables[i]
		}
	}
	return nil
}

// tables gives each GEO name of a zone its row in a table.
func (v *View) tables(zone *zones.Zone, names []geoName) []geoTable {
	var tables []geoTable
	byRef := map[string]int32{}
	for i, r := range zone.Refs() {
		if names[i].bad {
			continue
		}
		at, ok := byRef[r.Ref]
		if !ok {
			at = int32(len(tables))
			byRef[r.Ref] = at
			tables = append(tables, geoTable{zone: zone, ref: names[i].ref, name: r.Ref})
		}
		names[i].table, names[i].row = at, uint32(len(tables[at].owners))
		tables[at].owners = append(tables[at].owners, geoOwner{r.Owner, geoTTL(zone, r.Owner)})
	}
	return tables
}

// geoTTL is the TTL of the GEO record at a name of the zone.
func geoTTL(zone *zones.Zone, owner string) uint32 {
	var n zones.Name
	if _, err := n.Set([]byte(owner)); err != nil {
		return 0
	}
	_, ttl, _ := zone.Geo(zone.Lookup(&n, n.LabelOf(len(zone.Origin()))).Node)
	return ttl
}

// Behind tells whether some signed names are still answered as an earlier state
// of their pool says, or have signatures that are due at a Unix second: Sign
// has something to do.
func (v *View) Behind(now int64) bool {
	for _, tables := range v.signed {
		for i := range tables {
			if t := &tables[i]; t.behind(v.steer) || t.due() <= now {
				return true
			}
		}
	}
	return false
}

// Due is the Unix second at which Sign has something to do, if nothing changes;
// math.MaxInt64 if there is nothing to sign.
func (v *View) Due() int64 {
	due := int64(math.MaxInt64)
	for _, tables := range v.signed {
		for i := range tables {
			due = min(due, tables[i].due())
		}
	}
	return due
}

// Sign gives the view in which every signed name is answered as the pools are
// now, with signatures that are not due yet. It signs on all processors and may
// take its time. What takes least comes first; when enough says so, the rest is
// left for the next call.
func (v *View) Sign(enough func() bool) *View {
	now := v.opts.now()
	next := *v
	next.signed = make([][]geoTable, len(v.signed))
	var wanted []*geoTable
	for i, tables := range v.signed {
		next.signed[i] = append([]geoTable(nil), tables...)
		for j := range next.signed[i] {
			if t := &next.signed[i][j]; t.behind(v.steer) || t.due() <= now {
				wanted = append(wanted, t)
			}
		}
	}
	slices.SortStableFunc(wanted, func(a, b *geoTable) int { return len(a.offsets) - len(b.offsets) })
	for i, t := range wanted {
		if i > 0 && enough() {
			break
		}
		old := *t
		t.state = v.steer
		t.sign(&old, now, urgency{now: true})
	}
	return &next
}

// Presign makes the signatures that the answers of a state would need which is
// feared to come, until stop says that there is something better to do. They are
// kept by the signers' caches.
func (v *View) Presign(s *steer.State, stop func() bool) {
	if s.Set() != v.steer.Set() {
		return // a new configuration: what it needs is signed before it is served
	}
	now := v.opts.now()
	for _, tables := range v.signed {
		for i := range tables {
			if old := &tables[i]; !stop() && old.behind(s) {
				next := *old
				next.state = s
				next.sign(old, now, urgency{stop: stop})
			}
		}
	}
}

// Join gives the view to follow for one that takes over what ahead has made aside
// of new zones, while newest went on with the others.
func Join(newest, ahead *View) *View {
	if newest == nil || ahead == nil || newest.steer.Set() != ahead.steer.Set() {
		return ahead
	}
	next := *ahead
	next.signed = slices.Clone(ahead.signed)
	for i, tables := range next.signed {
		if now := newest.tablesOf(ahead.zones.Entry(i).Origin); len(tables) > 0 && len(now) > 0 && now[0].zone == tables[0].zone {
			next.signed[i] = now
		}
	}
	return &next
}

// Signatures counts the names with signed answers, and what can be answered at
// them.
func (v *View) Signatures() (names, variants int) {
	for _, tables := range v.signed {
		for i := range tables {
			t := &tables[i]
			names += len(t.owners)
			variants += len(t.owners) * len(t.keys)
		}
	}
	return names, variants
}

// SignErr is why some signature of a geo name could not be made; nil if all
// could.
func (v *View) SignErr() error {
	for _, tables := range v.signed {
		for i := range tables {
			if err := tables[i].err; err != nil {
				return err
			}
		}
	}
	return nil
}

// Where fields of an RRSIG RR start, its owner being a pointer (RFC 4034
// section 3.1).
const (
	sigOriginalTTL = rrHeader + 4
	sigExpiration  = rrHeader + 8
	sigInception   = rrHeader + 12
)

func get32(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
