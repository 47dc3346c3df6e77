package server

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestClientKey(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := clientKey(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("clientKey(%s) = %v, want %s", a, got, want)
		}
	}
}

// modelSeat is a connection in the plain model of the table.
type modelSeat struct {
	c      *conn
	client int
	since  int // when it began to wait; -1: busy
}

// The table against a list searched from end to end, over random histories.
func TestConnectionsAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		table := newConnections(TCPLimits{Connections: 6, PerClient: 3})
		var seats []*modelSeat
		for step := range 400 {
			switch s := pick(r, seats); r.IntN(5) {
			case 0, 1:
				client := r.IntN(4)
				want, ok := modelLeaves(seats, client)
				c := new(conn)
				leaves, admitted := table.enter(c, netip.AddrFrom4([4]byte{192, 0, 2, byte(client)}))
				if leaves != want || admitted != ok {
					t.Fatalf("seed %d, step %d: left %p, %v; want %p, %v", seed, step, leaves, admitted, want, ok)
				}
				seats = slices.DeleteFunc(seats, func(m *modelSeat) bool { return want != nil && m.c == want })
				if ok {
					seats = append(seats, &modelSeat{c, client, step})
				}
			case 2:
				if s != nil && s.since >= 0 {
					s.since = -1
					if !table.busy(s.c) {
						t.Fatalf("seed %d, step %d: evicted", seed, step)
					}
				}
			case 3:
				if s != nil && s.since < 0 {
					s.since = step
					table.idle(s.c)
				}
			case 4:
				if s != nil {
					table.leave(s.c, false)
					seats = slices.DeleteFunc(seats, func(m *modelSeat) bool { return m == s })
				}
			}
			if got := table.stats().Open; got != uint64(len(seats)) {
				t.Fatalf("seed %d, step %d: %d open, want %d", seed, step, got, len(seats))
			}
		}
		for _, s := range seats {
			table.leave(s.c, false)
		}
		if len(table.clients) != 0 || table.waiting.front() != nil {
			t.Fatalf("seed %d: the empty table holds %d clients", seed, len(table.clients))
		}
	}
}

func pick(r *rand.Rand, seats []*modelSeat) *modelSeat {
	if len(seats) == 0 {
		return nil
	}
	return seats[r.IntN(len(seats))]
}

// modelLeaves says who makes room for one more connection of client.
func modelLeaves(seats []*modelSeat, client int) (*conn, bool) {
	ofClient := slices.DeleteFunc(slices.Clone(seats), func(s *modelSeat) bool { return s.client != client })
	among := seats
	if len(ofClient) >= 3 {
		among = ofClient
	} else if len(seats) < 6 {
		return nil, true
	}
	var longest *modelSeat
	for _, s := range among {
		if s.since >= 0 && (longest == nil || s.since < longest.since) {
			longest = s
		}
	}
	if longest == nil {
		return nil, false
	}
	return longest.c, true
}

// An evicted connection that has just read a query must not answer it, nor come back to the table.
func TestEvictedWhileItReads(t *testing.T) {
	table := newConnections(TCPLimits{Connections: 1, PerClient: 1})
	a, b := new(conn), new(conn)
	at := netip.MustParseAddr("192.0.2.1")
	table.enter(a, at)
	if leaves, ok := table.enter(b, at); leaves != a || !ok {
		t.Fatalf("left %p, %v; want %p", leaves, ok, a)
	}
	if table.busy(a) {
		t.Error("the evicted connection may go on")
	}
	table.idle(a)
	table.leave(a, true)
	if got := table.waiting.front(); got != b {
		t.Errorf("waiting: %p, want %p", got, b)
	}
	if got := table.stats(); got.Open != 1 || got.Evicted != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestAlarmSpeaksOnceASecond(t *testing.T) {
	log, logs := observed()
	a := alarm{log: log}
	base := time.Unix(1000, 0)
	var evaluated int
	for _, ms := range []int{0, 1, 999, 1000, 1500, 2000} {
		a.raiseAt(base.Add(time.Duration(ms)*time.Millisecond), "trouble", func() []zap.Field {
			evaluated++
			return []zap.Field{zap.Int("at", ms)}
		})
	}
	var got []string
	for _, e := range logs.All() {
		got = append(got, fmt.Sprint(e.ContextMap()["at"], "+", e.ContextMap()["not_logged_before"]))
	}
	if want := []string{"0+0", "1000+2", "2000+1"}; !slices.Equal(got, want) || evaluated != 3 {
		t.Errorf("logged %v, want %v; fields made %d times", got, want, evaluated)
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	var got []time.Duration
	for range 10 {
		got = append(got, b.next())
	}
	if got[0] != 5*time.Millisecond || got[1] != 10*time.Millisecond || got[9] != time.Second {
		t.Errorf("%v", got)
	}
}

func TestSlotsLeaveOneProcessor(t *testing.T) {
	for _, tc := range []struct{ used, procs int32 }{{0, 1}, {1, 2}, {3, 4}} {
		s := slots{}
		s.used.Store(tc.used)
		if s.takeOf(tc.procs) || s.used.Load() != tc.used {
			t.Errorf("%d of %d processors taken, and one more", tc.used, tc.procs)
		}
		if tc.used > 0 {
			s.give()
			if !s.takeOf(tc.procs) {
				t.Errorf("%d of %d processors: none to take", tc.used-1, tc.procs)
			}
		}
	}
}
