package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Options say how to show the demo.
type Options struct {
	In, Out  *os.File
	Screen   bool // In and Out are a terminal to draw on; else lines are written
	Color    bool
	Duration time.Duration // once everything is up; 0: until the context ends or somebody quits
	Log      *zap.Logger   // for what goes wrong
}

// host is the name that is asked for.
const host = "www.example.com."

// beat is how often the demo asks.
const beat = 250 * time.Millisecond

// Run shows the demo until ctx ends, the time is up or somebody quits.
func Run(ctx context.Context, o Options) error {
	d, err := start(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer d.close()
	if o.Duration > 0 {
		timed, cancel := context.WithTimeout(ctx, o.Duration)
		defer cancel()
		ctx = timed
	}
	if o.Screen {
		return d.onScreen(ctx)
	}
	return d.inLines(ctx)
}

// demo is everything that runs.
type demo struct {
	o      Options
	folder string
	sites  []*site
	ns     *nameserver.Nameserver
	stop   context.CancelFunc
	ended  chan struct{} // closed when the nameserver has ended
	failed error         // of the nameserver, then
	asker  *asker
	board  board
	notes  notices
	asked  []healthcheck.Status // of the servers when the map was last asked for
}

// start brings everything up.
func start(ctx context.Context, o Options) (_ *demo, err error) {
	d := &demo{o: o, notes: make(notices, 16), sites: []*site{
		{name: "europe", city: "Paris", addr: netip.MustParseAddrPort("127.0.1.1:0")},
		{name: "america", city: "New York", addr: netip.MustParseAddrPort("127.0.2.1:0")},
		{name: "sydney", city: "Sydney", addr: netip.MustParseAddrPort("127.0.3.1:0")},
	}}
	if o.Screen {
		d.o.Log = d.notes.log()
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	web, err := openSites(d.sites)
	if err != nil {
		return nil, err
	}
	dns, err := d.serveOnFreePort(ctx, web)
	if err != nil {
		return nil, err
	}
	d.setUp(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(dns)))
	if d.asker, err = newAsker(d.board.dns, host); err != nil {
		return nil, err
	}
	d.look(time.Now())
	return d, nil
}

// portTries bounds the search for a port: another demo may take one between the look at it and the start.
const portTries = 5

// serveOnFreePort writes the files and runs the nameserver on a port that nobody has, which it returns.
func (d *demo) serveOnFreePort(ctx context.Context, web int) (port int, err error) {
	for range portTries {
		if port, err = freePort(); err != nil {
			return 0, err
		}
		page, err := freePagePort()
		if err != nil {
			return 0, err
		}
		if d.folder, err = writeFiles(port, web, page); err != nil {
			return 0, err
		}
		if err = d.serve(ctx); !errors.Is(err, syscall.EADDRINUSE) {
			return port, err
		}
		os.RemoveAll(d.folder)
	}
	return 0, fmt.Errorf("demo: no free ports: %w", syscall.EADDRINUSE)
}

// serve runs the nameserver as the command serve does.
func (d *demo) serve(ctx context.Context) (err error) {
	d.ns, err = nameserver.Start(ctx, nameserver.Options{
		Config: filepath.Join(d.folder, "meridian.toml"), Version: "demo", Log: d.o.Log,
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.stop, d.ended = cancel, make(chan struct{})
	go func() {
		defer close(d.ended)
		d.failed = d.ns.Run(running)
	}()
	return nil
}

// close ends everything and removes the folder.
func (d *demo) close() {
	if d.stop != nil {
		d.stop()
		<-d.ended
	}
	if d.asker != nil {
		d.asker.close()
	}
	for _, s := range d.sites {
		s.stop()
	}
	if d.folder != "" {
		os.RemoveAll(d.folder)
	}
}

// setUp makes the board.
func (d *demo) setUp(dns netip.AddrPort) {
	d.board = board{dns: dns, page: d.ns.Pages()[0], name: host, atlas: newAtlas(d.ns.Plan().Part)}
	for i, s := range d.sites {
		at := d.ns.Plan().Pools[0].Servers[i].At
		d.board.servers = append(d.board.servers, serverRow{
			name: s.name, city: s.city, addr: s.addr, cell: cellAt(at.Lat, at.Lon), running: true,
		})
	}
	for _, c := range [][2]string{
		{"London", "81.2.69.0/24"}, {"California", "8.8.8.0/24"}, {"Sydney", "1.1.1.0/24"},
		{"Tokyo", "133.11.0.0/24"}, {"Johannesburg", "146.141.0.0/24"}, {"São Paulo", "143.107.0.0/24"},
	} {
		row := clientRow{city: c[0], subnet: netip.MustParsePrefix(c[1]), server: -1}
		d.board.clients = append(d.board.clients, row)
	}
}

// look asks for everything again: the nameserver's mind about the servers, and answers for all clients.
func (d *demo) look(now time.Time) {
	h := d.ns.Health()
	for slot, t := range h.Targets {
		if i := d.board.serverAt(t.Addr); i >= 0 {
			d.board.health(i, h.States[slot], now)
		}
	}
	clients := make([]netip.Prefix, len(d.board.clients))
	for i, c := range d.board.clients {
		clients[i] = c.subnet
	}
	d.board.told(d.asker.ask(clients), now)
}

// lookAround asks for every dot of the map, if answers may have changed since the last time.
func (d *demo) lookAround() {
	var now []healthcheck.Status
	for _, s := range d.board.servers {
		now = append(now, s.status)
	}
	if equal(now, d.asked) {
		return
	}
	d.asked = now
	for i, a := range d.asker.ask(d.board.atlas.clients) {
		d.board.atlas.servers[i] = d.board.serverAt(a.addr)
	}
}

func equal(a, b []healthcheck.Status) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// toggle stops a server that runs and starts one that does not.
func (d *demo) toggle(i int) {
	d.set(i, !d.sites[i].running())
}

func (d *demo) set(i int, running bool) {
	s := d.sites[i]
	if running == s.running() {
		return
	}
	if running {
		if err := s.start(); err != nil {
			d.board.note(time.Now(), i, "%v", err)
			return
		}
	} else {
		s.stop()
	}
	d.board.touch(i, running, time.Now())
}
