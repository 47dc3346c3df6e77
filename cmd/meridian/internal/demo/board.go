package demo

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/healthcheck"
)

// board is everything there is to show.
type board struct {
	dns     netip.AddrPort
	page    string // URL of the status page
	name    string // that is asked for
	servers []serverRow
	clients []clientRow
	events  []event
	atlas   atlas
}

// serverRow is one of the web servers, and what the nameserver thinks of it.
type serverRow struct {
	name, city string
	addr       netip.AddrPort
	cell       int // of the map
	running    bool
	status     healthcheck.Status
	since      time.Time // of the status
	needed     int       // results that would change the status, 0: settled
	fault      string    // of the last probe
	touched    time.Time // when a person last stopped or started it
}

// clientRow is somebody who asks, and what they are told.
type clientRow struct {
	city   string
	subnet netip.Prefix
	answer answer
	server int // index of the server that the answer points at; -1: none
	asked  bool
}

// event is a line of what has happened.
type event struct {
	at     time.Time
	text   string
	server int // whom it is about; -1: nobody
}

const keptEvents = 200

func (b *board) note(at time.Time, server int, format string, args ...any) {
	b.events = append(b.events, event{at, fmt.Sprintf(format, args...), server})
}

// forget drops the oldest events of too many, and returns how many.
func (b *board) forget() int {
	n := max(0, len(b.events)-keptEvents)
	b.events = slices.Delete(b.events, 0, n)
	return n
}

// serverAt finds a server by address.
func (b *board) serverAt(a netip.Addr) int {
	return slices.IndexFunc(b.servers, func(s serverRow) bool { return s.addr.Addr() == a })
}

// touch notes that a person stopped or started a server.
func (b *board) touch(i int, running bool, now time.Time) {
	s := &b.servers[i]
	s.running, s.touched = running, now
	verb := "started"
	if !running {
		verb = "stopped"
	}
	b.note(now, i, "%s is %s", s.name, verb)
}

// health takes over the state of a server's check.
func (b *board) health(i int, h healthcheck.State, now time.Time) {
	s := &b.servers[i]
	before := s.status
	s.status, s.since, s.needed, s.fault = h.Status, h.Since, h.Needed, plainFault(h.LastError)
	if before == s.status {
		return
	}
	switch {
	case s.status == healthcheck.Down:
		b.note(now, i, "%s is down: %s%s", s.name, s.fault, s.after(now))
	case before == healthcheck.Down:
		b.note(now, i, "%s is up again%s", s.name, s.after(now))
	}
}

// after tells how long ago a person touched the server, if that was just now.
func (s *serverRow) after(now time.Time) string {
	d := now.Sub(s.touched)
	if s.touched.IsZero() || d > time.Minute {
		return ""
	}
	verb := "start"
	if !s.running {
		verb = "stop"
	}
	return fmt.Sprintf(", %.1f s after the %s", d.Seconds(), verb)
}

// plainFault is the end of an error, which says what happened: "connection refused".
func plainFault(text string) string {
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// told takes over the answers to all clients and notes who was moved where.
func (b *board) told(answers []answer, now time.Time) {
	moved := map[int][]string{} // cities, by their new server
	for i := range b.clients {
		c := &b.clients[i]
		to := b.serverAt(answers[i].addr)
		if c.asked && to != c.server {
			moved[to] = append(moved[to], c.city)
		}
		c.answer, c.server, c.asked = answers[i], to, true
	}
	var moves []string
	for _, to := range slices.Sorted(maps.Keys(moved)) {
		moves = append(moves, strings.Join(moved[to], ", ")+" → "+b.nameOf(to))
	}
	if len(moves) > 0 {
		b.note(now, -1, "%s", strings.Join(moves, "; "))
	}
}

func (b *board) nameOf(server int) string {
	if server < 0 {
		return "nobody"
	}
	return b.servers[server].name
}
