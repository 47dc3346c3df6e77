package nameserver

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// tapped is a nameserver that serves a view and nothing else, with the watchers of a configuration.
func tapped(t *testing.T, cfg *config.Config) *Nameserver {
	t.Helper()
	v := resolver.NewView(nil, zones.NewSet(nil), (&steer.Set{}).With(nil, nil), &resolver.Options{})
	s, err := server.Listen(server.Options{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, View: func() *resolver.View { return v }, Workers: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &Nameserver{log: zap.NewNop(), server: s}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil { // t.Context has ended
			t.Error(err)
		}
	})
	file, err := n.openQueryLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.watch(cfg, file)
	t.Cleanup(n.closeWatchers)
	return n
}

// tapReader takes all that comes as dnstap, and reads it, or does not.
func tapReader(t *testing.T, path string, read bool) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		t.Cleanup(func() { c.Close() })
		ready := make([]byte, 4+4+4+8+len("protobuf:dnstap.Dnstap"))
		if _, err := io.ReadFull(c, ready); err != nil {
			return
		}
		binary.BigEndian.PutUint32(ready[8:], 1) // ACCEPT
		c.Write(ready)
		if read {
			io.Copy(io.Discard, c)
		}
	}()
}

// client asks one question after the other.
type client struct {
	t     *testing.T
	c     net.Conn
	query []byte
	reply [512]byte
}

func newClient(t *testing.T, n *Nameserver) *client {
	t.Helper()
	c, err := net.Dial("udp", n.server.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	query, err := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, c: c, query: query}
}

func (a *client) ask(times int) {
	a.t.Helper()
	for range times {
		if _, err := a.c.Write(a.query); err != nil {
			a.t.Fatal(err)
		}
		if _, err := a.c.Read(a.reply[:]); err != nil {
			a.t.Fatal(err)
		}
	}
}

// counts waits until the counts are as wanted.
func counts(t *testing.T, n *Nameserver, what string, want func(admin.Logs) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !want(n.watchers.counts()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: %+v", what, n.watchers.counts())
		}
	}
}

// TestWatchersAllocateNothing answers with the query log and dnstap on, for all queries.
func TestWatchersAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	dir := t.TempDir()
	tapReader(t, filepath.Join(dir, "s"), true)
	n := tapped(t, &config.Config{
		QueryLog: config.QueryLog{On: true, Sample: 1, File: filepath.Join(dir, "q.log")},
		Dnstap:   config.Dnstap{Socket: filepath.Join(dir, "s"), Sample: 1},
	})
	a := newClient(t, n)
	a.ask(100)
	counts(t, n, "nothing is sent", func(c admin.Logs) bool { a.ask(1); return c.Dnstap > 0 && c.Queries > 0 })
	var before, after runtime.MemStats
	const queries = 2000
	runtime.ReadMemStats(&before)
	a.ask(queries)
	runtime.ReadMemStats(&after)
	// Whoever takes the copies allocates a little whenever it looks for them.
	if per := float64(after.Mallocs-before.Mallocs) / queries; per > 0.5 {
		t.Errorf("%.2f allocations per query", per)
	}
	counts(t, n, "something is missing", func(c admin.Logs) bool {
		all := n.server.Stats().UDP.Answers // the server counts an answer after it has sent it
		return all > queries && c.Queries+c.QueriesDropped == all && c.Dnstap+c.DnstapDropped == 2*all
	})
}

// TestDeadWatchers answers while dnstap's reader reads nothing: all that is asked, and what is dropped is counted.
func TestDeadWatchers(t *testing.T) {
	dir := t.TempDir()
	tapReader(t, filepath.Join(dir, "s"), false)
	n := tapped(t, &config.Config{Dnstap: config.Dnstap{Socket: filepath.Join(dir, "s"), Sample: 1}})
	a := newClient(t, n)
	counts(t, n, "nothing is dropped", func(c admin.Logs) bool { a.ask(500); return c.DnstapDropped > 100 })
	if c := n.watchers.counts(); c.DnstapDropped > 2*n.server.Stats().UDP.Answers {
		t.Errorf("%+v", c)
	}
}

// TestWatchersChange goes through configurations: counts go on, files are opened only when something changed.
func TestWatchersChange(t *testing.T) {
	dir := t.TempDir()
	on := &config.Config{QueryLog: config.QueryLog{On: true, Sample: 1, File: filepath.Join(dir, "q.log")}}
	n := tapped(t, on)
	a := newClient(t, n)
	a.ask(10)
	counts(t, n, "on", func(c admin.Logs) bool { return c.Queries == 10 })
	if file, err := n.openQueryLog(on); file != nil || err != nil {
		t.Errorf("the same again: %v, %v", file, err)
	}
	n.watch(&config.Config{}, nil)
	a.ask(10)
	counts(t, n, "off", func(c admin.Logs) bool { return c.Queries == 10 })
	file, err := n.openQueryLog(on)
	if err != nil {
		t.Fatal(err)
	}
	n.watch(on, file)
	a.ask(10)
	counts(t, n, "on again", func(c admin.Logs) bool { return c.Queries == 20 })
	if text, err := os.ReadFile(on.QueryLog.File); err != nil || len(text) == 0 {
		t.Errorf("%d octets, %v", len(text), err)
	}
}

// TestNoQueryVanishes exchanges the query log and dnstap while every answer is logged by both: each is written, or is
// counted as dropped.
func TestNoQueryVanishes(t *testing.T) {
	dir := t.TempDir()
	tapReader(t, filepath.Join(dir, "0"), true)
	cfgs := [2]*config.Config{}
	for i, name := range []string{"0", "1"} { // nobody listens at the second socket
		cfgs[i] = &config.Config{
			QueryLog: config.QueryLog{On: true, Sample: 1, File: filepath.Join(dir, name+".log")},
			Dnstap:   config.Dnstap{Socket: filepath.Join(dir, name), Sample: 1},
		}
	}
	n := tapped(t, cfgs[0])
	a := newClient(t, n)
	stop, asked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(asked)
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := a.c.Write(a.query); err != nil {
					t.Error(err)
					return
				}
				if _, err := a.c.Read(a.reply[:]); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for i := range 20 {
		cfg := cfgs[(i+1)%2]
		file, err := n.openQueryLog(cfg)
		if err != nil {
			t.Fatal(err)
		}
		n.watch(cfg, file)
		time.Sleep(time.Millisecond)
	}
	close(stop)
	<-asked
	answers := n.server.Stats().UDP.Answers
	counts(t, n, "something is missing", func(c admin.Logs) bool {
		answers = n.server.Stats().UDP.Answers // an answer is counted after it is sent
		return c.Queries+c.QueriesDropped == answers && c.Dnstap+c.DnstapDropped == 2*answers
	})
	a.ask(1)
	if counts(t, n, "the last", func(c admin.Logs) bool { return c.Queries+c.QueriesDropped == answers+1 }); len(n.watchers.old) > 0 {
		t.Errorf("%d old watchers stay", len(n.watchers.old))
	}
}
