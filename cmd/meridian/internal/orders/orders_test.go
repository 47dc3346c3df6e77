package orders

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/steer"
)

// desk is a book with clocks that are turned by hand, a journal that is a map and an audit log that is a list.
type desk struct {
	writes int // to what is kept
	t      *testing.T
	b      *Book
	wall   time.Time
	uptime time.Duration
	kept   map[string][]byte
	audit  []string
	broken bool
}

var world = World{
	{Name: "web", Servers: []steer.Server{{Name: "ny", Site: "us"}, {Name: "fr", Site: "europe"}}, Fallback: []steer.Server{{Name: "cdn", Site: "cdn"}}},
	{Name: "mail", Servers: []steer.Server{{Name: "fr", Site: "europe"}, {Name: "de", Site: "europe"}}},
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, wall: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), kept: map[string][]byte{}}
	d.restart()
	return d
}

// restart makes the book anew out of what was kept.
func (d *desk) restart() {
	d.uptime = 0
	d.b = New(Options{
		Wall: func() time.Time { return d.wall }, Uptime: func() time.Duration { return d.uptime },
		Keep: func(values map[string]any) error {
			if d.broken {
				return errors.New("no space left on device")
			}
			d.writes++
			for key, v := range values {
				if delete(d.kept, key); v != nil {
					d.kept[key], _ = json.Marshal(v)
				}
			}
			return nil
		},
		Audit: func(e Entry) error {
			d.audit = append(d.audit, strings.TrimSpace(e.Action+" "+e.Server+" "+e.Pool))
			return nil
		},
	})
	for _, key := range slices.Sorted(maps.Keys(d.kept)) {
		if err := d.b.Load(key, d.kept[key]); err != nil {
			d.t.Fatal(err)
		}
	}
}

// pass lets time go by.
func (d *desk) pass(t time.Duration) {
	d.wall, d.uptime = d.wall.Add(t), d.uptime+t
	d.expire()
}

// down lets time go by while nothing runs.
func (d *desk) down(t time.Duration) {
	d.wall = d.wall.Add(t)
	d.restart()
	d.expire()
}

func (d *desk) expire() {
	d.t.Helper()
	if _, err := d.b.Expire(); err != nil && !d.broken {
		d.t.Fatal(err)
	}
}

func (d *desk) add(kind, server, pool, length, at string) error {
	r := admin.OrderRequest{Kind: kind, Servers: strings.Fields(server), For: length, At: at, Who: "ann", Reason: "test"}
	if pool != "" {
		r.Pools = []string{pool}
	}
	_, err := d.b.Add(admin.Caller{Name: "root"}, r, world)
	return err
}

// want holds what the orders come to: "web: fr drained, cdn up; mail: ...".
func (d *desk) want(want string) {
	d.t.Helper()
	var pools []string
	duties := d.b.Duties(world)
	for i := range duties {
		var words []string
		servers := append(slices.Clone(world[i].Servers), world[i].Fallback...)
		for j, duty := range duties[i] {
			if duty.Drained {
				words = append(words, servers[j].Name+" drained")
			}
			switch duty.Force {
			case steer.ForceUp:
				words = append(words, servers[j].Name+" up")
			case steer.ForceDown:
				words = append(words, servers[j].Name+" down")
			}
		}
		if len(words) > 0 {
			pools = append(pools, world[i].Name+": "+strings.Join(words, ", "))
		}
	}
	if got := strings.Join(pools, "; "); got != want {
		d.t.Errorf("%s, want %s", got, want)
	}
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestWhomOrdersConcern(t *testing.T) {
	for _, c := range []struct{ server, pool, want string }{
		{"fr", "", "web: fr drained; mail: fr drained"},
		{"fr", "mail", "mail: fr drained"},
		{"site:europe", "", "web: fr drained; mail: fr drained, de drained"},
		{"site:*", "web", "web: ny drained, fr drained, cdn drained"},
		{"?d?", "*", "web: cdn drained"},
		{"ny de", "", "web: ny drained; mail: de drained"},
	} {
		d := newDesk(t)
		d.must(d.add("drain", c.server, c.pool, "", ""))
		d.want(c.want)
	}
	d := newDesk(t)
	for _, bad := range [][]string{
		{"drain", "nobody", "", "", ""}, {"drain", "fr", "nopool", "", ""}, {"drain", "", "", "", ""}, {"drain", "[", "", "", ""},
		{"drain", "fr", "[", "", ""}, {"shoot", "fr", "", "", ""}, {"drain", "fr", "", "0s", ""}, {"drain", "fr", "", "99999999h", ""},
		{"drain", "fr", "", "", "2020-01-01T00:00:00Z"}, {"drain", "fr", "", "", "noon"}, {"drain", "fr de nobody", "", "", ""}, {"drain", "ny", "mail", "", ""},
	} {
		var refusal *admin.Refusal
		if err := d.add(bad[0], bad[1], bad[2], bad[3], bad[4]); !errors.As(err, &refusal) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	d.want("")
	if len(d.kept)+len(d.audit) > 0 {
		t.Errorf("what was refused left traces: %v %v", d.kept, d.audit)
	}
}

func TestNewerOrdersReplaceOlder(t *testing.T) {
	d := newDesk(t)
	d.must(d.add("drain", "fr", "mail", "1h", ""))
	d.must(d.add("up", "fr", "mail", "", ""))
	d.must(d.add("down", "fr", "mail", "", ""))
	d.must(d.add("drain", "fr", "mail", "2h", ""))
	if n := len(d.b.List(world)); n != 2 {
		t.Errorf("%d orders", n)
	}
	d.pass(90 * time.Minute)
	d.want("mail: fr drained, fr down")
	d.pass(time.Hour)
	d.want("mail: fr down")
}

// TestTimes turns the clocks: while the book is open, while it is not, and by jumps.
func TestTimes(t *testing.T) {
	const drained, none = "mail: de drained", ""
	d := newDesk(t)
	d.must(d.add("drain", "de", "", "1h", ""))
	d.wall = d.wall.Add(10 * 24 * time.Hour) // the clock jumps ahead: the length is measured without it
	d.expire()
	d.want(drained)
	d.wall = d.wall.Add(-20 * 24 * time.Hour)
	d.pass(59 * time.Minute)
	d.want(drained)
	d.pass(time.Minute)
	d.want(none)

	d = newDesk(t)
	d.must(d.add("drain", "de", "", "1h", ""))
	d.pass(20 * time.Minute)
	d.down(20 * time.Minute)
	d.want(drained)
	d.pass(19 * time.Minute)
	d.want(drained)
	d.pass(time.Minute)
	d.want(none)

	d = newDesk(t) // it ends while nothing runs
	d.must(d.add("drain", "de", "", "1h", ""))
	d.down(2 * time.Hour)
	d.want(none)
	if want := []string{"drain de", "expire de"}; !slices.Equal(d.audit, want) || len(d.kept) > 0 {
		t.Errorf("audit %q, kept %v", d.audit, d.kept)
	}

	d = newDesk(t) // the clock goes back over a restart: never longer than the length
	d.must(d.add("drain", "de", "", "1h", ""))
	d.down(-30 * 24 * time.Hour)
	d.want(drained)
	d.pass(61 * time.Minute)
	d.want(none)

	d = newDesk(t) // a time of day goes by the wall clock
	d.must(d.add("drain", "de", "", "1h", d.wall.Add(time.Hour).Format(time.RFC3339)))
	d.want(none)
	d.wall = d.wall.Add(61 * time.Minute) // by a jump
	d.expire()
	d.want(drained)
	d.restart()
	d.want(drained)
	d.wall = d.wall.Add(-30 * time.Minute)
	d.want(none)
	d.down(3 * time.Hour)
	d.want(none)

	d = newDesk(t) // without an end
	d.must(d.add("drain", "de", "", "", ""))
	d.down(1000 * time.Hour)
	d.want(drained)
}

// TestNothingCountsThatDoesNotLast holds that an order whose keeping fails is not in force, and says so.
func TestNothingCountsThatDoesNotLast(t *testing.T) {
	d := newDesk(t)
	d.must(d.add("drain", "de", "", "", ""))
	d.broken = true
	if err := d.add("drain", "ny", "", "", ""); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("%v", err)
	}
	if _, err := d.b.Release(admin.Caller{}, admin.ReleaseRequest{Servers: []string{"de"}}, world); err == nil {
		t.Error("released without a trace")
	}
	d.want("mail: de drained")
	d.broken = false
	d.restart()
	d.want("mail: de drained")
}

func TestRelease(t *testing.T) {
	d := newDesk(t)
	d.must(d.add("drain", "fr", "", "", ""))
	d.must(d.add("drain", "fr", "mail", "", ""))
	d.must(d.add("drain", "site:us", "", "", ""))
	d.must(d.add("down", "fr", "web", "", ""))
	all := "web: ny drained, fr drained; mail: fr drained"
	for _, c := range []struct {
		r    admin.ReleaseRequest
		fail bool
		want string
	}{
		{admin.ReleaseRequest{Kinds: []string{"up", "down"}, Servers: []string{"f*"}}, false, all},
		{admin.ReleaseRequest{Servers: []string{"de"}}, true, all},
		{admin.ReleaseRequest{Servers: []string{"ny"}}, true, all}, // its site is drained, not it
		{admin.ReleaseRequest{Kinds: []string{"up"}, ID: "1"}, true, all},
		{admin.ReleaseRequest{}, true, all},
		{admin.ReleaseRequest{ID: "1"}, false, "web: ny drained; mail: fr drained"},
		{admin.ReleaseRequest{Servers: []string{"*"}}, false, ""},
	} {
		_, err := d.b.Release(admin.Caller{Name: "root"}, c.r, world)
		if (err != nil) != c.fail {
			t.Errorf("%+v: %v", c.r, err)
		}
		d.want(c.want)
	}
}

// TestRequestsAreBounded: a request that names too much makes and ends nothing.
func TestRequestsAreBounded(t *testing.T) {
	d := newDesk(t)
	d.must(d.add("drain", "fr", "", "", ""))
	by := admin.Caller{Name: "root"}
	for _, c := range []struct{ servers, pools int }{{101, 0}, {51, 2}, {2, 51}} {
		servers, pools := slices.Repeat([]string{"fr"}, c.servers), slices.Repeat([]string{"web"}, c.pools)
		if _, err := d.b.Add(by, admin.OrderRequest{Kind: "drain", Servers: servers, Pools: pools}, world); err == nil || !strings.Contains(err.Error(), "at most 100") {
			t.Errorf("%d servers in %d pools: %v", c.servers, c.pools, err)
		}
		if _, err := d.b.Release(by, admin.ReleaseRequest{Servers: servers, Pools: pools}, world); err == nil || !strings.Contains(err.Error(), "at most 100") {
			t.Errorf("release of %d servers in %d pools: %v", c.servers, c.pools, err)
		}
	}
	d.want("web: fr drained; mail: fr drained")
}

// TestReplacedAtOneStroke holds that an order and the end of the one it replaces are kept together: whoever is killed in
// between must not find both.
func TestReplacedAtOneStroke(t *testing.T) {
	d := newDesk(t)
	for i := range 3 {
		d.writes = 0
		_, err := d.b.Add(admin.Caller{Name: "me"}, admin.OrderRequest{Kind: admin.Drain, Servers: []string{"*"}}, world)
		if err != nil || d.writes != 1 || len(d.kept) != 1 {
			t.Errorf("order %d: %d writes, %d orders are kept (%v)", i, d.writes, len(d.kept), err)
		}
	}
}
