package resolver

import "math"

// Expires is when the first signature of a zone of the view expires, those of its geo answers included, in Unix
// seconds; 0 if the zone is not signed.
func (v *View) Expires(zone int) int64 {
	z := v.zones.Entry(zone).Zone
	if z == nil || !z.Signed() {
		return 0
	}
	expires := z.Expires()
	if v.signed == nil {
		return expires
	}
	for i := range v.signed[zone] {
		if at := v.signed[zone][i].expires; at != math.MaxUint32 {
			expires = min(expires, int64(at))
		}
	}
	return expires
}
