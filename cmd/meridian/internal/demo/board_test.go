package demo

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// testBoard has the servers and clients of the demo, all up and answered by the first server.
func testBoard() *board {
	b := &board{dns: netip.MustParseAddrPort("127.0.0.1:5300"), page: "http://127.0.0.1:8053/", name: host}
	for i, name := range []string{"europe", "america", "sydney"} {
		b.servers = append(b.servers, serverRow{
			name: name, city: "City", running: true, status: healthcheck.Up,
			addr: netip.MustParseAddrPort(fmt.Sprintf("127.0.%d.1:8300", i+1)),
		})
	}
	for i := range 6 {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(10 + i), 0, 0, 0}), 24)
		b.clients = append(b.clients, clientRow{city: fmt.Sprintf("Place %d", i), subnet: subnet})
	}
	b.told(answersOf(b, 0, 0, 0, 0, 0, 0), time.Unix(0, 0))
	return b
}

func answersOf(b *board, servers ...int) []answer {
	var all []answer
	for _, s := range servers {
		a := answer{ttl: 60, scope: 24}
		if s >= 0 {
			a.addr = b.servers[s].addr.Addr()
		}
		all = append(all, a)
	}
	return all
}

func (b *board) story() string {
	var lines []string
	for _, e := range b.events {
		lines = append(lines, e.text)
	}
	return strings.Join(lines, "\n")
}

func TestStory(t *testing.T) {
	b := testBoard()
	at := time.Unix(1000, 0)
	b.touch(0, false, at)
	failing := healthcheck.State{Status: healthcheck.Up, Needed: 1, LastError: "dial tcp 127.0.1.1:8300: connect: connection refused"}
	b.health(0, failing, at.Add(500*time.Millisecond))
	down := failing
	down.Status, down.Needed = healthcheck.Down, 0
	b.health(0, down, at.Add(1200*time.Millisecond))
	b.told(answersOf(b, 1, 1, 2, 0, 0, -1), at.Add(1300*time.Millisecond))
	b.told(answersOf(b, 1, 1, 2, 0, 0, -1), at.Add(1400*time.Millisecond))
	b.touch(0, true, at.Add(2*time.Second))
	b.health(0, healthcheck.State{Status: healthcheck.Up}, at.Add(3*time.Second))
	want := `europe is stopped
europe is down: connection refused, 1.2 s after the stop
Place 5 → nobody; Place 0, Place 1 → america; Place 2 → sydney
europe is started
europe is up again, 1.0 s after the start`
	if got := b.story(); got != want {
		t.Errorf("the story is\n%s\nwant\n%s", got, want)
	}
}

func TestForget(t *testing.T) {
	b := &board{}
	for i := range keptEvents + 7 {
		b.note(time.Unix(int64(i), 0), -1, "%d", i)
	}
	if n := b.forget(); n != 7 || len(b.events) != keptEvents || b.events[0].text != "7" {
		t.Errorf("forgot %d, kept %d from %s on", n, len(b.events), b.events[0].text)
	}
}

// TestDrawFits draws every kind of screen in every size: no more lines than rows, none wider than the screen, and the
// keys last.
func TestDrawFits(t *testing.T) {
	b := testBoard()
	b.atlas = atlas{cells: []int{0, 1, 144, 7000}, servers: []int{0, 1, -1, 2}, clients: make([]netip.Prefix, 4)}
	for i := range 50 {
		b.note(time.Unix(int64(i), 0), i%4-1, "%s", strings.Repeat("long ", 40))
	}
	for _, width := range []int{1, 20, 79, 80, 100, 120, 200} {
		for _, height := range []int{1, 2, 5, 23, 24, 25, 39, 40, 60} {
			for _, k := range []look{{}, {atlas: true}, {help: true}} {
				k.width, k.height = width, height
				lines := b.draw(k)
				if len(lines) > height || height >= 5 && len(lines) != height {
					t.Errorf("%+v: %d lines", k, len(lines))
				}
				for _, l := range lines {
					if l.width() > width {
						t.Errorf("%+v: a line is %d wide: %s", k, l.width(), l.paint(false))
					}
				}
				if last := lines[len(lines)-1].paint(false); width >= 80 && !strings.Contains(last, "q quit") {
					t.Errorf("%+v: the last line is %q", k, last)
				}
			}
		}
	}
}

// TestDrawShows holds what a usual terminal must show.
func TestDrawShows(t *testing.T) {
	b := testBoard()
	b.servers[1].status, b.servers[1].fault = healthcheck.Down, "connection refused"
	b.atlas = atlas{cells: []int{0}, servers: []int{0}}
	b.note(time.Unix(0, 0), -1, "something happened")
	for _, c := range []struct {
		k    look
		want []string
		not  []string
	}{
		{look{width: 80, height: 24}, []string{"127.0.0.1:5300", "1 ● europe", "2 ○ america", "down: connection refused", "→ europe",
			"dig @127.0.0.1 -p 5300 www.example.com CH TXT +subnet=10.0.0.0/24", "TTL 60", "something happened"}, []string{"The world"}},
		{look{width: 80, height: 24, atlas: true}, []string{"The world", "1 ● europe", "something happened"}, []string{"dig @"}},
		{look{width: 120, height: 40}, []string{"The world", "dig @", "http://127.0.0.1:8053/", "→ europe", "something happened"}, nil},
		{look{width: 80, height: 24, help: true}, []string{"What you see", "RFC 7871", "? back"}, []string{"dig @"}},
	} {
		var all []string
		for _, l := range b.draw(c.k) {
			all = append(all, l.paint(false))
		}
		text := strings.Join(all, "\n")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: no %q in\n%s", c.k, want, text)
			}
		}
		for _, not := range c.not {
			if strings.Contains(text, not) {
				t.Errorf("%+v: %q in\n%s", c.k, not, text)
			}
		}
	}
}

func TestPaint(t *testing.T) {
	l := line{{ink{}, "a"}, {ink{color: 31, bold: true}, "é"}, {ink{reverse: true}, "c"}}
	if got := l.paint(false); got != "aéc" {
		t.Errorf("without colour: %q", got)
	}
	if got := l.paint(true); got != "a\x1b[1;31mé\x1b[0m\x1b[7mc\x1b[0m" {
		t.Errorf("with colour: %q", got)
	}
	if got := l.clip(2).paint(false); got != "aé" {
		t.Errorf("clipped: %q", got)
	}
	if got := l.pad(5).width(); got != 5 {
		t.Errorf("padded to %d", got)
	}
}

func TestAtlas(t *testing.T) {
	db, err := geo.Open(geo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	part, err := db.Partition(geo.Want{})
	if err != nil {
		t.Fatal(err)
	}
	a := newAtlas(part)
	if len(a.cells) < 500 {
		t.Errorf("a world of %d dots", len(a.cells))
	}
	for i, client := range a.clients {
		p := db.Locate(client.Addr())
		if got := cellAt(float64(p.Lat), float64(p.Lon)); got != a.cells[i] {
			t.Fatalf("%v is in cell %d of the map, but stands for %d", client, got, a.cells[i])
		}
	}
}

func TestAtlasDraw(t *testing.T) {
	a := atlas{cells: []int{0, 1, atlasCols, 3*atlasCols + 1}, servers: []int{1, 1, 0, -1}}
	inks := []ink{{color: 31}, {color: 32}}
	lines := a.draw(inks, map[int]span{2: {text: "X"}})
	if len(lines) != mapRows || lines[0].width() != mapCols {
		t.Fatalf("%d rows of %d", len(lines), lines[0].width())
	}
	if got := lines[0][0]; got != (span{ink{color: 32}, "⢋"}) {
		t.Errorf("the first character is %+v", got)
	}
	if got := lines[0][1].text; got != "X" {
		t.Errorf("the mark is %q", got)
	}
	if got := a.draw(nil, nil)[0][0].text; got != "2" {
		t.Errorf("without colours the first character is %q", got)
	}
}

func TestPlainKeys(t *testing.T) {
	for text, want := range map[string]string{
		"1q": "1q", "\x1b[Aq": "q", "2\x1b[1;5D3": "23", "\x1bOP1": "1", "\x1b": "", "\x1b[": "", "\x1bx1": "1", "": "",
	} {
		if got := string(plain([]byte(text))); got != want {
			t.Errorf("%q: keys %q, want %q", text, got, want)
		}
	}
}
