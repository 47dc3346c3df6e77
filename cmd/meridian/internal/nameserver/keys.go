package nameserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
)

// KeyFolder is where the nameserver with this state folder has the keys of a zone.
func KeyFolder(state, zone string) string {
	return filepath.Join(state, "keys", dnssec.FolderName(zone))
}

// loadKeys reads the keys of a signed zone. Without any it says what to do.
func loadKeys(cfg *config.Config, zone string) (*dnssec.Ring, error) {
	r, err := dnssec.Load(KeyFolder(cfg.State, zone), zone)
	switch {
	case errors.Is(err, dnssec.ErrNoKeys):
		return nil, fmt.Errorf("dnssec = true, but there are no keys in %s; on one nameserver of the zone, run: "+
			"meridian keys init %s --config %s; the others get a copy of that folder", KeyFolder(cfg.State, zone), zone, cfg.Path)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w; the keys must belong to the user that serves", err)
	}
	return r, err
}

// TimingOf is how long things take for the keys of a zone.
func TimingOf(d *config.DNSSEC) dnssec.Timing {
	if d == nil {
		return dnssec.DefaultTiming()
	}
	return dnssec.Timing{
		Ahead: d.Ahead, Propagation: d.Propagation, KeyTTL: d.KeyTTL, MaxTTL: d.MaxTTL, DSTTL: d.DSTTL, Lifetime: d.ZSKLifetime,
	}
}
