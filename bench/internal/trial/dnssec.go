package trial

import (
	"path/filepath"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// signed compares geo answers with signatures, made ahead by both servers, and those of the same zone unsigned. The
// queries are the same: with DO.
func signed(r *Rig, t *Trial) error {
	set, err := queries.Geo(peer.GeoName, 200_000, 1)
	if err != nil {
		return err
	}
	set = set.Signed()
	file := filepath.Join(r.Dir, "signed.queries")
	if err := set.Save(file); err != nil {
		return err
	}
	work := r.geoWorkload()
	work.Kind = peer.Signed
	running, stop, err := r.start(t.Name, work, peer.Meridian, peer.Unsigned, peer.Knot)
	if err != nil {
		return err
	}
	defer stop()
	t.note("ECDSAP256SHA256, one key; Knot's mod-geoip signs its answers when it loads them (policy with manual keys)")
	if err := t.agreement(set, running); err != nil {
		return err
	}
	return r.turns(t, running, r.udp(t, set, file)...)
}
