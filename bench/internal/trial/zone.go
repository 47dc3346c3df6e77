package trial

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// records is the size of the large zone.
func (r *Rig) records() int {
	if r.Quick {
		return 10_000
	}
	return 1_000_000
}

// missing: one in so many queries is for a name that does not exist.
const missing = 5

// staticWorkload writes a zone with so many records.
func (r *Rig) staticWorkload(records int) (peer.Workload, error) {
	file := filepath.Join(r.Dir, fmt.Sprintf("zones-%d", records), peer.StaticZone+".zone")
	return peer.Workload{Kind: peer.Static, Zone: file, Binary: r.Binary}, peer.WriteHosts(file, records, queries.Label)
}

// staticQueries makes queries for random names of the zone, and their file for dnsperf.
func (r *Rig) staticQueries(records int) (*queries.Set, string, error) {
	set, err := queries.Static(peer.StaticZone, records-1, 500_000, missing, 2)
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(r.Dir, "static.queries")
	return set, file, set.Save(file)
}

func static(r *Rig, t *Trial) error {
	w, err := r.staticWorkload(r.records())
	if err != nil {
		return err
	}
	set, file, err := r.staticQueries(r.records())
	if err != nil {
		return err
	}
	running, stop, err := r.start(t.Name, w, peer.Meridian, peer.NSD, peer.Knot)
	if err != nil {
		return err
	}
	defer stop()
	t.note("%d records; one in %d queries is for a missing name", r.records(), missing)
	return r.turns(t, running, r.udp(t, set, file)...)
}

// tcp keeps a hundred connections.
func tcp(r *Rig, t *Trial) error {
	const connections, depth = 100, 10
	w, err := r.staticWorkload(r.records())
	if err != nil {
		return err
	}
	set, file, err := r.staticQueries(r.records())
	if err != nil {
		return err
	}
	running, stop, err := r.start(t.Name, w, peer.Meridian, peer.Knot)
	if err != nil {
		return err
	}
	defer stop()
	t.note("%d connections; the generator writes %d queries at once on each, dnsperf keeps %d open in all", connections, depth, connections*depth)
	dnsperf := func(_ int, p *peer.Running) error {
		return t.measure(p, CPUDnsperf, RateDnsperf, func() (load.Result, error) {
			return load.Dnsperf(p.Addr, file, "tcp", connections, connections*depth, r.Length)
		})
	}
	return r.turns(t, running, dnsperf, func(_ int, p *peer.Running) error {
		return t.measure(p, CPUSaturated, Saturation, func() (load.Result, error) {
			return load.Stream(p.Addr, set, connections, depth, r.Length)
		})
	})
}

// sizes are the zones of the load trial, in records.
func (r *Rig) sizes() []int {
	if r.Quick {
		return []int{1000, 10_000}
	}
	return []int{10_000, 100_000, 1_000_000}
}

// loadSize starts each server anew with a zone of one size, and then changes one of its names.
func loadSize(r *Rig, t *Trial, size int) error {
	for _, p := range []peer.Peer{peer.Meridian, peer.NSD, peer.Knot} {
		if err := r.loadOnce(t, p, size); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func (r *Rig) loadOnce(t *Trial, p peer.Peer, size int) error {
	w, err := r.staticWorkload(size)
	if err != nil {
		return err
	}
	s, err := p.Start(r.folder(t.Name), ServerCore, w, time.Minute)
	if err != nil {
		return err
	}
	defer s.Stop()
	m, err := settled(s)
	if err != nil {
		return err
	}
	t.add(p.Name, ReadyMetric(size), "s", s.Ready.Seconds())
	t.add(p.Name, MemoryMetric(size), "MB", float64(m.Proportional)/1e6)
	t.add(p.Name, fmt.Sprintf("peak memory with %d records", size), "MB", float64(m.Peak)/1e6)
	query, err := w.Query(1)
	if err != nil {
		return err
	}
	visible, err := edit(s, w, query, w.Zone, 1)
	if err != nil {
		return err
	}
	t.add(p.Name, fmt.Sprintf("edit visible with %d records", size), "ms", visible.Seconds()*1e3)
	if m, err = settled(s); err != nil {
		return err
	}
	t.add(p.Name, fmt.Sprintf("memory after the edit with %d records", size), "MB", float64(m.Proportional)/1e6)
	t.add(p.Name, fmt.Sprintf("peak memory with the edit with %d records", size), "MB", float64(m.Peak)/1e6)
	return nil
}

// settled is the memory of a server a second later.
func settled(s *peer.Running) (proc.Memory, error) {
	time.Sleep(time.Second)
	return proc.MemoryOf(s.PID())
}

// ReadyMetric names the time to the first answer with a zone of so many records.
func ReadyMetric(size int) string { return fmt.Sprintf("ready with %d records", size) }

// MemoryMetric names the proportional memory a second after the first answer.
func MemoryMetric(size int) string { return fmt.Sprintf("memory with %d records", size) }

func loadZones(r *Rig, t *Trial) error {
	t.note("memory is proportional, a second after the first answer or the edit; the peak is the sum of the processes' largest resident sizes")
	for _, size := range r.sizes() {
		if err := r.repeat(t, min(r.Rounds, 5), nil, func(int) error { return loadSize(r, t, size) }); err != nil {
			return err
		}
	}
	return nil
}
