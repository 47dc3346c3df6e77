package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	// querySize is the longest datagram read whole. What is longer is cut, which the resolver sees as a
	// message that ends early.
	querySize = 4096
	// answerSize is the longest datagram sent.
	answerSize = 1232
)

// portableUDP is one socket read by several goroutines through the runtime's poller, on any system.
type portableUDP struct {
	s       *Server
	conn    *net.UDPConn
	bound   netip.AddrPort
	counts  []*counters
	trouble alarm
	until   atomic.Int64 // unix nanoseconds when draining ends; 0: not draining
}

func bindPortableUDP(s *Server, addr netip.AddrPort, shared bool) (datagrams, error) {
	pc, err := listenConfig(shared).ListenPacket(context.Background(), family("udp", addr.Addr()), addr.String())
	if err != nil {
		return nil, newBindError("udp", addr, err)
	}
	u := &portableUDP{s: s, conn: pc.(*net.UDPConn), bound: addr, counts: make([]*counters, s.o.Workers)}
	for i := range u.counts {
		u.counts[i] = new(counters)
	}
	u.trouble.log = s.o.Log
	_ = u.conn.SetReadBuffer(s.o.ReceiveBuffer) // a smaller one serves too
	if addr.Addr().IsUnspecified() {
		if err := u.wantDestination(); err != nil {
			u.close()
			return nil, newBindError("udp", addr, err)
		}
	}
	return u, nil
}

// wantDestination asks the kernel to tell the address each datagram was sent to.
func (u *portableUDP) wantDestination() error {
	if u.bound.Addr().Is4() {
		return ipv4.NewPacketConn(u.conn).SetControlMessage(ipv4.FlagDst, true)
	}
	return ipv6.NewPacketConn(u.conn).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
}

func (u *portableUDP) counters() []*counters { return u.counts }
func (u *portableUDP) close()                { u.conn.Close() }
func (u *portableUDP) sockets() []uint64     { return inodes(u.conn) }

func (u *portableUDP) serve(worker int) {
	r := newResponder(u.s, resolver.UDP, 1, u.counts[worker])
	defer r.taps.close()
	r.local = u.bound
	in, out := make([]byte, querySize), make([]byte, answerSize)
	oob := make([]byte, 128)
	for {
		n, oobn, _, from, err := u.conn.ReadMsgUDPAddrPort(in, oob)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if until := u.until.Load(); until != 0 {
				if u.empty(time.Unix(0, until)) {
					return
				}
				continue
			}
			u.trouble.raise("cannot receive", func() []zap.Field {
				return []zap.Field{zap.Stringer("address", u.bound), zap.Error(err)}
			})
			time.Sleep(time.Millisecond) // not to spin on an error that stays
			continue
		}
		u.answer(r, out, in[:n], oob[:oobn], from)
		u.counts[worker].flush(&r.tally)
		if until := u.until.Load(); until != 0 {
			u.allow(time.Unix(0, until))
		}
	}
}

func (u *portableUDP) answer(r *responder, out, query, oob []byte, from netip.AddrPort) {
	client := netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	if !answerable(client) {
		r.ignore()
		return
	}
	r.begin()
	r.add(query, client)
	r.prepare()
	n := r.answer(out, 0)
	r.rest()
	if n == 0 {
		return
	}
	if _, _, err := u.conn.WriteMsgUDPAddrPort(out[:n], u.source(oob), from); err != nil {
		r.tally.Unsent++
	}
	r.end()
}

// source turns the control message of a query into the one that makes its answer leave from the address asked.
func (u *portableUDP) source(oob []byte) []byte {
	if len(oob) == 0 {
		return nil
	}
	if u.bound.Addr().Is4() {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) != nil {
			return nil
		}
		if reply := (&ipv4.ControlMessage{Src: cm.Dst}).Marshal(); len(reply) > 0 {
			return reply
		}
		return oob // systems without IP_PKTINFO take IP_RECVDSTADDR back as IP_SENDSRCADDR
	}
	var cm ipv6.ControlMessage
	if cm.Parse(oob) != nil {
		return nil
	}
	reply := &ipv6.ControlMessage{Src: cm.Dst}
	if cm.Dst.IsLinkLocalUnicast() {
		reply.IfIndex = cm.IfIndex // without it the address means nothing
	}
	return reply.Marshal()
}

// lull is how long a socket that is drained must bring nothing to count as empty.
const lull = 10 * time.Millisecond

func (u *portableUDP) stop(ctx context.Context) {
	until := drainEnd(ctx)
	u.until.Store(until.UnixNano())
	u.allow(until)
}

// empty tells whether a socket that is drained is done with. On a busy machine the lull may have passed before anybody
// read: then there is another one.
func (u *portableUDP) empty(until time.Time) bool {
	if there, err := pending(u.conn, 0); !there || err != nil || !time.Now().Before(until) {
		return true
	}
	u.allow(until)
	return false
}

// allow lets the workers read until nothing comes for a lull, but not past until.
func (u *portableUDP) allow(until time.Time) {
	if lulled := time.Now().Add(lull); lulled.Before(until) {
		until = lulled
	}
	u.conn.SetReadDeadline(until)
}

// drainLimit bounds the draining of a UDP socket on which the flood does not end.
const drainLimit = 2 * time.Second

func drainEnd(ctx context.Context) time.Time {
	until := time.Now().Add(drainLimit)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		return d
	}
	return until
}
