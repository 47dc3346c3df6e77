package zones

import (
	"slices"
	"time"
)

// signAgain is after how long signing that failed is tried again.
const signAgain = time.Minute

// Resign has zones signed anew by the keys of now: those of the given apexes,
// in wire form and lower case, or all that are signed here. Signatures that
// still hold are used again.
func (f *Folder) Resign(origins ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range f.zones {
		if len(origins) == 0 || slices.Contains(origins, st.origin) {
			f.queueToSign(st)
		}
	}
	f.poke()
}

// queueSigned queues the zones that are signed here: their keys may have
// changed.
func (f *Folder) queueSigned() {
	for _, st := range f.zones {
		f.queueToSign(st)
	}
}

func (f *Folder) queueToSign(st *zoneState) {
	if f.o.Zones[shortText(st.origin)].Sign && (st.zone != nil || hasErrors(st.problems)) {
		f.queue(st)
	}
}

// resignDue queues the zones whose signatures or keys are due, and tells when
// the next is; the zero time if none will be.
func (f *Folder) resignDue(now time.Time) time.Time {
	next := int64(0)
	for name, o := range f.o.Zones {
		if !o.Sign {
			continue
		}
		st := f.byName(name)
		if st == nil || st.resign == 0 {
			continue
		}
		if st.resign <= now.Unix() {
			f.queue(st)
			st.resign = now.Add(signAgain).Unix() // unless it works
		}
		if next == 0 || st.resign < next {
			next = st.resign
		}
	}
	if next == 0 {
		return time.Time{}
	}
	return time.Unix(next, 0)
}

// byName finds a zone as options name it.
func (f *Folder) byName(name string) *zoneState {
	wire, err := appendName(nil, []byte(name), "\x00")
	if err != nil {
		return nil
	}
	return f.zones[string(wire)]
}

// otherTypes tells whether other types exist at the GEO names of a signed zone
// under new pools than under the old: then the chain that denies the rest has
// to be made anew.
func (st *zoneState) otherTypes(old, now FindGeo) bool {
	if st.zone == nil || !st.zone.Signed() {
		return false
	}
	for _, ref := range st.zone.Refs() {
		a, err := geoTypes(nil, old, ref.Ref)
		b, failed := geoTypes(nil, now, ref.Ref)
		if err != nil || failed != nil || !slices.Equal(a, b) {
			return true
		}
	}
	return false
}
