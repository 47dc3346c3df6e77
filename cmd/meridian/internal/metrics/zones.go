package metrics

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/zones"
)

// mostZones is up to how many zones each has series of its own; beyond that only those with an error or signatures.
const mostZones = 1000

var (
	zoneCount  = desc("zones", "Zones by state.", "state")
	zoneSerial = desc("zone_serial", "Serial of the version served, 0 if there is none.", "zone")
	zoneLoaded = desc("zone_loaded_timestamp_seconds", "When the version served was loaded, 0 if there is none.", "zone")
	zoneErrors = desc("zone_load_errors", "Errors of the last attempt to load the zone; the last good version serves on.", "zone")
	otherFiles = desc("zone_file_errors", "Errors of files in the zones folder that belong to no zone.")

	expiry   = desc("dnssec_signature_expiry_timestamp_seconds", "When the first signature of the zone expires, those of its geo answers included.", "zone")
	keyEvent = desc("dnssec_next_key_event_timestamp_seconds", "When the keys of the zone change next, 0 if nothing is planned.", "zone")
	signed   = desc("dnssec_signatures_total", "Signatures that were needed: made, or reused from the cache.", "source")
	took     = desc("dnssec_signing_seconds_total", "Processor time spent on making signatures.")
	names    = desc("dnssec_geo_names", "Geo names whose answers are signed.")
	variants = desc("dnssec_geo_variants", "Signed answers of all geo names.")
	behind   = desc("dnssec_names_behind_seconds", "For how long some geo name has kept its previous answers while new ones are signed, 0 if none does.")
	late     = desc("dnssec_names_late_total", "How often geo names kept their previous answers for more than a second.")
	failures = desc("dnssec_signing_failures_total", "How often signatures could not be made; the last good ones serve on.")
)

// zone is what there is to tell of a zone.
type zone struct {
	name                    string
	serial, loaded, expires float64
	errors                  int
}

func (p *page) zones(s *Snapshot) {
	errors, others := map[string]int{}, 0
	for _, p := range s.Problems {
		switch {
		case p.Warning:
		case p.Zone == "":
			others++
		default:
			errors[p.Zone]++
		}
	}
	list, count := told(s.View, errors)
	for i := range list {
		if z := &list[i]; z.expires != 0 {
			p.gauge(expiry, z.expires, z.name)
		}
	}
	for i := range list {
		p.gauge(zoneSerial, list[i].serial, list[i].name)
	}
	for i := range list {
		p.gauge(zoneLoaded, list[i].loaded, list[i].name)
	}
	for i := range list {
		p.gauge(zoneErrors, float64(list[i].errors), list[i].name)
	}
	for _, state := range []string{"serving", "loading", "failed"} {
		p.gauge(zoneCount, float64(count[state]), state)
	}
	p.gauge(otherFiles, float64(others))
}

// told lists the zones that have series of their own, and counts all by state.
func told(view *resolver.View, errors map[string]int) (list []zone, count map[string]int) {
	set := view.Zones()
	all := admin.Zones(set)
	count = map[string]int{}
	for i, z := range all {
		count[z.State]++
		name, expires := zoneName(z.Name), view.Expires(i)
		if expires != 0 || len(all) <= mostZones || errors[name] != 0 {
			list = append(list, zone{name, float64(z.Serial), unix(loaded(set, i)), float64(expires), errors[name]})
		}
	}
	return list, count
}

// zoneName is the name as problems have it, without the final dot.
func zoneName(absolute string) string {
	if len(absolute) > 1 {
		return absolute[:len(absolute)-1]
	}
	return absolute
}

func loaded(set *zones.Set, i int) time.Time {
	if e := set.Entry(i); e.Zone != nil {
		return e.Loaded
	}
	return time.Time{}
}

func (p *page) signing(s *Snapshot) {
	g := &s.Signing
	for _, zone := range slices.Sorted(maps.Keys(g.KeyEvents)) {
		p.gauge(keyEvent, unix(g.KeyEvents[zone]), zone)
	}
	p.counter(signed, float64(g.Made), "made")
	p.counter(signed, float64(g.Reused), "reused")
	p.counter(took, g.Took.Seconds())
	p.gauge(names, float64(g.Names))
	p.gauge(variants, float64(g.Variants))
	kept := 0.0
	if !g.Since.IsZero() {
		kept = math.Max(0, s.Now.Sub(g.Since).Seconds())
	}
	p.gauge(behind, kept)
	p.counter(late, float64(g.Late))
	p.counter(failures, float64(g.Failed))
}
