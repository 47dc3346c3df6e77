package trial

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

const recordsEach = 20

// manyWorkload writes many zones of recordsEach records into a folder of the peer's own.
func (r *Rig) manyWorkload(owner string) (peer.Workload, error) {
	n := 10_000
	if r.Quick {
		n = 200
	}
	w := peer.Workload{Kind: peer.Many, Zones: filepath.Join(r.Dir, "many-"+owner), Binary: r.Binary}
	for i := range n {
		name := fmt.Sprintf("z%05d.bench", i)
		w.Names = append(w.Names, name)
		if err := peer.WriteHosts(filepath.Join(w.Zones, name+".zone"), recordsEach-2, queries.Label); err != nil {
			return w, err
		}
	}
	return w, nil
}

// many starts the servers with many zones, then changes one of them. Knot and NSD are told to reload; Meridian sees
// the file.
func many(r *Rig, t *Trial) error {
	return r.repeat(t, min(r.Rounds, 5), nil, func(int) error {
		for _, p := range []peer.Peer{peer.Meridian, peer.Knot, peer.NSD} {
			if err := r.manyOnce(t, p); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		return nil
	})
}

func (r *Rig) manyOnce(t *Trial, p peer.Peer) error {
	w, err := r.manyWorkload(p.Name)
	if err != nil {
		return err
	}
	s, err := p.Start(r.folder(t.Name), ServerCore, w, time.Minute)
	if err != nil {
		return err
	}
	defer s.Stop()
	t.add(p.Name, "ready", "s", s.Ready.Seconds())
	time.Sleep(2 * time.Second)
	m, err := proc.MemoryOf(s.PID())
	if err != nil {
		return err
	}
	t.add(p.Name, "memory", "MB", float64(m.Proportional)/1e6)
	name := w.Names[len(w.Names)/2]
	query, err := queries.A(queries.Label(1)+"."+name, netip.Prefix{})
	if err != nil {
		return err
	}
	visible, err := edit(s, w, query, filepath.Join(w.Zones, name+".zone"), 1)
	t.add(p.Name, "edit visible", "ms", visible.Seconds()*1e3)
	return err
}

// edit changes the address of host n, from 1 to 255, in a zone's file and measures how long the old one is still
// answered. The first edit of a file is of host 1, the next of 2.
func edit(s *peer.Running, w peer.Workload, query []byte, file string, n int) (time.Duration, error) {
	begin, err := rewrite(file, func(text string) string {
		text = strings.Replace(text, fmt.Sprintf("hostmaster %d ", n), fmt.Sprintf("hostmaster %d ", n+1), 1)
		return strings.Replace(text, fmt.Sprintf("10.0.0.%d\n", n), fmt.Sprintf("10.99.99.%d\n", n), 1)
	})
	if err != nil {
		return 0, err
	}
	if s.Package != "" { // Meridian sees the file
		if err := s.Reload(); err != nil {
			return 0, err
		}
	}
	for time.Since(begin) < time.Minute {
		b, err := peer.Ask(s.Addr, query, 50*time.Millisecond)
		if err == nil && w.Good(b) && bytes.Contains(b, []byte{10, 99, 99, byte(n)}) {
			return time.Since(begin), nil
		}
		time.Sleep(200 * time.Microsecond)
	}
	return 0, fmt.Errorf("an edit of %s is not visible after a minute", file)
}

// rewrite changes a file, renames it into place and tells when.
func rewrite(file string, change func(string) string) (time.Time, error) {
	old, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	if err := os.WriteFile(file+".new", []byte(change(string(old))), 0o644); err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	return now, os.Rename(file+".new", file)
}
