package nameserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
)

// KeyFolder is where the nameserver with this state folder has the keys of a zone.
func KeyFolder(state, zone string) string {
	return filepath.Join(state, "keys", dnssec.FolderName(zone))
}

// signatureFolder is where signatures are kept across starts.
func signatureFolder(state string) string { return filepath.Join(state, "signatures") }

// keyrings are the keys of the signed zones, as last read from their folders. Safe for concurrent use.
type keyrings struct {
	state  string // folder
	config string // its path, for messages
	cache  *dnssec.Cache
	failed atomic.Uint64 // how often a zone could not be signed for want of keys that can

	mu     sync.Mutex          // guards the fields below
	read   map[string]*keyread // by zone, in text
	signed map[string]string   // by zone: the mark of the keys that it was last signed with, or should have been
}

// keyread is what one zone's folder came to.
type keyread struct {
	mark string       // of the folder when it was read
	ring *dnssec.Ring // the last good one; nil if there was none
	err  error        // why the folder as it is now is not in use
}

func newKeyrings(cfg *config.Config, cache *dnssec.Cache) *keyrings {
	return &keyrings{state: cfg.State, config: cfg.Path, cache: cache, read: map[string]*keyread{}, signed: map[string]string{}}
}

// openKeyrings also opens the signatures that were kept.
func openKeyrings(cfg *config.Config) (*keyrings, error) {
	cache, err := dnssec.OpenCache(signatureFolder(cfg.State))
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return newKeyrings(cfg, cache), nil
}

// look reads a zone's keys again if their files have changed. Keys that cannot be read leave those in force that were
// read before. mu is held.
func (k *keyrings) look(zone string) keyread {
	folder := KeyFolder(k.state, zone)
	mark := dnssec.Fingerprint(folder)
	old := k.read[zone]
	if old != nil && old.mark == mark {
		return *old
	}
	next := &keyread{mark: mark}
	if next.ring, next.err = k.load(folder, zone); next.err != nil && old != nil {
		next.ring = old.ring
		if errors.Is(next.err, dnssec.ErrNoKeys) && old.ring != nil { // never tell anybody to make others in their place
			next.err = fmt.Errorf("the keys are gone from %s; put the folder back before the next start", folder)
		}
	}
	k.read[zone] = next
	return *next
}

// sign is look for those who sign with the keys now. It tells whether they are others than the last time.
func (k *keyrings) sign(zone string) (keys keyread, changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys = k.look(zone)
	changed = k.signed[zone] != keys.mark
	k.signed[zone] = keys.mark
	return keys, changed
}

// ring is the keys of a zone, nil if they cannot be read.
func (k *keyrings) ring(zone string) *dnssec.Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.look(zone).ring
}

// last is the keys of a zone as they were read last, nil if they have not been or could not.
func (k *keyrings) last(zone string) *dnssec.Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if read := k.read[zone]; read != nil {
		return read.ring
	}
	return nil
}

// load reads the keys of a zone. Without any it says what to do.
func (k *keyrings) load(folder, zone string) (*dnssec.Ring, error) {
	r, err := dnssec.Load(folder, zone)
	switch {
	case errors.Is(err, dnssec.ErrNoKeys):
		return nil, fmt.Errorf("dnssec = true, but there are %w in %s; on one nameserver of the zone, run: "+
			"meridian keys init %s --config %s; the others get a copy of that folder", dnssec.ErrNoKeys, folder, zone, k.config)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w; the keys must belong to the user that serves", err)
	}
	return r, err
}

// signer is what signs a zone at this moment; origin is in wire form.
func (k *keyrings) signer(origin string, o dnssec.Options) (*dnssec.Signer, error) {
	keys, _ := k.sign(zoneText(origin))
	if keys.ring == nil {
		k.failed.Add(1)
		return nil, keys.err
	}
	s, err := dnssec.NewSigner(origin, keys.ring.Plan(time.Now()), o, k.cache)
	if err != nil {
		k.failed.Add(1)
	}
	return s, err
}

// failures is how often signatures could not be made.
func (k *keyrings) failures() uint64 { return k.failed.Load() + k.cache.Work().Failed }

// zoneText is the name of a zone as the configuration has it, from its wire form.
func zoneText(origin string) string {
	var b strings.Builder
	for len(origin) > 1 {
		size := int(origin[0])
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(origin[1 : 1+size])
		origin = origin[1+size:]
	}
	if b.Len() == 0 {
		return "."
	}
	return b.String()
}

// zoneWire is the opposite of zoneText.
func zoneWire(zone string) string {
	var b strings.Builder
	if zone != "." {
		for label := range strings.SplitSeq(zone, ".") {
			b.WriteByte(byte(len(label)))
			b.WriteString(label)
		}
	}
	b.WriteByte(0)
	return b.String()
}

// signingOptions are those of a signed zone.
func signingOptions(d *config.DNSSEC) dnssec.Options {
	return dnssec.Options{
		Validity: d.Validity, Refresh: d.Refresh, Jitter: (d.Validity - d.Refresh) / 4, KeyTTL: d.KeyTTL, NSEC3: d.NSEC3,
	}
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
