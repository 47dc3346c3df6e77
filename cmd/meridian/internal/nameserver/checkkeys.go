package nameserver

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/zones"
)

// checkKeys warns of what is wrong with the keys of signed zones, and with what their parents have. A parent that is
// not named is asked for zones with roll = true only, and may be out of reach.
func (r *Report) checkKeys(ctx context.Context, cfg *config.Config, set *zones.Set, keys *keyrings) {
	for _, zone := range slices.Sorted(maps.Keys(cfg.ZoneOptions)) {
		o := cfg.ZoneOptions[zone]
		if o.DNSSEC == nil {
			continue
		}
		ring := keys.ring(zone)
		if ring == nil {
			continue // the zone is in error
		}
		now := time.Now()
		warnings := append(ring.Warnings(now), tooLong(zone, set, o.DNSSEC)...)
		if len(o.DNSSEC.Parent) > 0 || o.DNSSEC.FindParent && o.DNSSEC.Roll {
			parent, err := dnssec.AskParent(ctx, zone, o.DNSSEC.Parent)
			if err == nil {
				warnings = append(warnings, ring.Judge(parent, now)...)
				if parent.TTL > o.DNSSEC.DSTTL {
					warnings = append(warnings, fmt.Sprintf("the DS has a TTL of %v at the parent, but ds_ttl is %v: "+
						"keys would be removed too early; set ds_ttl = %q", parent.TTL, o.DNSSEC.DSTTL, parent.TTL))
				}
			} else if len(o.DNSSEC.Parent) > 0 {
				warnings = append(warnings, "what the parent has is not known: "+err.Error())
			}
		}
		for _, text := range warnings {
			r.warn(o.Pos + ": " + text)
		}
	}
}

// tooLong warns of TTLs that are longer than caches are given to forget a key: then they would hold signatures of one
// that is no longer in the zone.
func tooLong(zone string, set *zones.Set, d *config.DNSSEC) []string {
	i, ok := set.Index(zoneWire(zone))
	if !ok || set.Entry(i).Zone == nil {
		return nil
	}
	ttl, name := set.Entry(i).Zone.LongestTTL()
	longest := time.Duration(ttl) * time.Second
	if longest <= d.MaxTTL {
		return nil
	}
	return []string{fmt.Sprintf("%s has a TTL of %v, longer than max_ttl, %v: a cache may hold its signature when the key has "+
		"been removed; lower the TTL, or set max_ttl = %q", name, longest, d.MaxTTL, longest)}
}
