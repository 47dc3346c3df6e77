package trial

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// A storm: groups of servers turn in turn, each once a second, so that some turn all the time.
const (
	stormGroups  = 10
	stormServers = 400
	stormTurn    = time.Second
	stormIdle    = 5 * time.Second
	stormTime    = 15 * time.Second
)

// StormMetric names a percentile of latency in a storm divided by the same without one.
func StormMetric(percentile float64) string { return fmt.Sprintf("p%g, storm to idle", percentile) }

// Publications names the figure: they are at least a second apart, so that of n the first and the last are n - 1 or more
// seconds apart.
const Publications = "publications a second in a storm"

// door is what a group of servers has in common: one listener on all their addresses.
type door struct {
	port     int
	listener net.Listener // nil: it is closed
}

func (d *door) open() error {
	device := func(_, _ string, c syscall.RawConn) (err error) {
		bad := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), "lo") })
		if bad != nil {
			return bad
		}
		return err
	}
	config := net.ListenConfig{Control: device}
	l, err := config.Listen(context.Background(), "tcp4", fmt.Sprintf(":%d", d.port))
	if err != nil {
		return err
	}
	d.port, d.listener = l.Addr().(*net.TCPAddr).Port, l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close() // the probe has reset it
		}
	}()
	return nil
}

func (d *door) close() {
	if d.listener != nil {
		d.listener.Close()
		d.listener = nil
	}
}

// turn opens or closes doors until ctx ends, each once in stormTurn, and leaves them open.
func turn(ctx context.Context, doors []*door, turns *atomic.Int64) (err error) {
	tick := time.NewTicker(stormTurn / stormGroups)
	defer tick.Stop()
	for i := 0; err == nil; i++ {
		select {
		case <-ctx.Done():
			for _, d := range doors {
				if d.listener == nil && err == nil {
					err = d.open()
				}
			}
			return err
		case <-tick.C:
		}
		if d := doors[i%stormGroups]; d.listener != nil {
			d.close()
		} else {
			err = d.open()
		}
		turns.Add(1)
	}
	return err
}

// storm has hundreds of servers go down and up under a steady load.
func storm(r *Rig, t *Trial) error {
	set, _, err := r.geoQueries()
	if err != nil {
		return err
	}
	doors := make([]*door, stormGroups)
	for i := range doors {
		doors[i] = &door{}
		if err := doors[i].open(); err != nil {
			return err
		}
		defer doors[i].close()
	}
	dir := ""
	m := peer.Meridian.With(func(d, _ string) (string, error) {
		dir = d
		return peer.Databases(r.Data) + stormConfig(doors), putZone(d, 0)
	})
	p, err := m.Start(r.folder(t.Name), ServerCore, r.geoWorkload(), 3*time.Minute)
	if err != nil {
		return err
	}
	defer p.Stop()
	time.Sleep(2 * time.Second)
	rate, err := r.saturation(set, p)
	if err != nil {
		return err
	}
	t.note("%d servers in groups of %d, each group down for a second and up for a second; the load is half of the saturation",
		stormServers, stormServers/stormGroups)
	return r.repeat(t, min(r.Rounds, 5), []*peer.Running{p}, func(round int) error {
		return r.stormOnce(t, p, dir, doors, set, rate/2, uint64(round))
	})
}

func (r *Rig) stormOnce(t *Trial, p *peer.Running, dir string, doors []*door, set *queries.Set, rate float64, round uint64) error {
	still, length := stormIdle, stormTime
	if r.Quick {
		still, length = still/10, length/10
	}
	time.Sleep(2 * stormTurn) // what the round before left
	idle, err := load.Paced(p.Addr, set, rate, still, round)
	if err != nil {
		return err
	}
	before, err := scrape(dir)
	if err != nil {
		return err
	}
	begun := time.Now()
	ctx, stop := context.WithCancel(context.Background())
	var turns atomic.Int64
	turned := make(chan error, 1)
	go func() { turned <- turn(ctx, doors, &turns) }()
	res, err := load.Paced(p.Addr, set, rate, length, round)
	took := time.Since(begun)
	stop()
	if bad := <-turned; bad != nil {
		return bad
	}
	if err != nil {
		return err
	}
	after, err := scrape(dir)
	if err != nil {
		return err
	}
	const built = `meridian_view_build_duration_seconds_count{cause="health"}`
	const bad = `meridian_health_probes_total{result="bad"}`
	t.add("meridian", "servers turned", "1/s", float64(turns.Load())*stormServers/stormGroups/took.Seconds())
	t.add("meridian", "probes that failed", "1/s", (after[bad]-before[bad])/took.Seconds())
	t.add("meridian", Publications, "1/s", max(0, after[built]-before[built]-1)/took.Seconds())
	t.latenciesOf("idle", idle)
	t.latenciesOf("in a storm", res)
	for _, p := range Percentiles {
		t.add("meridian", StormMetric(p), "ratio", percentileMicros(res, p)/percentileMicros(idle, p))
	}
	return nil
}

// stormConfig has a pool of servers around the world, which is asked for, and others.
func stormConfig(doors []*door) string {
	text := "[checks]\n"
	for i, d := range doors {
		text += fmt.Sprintf("c%d = { type = \"tcp\", port = %d, interval = \"250ms\", timeout = \"1s\", rise = 1, fall = 1 }\n", i, d.port)
	}
	text += "[servers]\n"
	pools := ""
	for i := range stormServers {
		lat, lon := float64(i%8)*15-50, float64(i%8)*40-140
		text += fmt.Sprintf("s%d = { at = [%g, %g], ip = \"127.2.%d.%d\", check = \"c%d\" }\n", i, lat, lon, i>>8, i&255, i%stormGroups)
		if i%8 != 0 {
			pools += ", "
		} else if name := fmt.Sprintf("p%d", i/8); i == 0 {
			pools += "[pools.web]\nservers = ["
		} else {
			pools += fmt.Sprintf("[pools.%s]\norder = \"together\"\nservers = [", name)
		}
		pools += fmt.Sprintf("\"s%d\"", i)
		if i%8 == 7 {
			pools += "]\n"
		}
	}
	return text + pools
}
