package trial

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
)

// SignedMetric names the time from the start to the first signed answer, with nothing signed before.
func SignedMetric(size int) string { return signedMetric("first start", size, false) }

// SignedEditMetric names the time from an edit to its signed answer.
func SignedEditMetric(size int, nsec3 bool) string { return signedMetric("edit visible", size, nsec3) }

func signedMetric(what string, size int, nsec3 bool) string {
	by := ""
	if nsec3 {
		by = " with NSEC3"
	}
	return fmt.Sprintf("signed%s, %s with %d records", by, what, size)
}

// signedEdits is how many edits each start is asked for.
const signedEdits = 3

// signedPatience is how long a server may take to sign the zone.
const signedPatience = 8 * time.Minute

// mostRestart is with how many records Knot is started again. With more, which it reads from its journal and compares
// with the file, it takes minutes.
const mostRestart = 10_000

// sign has the servers sign zones on all processors. The largest takes minutes, so it has one round.
func sign(r *Rig, t *Trial) error {
	t.note("all servers may use all processors; every zone has one key, ECDSAP256SHA256, and NSEC unless NSEC3 is named")
	t.note("knot signs what has changed between two versions of the file, and keeps the signed zone in its journal, without waiting for the disk; it is not started again, which takes minutes")
	for i, size := range r.sizes()[1:] {
		rounds := min(r.Rounds, 5)
		if i > 0 {
			rounds = 1
		}
		err := r.repeat(t, rounds, nil, func(int) error {
			for _, p := range []peer.Peer{peer.Meridian, peer.Knot} {
				if err := r.signOnce(t, p, size, false); err != nil {
					return fmt.Errorf("%s: %w", p.Name, err)
				}
			}
			return r.signOnce(t, peer.Meridian, size, true)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// signOnce starts a server with nothing signed, edits the zone, and starts it again.
func (r *Rig) signOnce(t *Trial, p peer.Peer, size int, nsec3 bool) error {
	w, err := r.staticWorkload(size)
	if err != nil {
		return err
	}
	w.Sign, w.NSEC3 = true, nsec3
	dir := r.folder(filepath.Join(t.Name, p.Name))
	s, err := p.Start(dir, proc.Everywhere, w, signedPatience)
	if err != nil {
		return err
	}
	err = r.signedStart(t, s, w, size)
	s.Stop()
	if err != nil || p.Name == peer.Knot.Name && size > mostRestart {
		return err
	}
	if s, err = p.Start(dir, proc.Everywhere, w, signedPatience); err != nil {
		return err
	}
	defer s.Stop()
	t.add(p.Name, signedMetric("restart", size, nsec3), "s", s.Ready.Seconds())
	return nil
}

// signedStart measures a server that has just signed its zone.
func (r *Rig) signedStart(t *Trial, s *peer.Running, w peer.Workload, size int) error {
	t.add(s.Name, signedMetric("first start", size, w.NSEC3), "s", s.Ready.Seconds())
	if err := signedMemory(t, s, "", w, size); err != nil {
		return err
	}
	for n := 1; n <= signedEdits; n++ {
		query, err := w.Query(n)
		if err != nil {
			return err
		}
		visible, err := edit(s, w, query, w.Zone, n)
		if err != nil {
			return err
		}
		t.add(s.Name, SignedEditMetric(size, w.NSEC3), "ms", visible.Seconds()*1e3)
		time.Sleep(2 * time.Second) // what is still done after the first answer
	}
	return signedMemory(t, s, " after edits", w, size)
}

func signedMemory(t *Trial, s *peer.Running, when string, w peer.Workload, size int) error {
	m, err := settled(s)
	if err != nil {
		return err
	}
	t.add(s.Name, signedMetric("memory"+when, size, w.NSEC3), "MB", float64(m.Proportional)/1e6)
	t.add(s.Name, signedMetric("peak memory"+when, size, w.NSEC3), "MB", float64(m.Peak)/1e6)
	return nil
}
