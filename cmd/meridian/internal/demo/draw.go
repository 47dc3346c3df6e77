package demo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meridian-dns/meridian/healthcheck"
)

// look is how a screen is to be filled.
type look struct {
	width, height int
	atlas         bool // show the map where there is room for one thing only
	help          bool
	plain         bool // without colours
}

const (
	frame    = 6 // rows beside the parts: title, blank rows behind four parts, keys
	minLines = 3 // of events
	credit   = "IP Geolocation by DB-IP, CC BY 4.0"
	usual    = 80 // columns of a terminal
)

// draw fills a screen: height lines, none wider than width.
func (b *board) draw(k look) []line {
	body := b.body(k)
	if k.height-2-len(body) > minLines {
		body = append([]line{{}}, body...)
	}
	events := max(0, k.height-2-len(body))
	lines := append([]line{b.title(k.width)}, body...)
	lines = append(lines, b.lastEvents(events)...)
	if len(lines) > k.height-1 {
		lines = lines[:max(0, k.height-1)]
	}
	lines = append(lines, keys(k))
	for i := range lines {
		lines[i] = lines[i].clip(k.width)
	}
	return lines
}

// body is what stands between the title and the events.
//
//	help   room for all   map wanted   shown
//	yes    any            any          the help
//	no     yes            any          servers, map, clients, commands
//	no     no             yes          servers, map
//	no     no             no           servers, clients, commands
func (b *board) body(k look) []line {
	blank := line{}
	if k.help {
		return append(helpText(), blank)
	}
	servers, clients, try, world := b.serverPart(), b.clientPart(), b.tryPart(), b.atlasPart(k)
	room := k.height - frame - minLines - len(servers) - len(clients) - len(try)
	var parts [][]line
	switch {
	case room > len(world) && len(world) > 0:
		parts = [][]line{servers, world, clients, try}
	case k.atlas && len(world) > 0:
		parts = [][]line{servers, world}
	default:
		parts = [][]line{servers, clients, try}
	}
	var lines []line
	for _, p := range parts {
		lines = append(append(lines, p...), blank)
	}
	return lines
}

func heading(text, beside string) line {
	l := line{{ink{bold: true}, " " + text}}
	return l.pad(17).add(ink{dim: true}, beside)
}

// title is a bar in reverse.
func (b *board) title(width int) line {
	bar := ink{bold: true, reverse: true}
	left := " Meridian demo    a nameserver for " + strings.TrimSuffix(trimHost(b.name), ".")
	right := b.dns.String() + "  UDP and TCP "
	gap := max(1, width-len(left)-len(right))
	return line{{bar, left + strings.Repeat(" ", gap) + right}}
}

// trimHost is the zone of www.
func trimHost(name string) string {
	_, zone, _ := strings.Cut(name, ".")
	return zone
}

func (b *board) serverPart() []line {
	lines := []line{heading("Servers", "three small web servers; press 1, 2 or 3 to stop or start one")}
	for i := range b.servers {
		lines = append(lines, b.serverLine(i))
	}
	return lines
}

func (b *board) serverLine(i int) line {
	s := &b.servers[i]
	mark, state := s.state()
	l := line{{ink{bold: true}, fmt.Sprintf("  %d ", i+1)}, mark}
	l = l.add(serverInk(i), " "+s.name).pad(17).add(ink{}, s.city).pad(29)
	l = l.add(ink{}, s.addr.Addr().String()).pad(42)
	return append(l, state...)
}

// state tells what the check says of a server, and what is about to come.
//
//	status    streak   shown
//	up        none     ● up
//	up        failing  ● up, but failing
//	down      none     ○ down: why
//	down      passing  ○ down, but answering again
//	other     any      ◌ its name
func (s *serverRow) state() (mark span, text line) {
	green, red, yellow, dim := ink{color: 32}, ink{color: 31}, ink{color: 33}, ink{dim: true}
	switch s.status {
	case healthcheck.Up:
		if s.needed > 0 {
			return span{yellow, "●"}, line{{yellow, "up, but failing"}, {dim, ": " + s.fault}}
		}
		return span{green, "●"}, line{{green, "up"}}
	case healthcheck.Down:
		if s.needed > 0 {
			return span{yellow, "○"}, line{{yellow, "down, but answering again"}}
		}
		return span{red, "○"}, line{{red, "down"}, {dim, ": " + s.fault}}
	}
	return span{dim, "◌"}, line{{dim, s.status.String()}}
}

// serverInk tells servers apart.
func serverInk(i int) ink {
	if i < 0 {
		return ink{dim: true}
	}
	return ink{color: []int{96, 93, 95}[i%3]}
}

func (b *board) clientPart() []line {
	name := strings.TrimSuffix(b.name, ".")
	lines := []line{heading("Clients", "whom each is sent to when asking for "+name)}
	for i := range b.clients {
		lines = append(lines, b.clientLine(&b.clients[i]))
	}
	return lines
}

func (b *board) clientLine(c *clientRow) line {
	l := line{{ink{}, "  " + c.city}}.pad(17).add(ink{dim: true}, c.subnet.String()).pad(37)
	if !c.answer.addr.IsValid() {
		return l.add(ink{color: 31}, "no answer")
	}
	l = l.add(serverInk(c.server), "→ "+b.nameOf(c.server)).pad(48)
	l = l.add(ink{}, c.answer.addr.String()).pad(60)
	return l.add(ink{dim: true}, fmt.Sprintf("TTL %-3d scope /%d", c.answer.ttl, c.answer.scope))
}

// digs are command lines for another terminal, each with what it shows.
func (b *board) digs() [][2]string {
	dig := fmt.Sprintf("dig @%s -p %d %s", b.dns.Addr(), b.dns.Port(), strings.TrimSuffix(b.name, "."))
	var all [][2]string
	for _, c := range b.clients[:min(3, len(b.clients))] {
		all = append(all, [2]string{dig + " +subnet=" + c.subnet.String(), c.city})
	}
	return append(all, [2]string{dig + " CH TXT +subnet=" + b.clients[0].subnet.String(), "why?"})
}

func (b *board) tryPart() []line {
	lines := []line{heading("Try it", "in another terminal, and look at "+b.page)}
	for _, d := range b.digs() {
		lines = append(lines, line{{ink{}, "  " + d[0]}}.pad(69).add(ink{dim: true}, d[1]))
	}
	return lines
}

func (b *board) atlasPart(k look) []line {
	if len(b.atlas.cells) == 0 || k.width < mapCols+4 {
		return nil
	}
	var inks []ink
	about := "each number is an answer, and the server that it points at"
	for i := range b.servers {
		if !k.plain {
			inks = append(inks, serverInk(i))
			about = "each dot is an answer; its colour is the server it points at"
		}
	}
	lines := []line{heading("The world", about)}
	left := (min(k.width, usual) - mapCols) / 2
	for _, l := range b.atlas.draw(inks, b.marks()) {
		lines = append(lines, append(line{{ink{}, strings.Repeat(" ", left)}}, l...))
	}
	return lines
}

// marks are the servers on the map, by cell; red where they are down.
func (b *board) marks() map[int]span {
	marks := map[int]span{}
	for i, s := range b.servers {
		mark := serverInk(i)
		if s.status == healthcheck.Down {
			mark.color = 31
		}
		mark.bold = true
		marks[s.cell] = span{mark, strconv.Itoa(i + 1)}
	}
	return marks
}

func (b *board) lastEvents(n int) []line {
	var lines []line
	for _, e := range b.events[max(0, len(b.events)-n):] {
		l := line{{ink{dim: true}, " " + e.at.Format("15:04:05") + "  "}}
		lines = append(lines, l.add(serverInk(e.server), e.text))
	}
	for len(lines) < n {
		lines = append(lines, line{})
	}
	return lines
}

func keys(k look) line {
	l := line{{ink{}, " "}}
	all := [][2]string{{"1 2 3", "stop or start"}, {"m", "map"}, {"?", "help"}, {"q", "quit"}}
	if k.help {
		all = [][2]string{{"?", "back"}, {"q", "quit"}}
	}
	for i, key := range all {
		if i > 0 {
			l = l.add(ink{dim: true}, "   ")
		}
		l = l.add(ink{bold: true}, key[0]).add(ink{dim: true}, " "+key[1])
	}
	if room := k.width - 1 - len(credit); room > l.width() {
		l = l.pad(room).add(ink{dim: true}, credit)
	}
	return l
}

func helpText() []line {
	lines := []line{heading("What you see", "")}
	for _, text := range []string{
		"A real nameserver answers for example.com. Its zone file makes www a GEO",
		"record, its configuration says where three servers are, and every client is",
		"sent to the nearest one that is healthy. Health is checked twice a second,",
		"over HTTP.",
		"",
		"Stop a server: after two failed checks, a second or so, it leaves the",
		"answers, and its clients go to the next nearest. Start it again, and they",
		"come back. While checks fail and nothing is decided yet, the TTL is low, so",
		"that resolvers ask again soon.",
		"",
		"The scope is the network that an answer is good for: a resolver may give it",
		"to everybody there (RFC 7871). Places come from the database in the",
		"program, which is good to about 200 km.",
		"",
		"dig CH TXT tells why: place, rule, servers with distance and state.",
	} {
		lines = append(lines, line{{ink{}, "  " + text}})
	}
	return lines
}
