package demo

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// answer is what the nameserver tells a client.
type answer struct {
	addr  netip.Addr // the first; invalid: there is none
	ttl   uint32
	scope uint8
}

// asker asks over UDP. Not safe for concurrent use.
type asker struct {
	conn *net.UDPConn
	name string
	id   uint16
}

func newAsker(server netip.AddrPort, name string) (*asker, error) {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return &asker{conn: conn, name: name}, nil
}

const (
	window  = 32 // queries under way
	tries   = 3
	patient = 500 * time.Millisecond
)

// ask asks for every client and returns their answers, the zero answer for those that got none.
func (a *asker) ask(clients []netip.Prefix) []answer {
	answers := make([]answer, len(clients))
	for len(clients) > 0 {
		n := min(window, len(clients))
		a.batch(clients[:n], answers[len(answers)-len(clients):])
		clients = clients[n:]
	}
	return answers
}

// batch sends one window of queries and waits for what comes back; what is lost is asked again.
func (a *asker) batch(clients []netip.Prefix, answers []answer) {
	waiting := make(map[uint16]int, len(clients))
	for i := range clients {
		a.id++
		waiting[a.id] = i
	}
	for range tries {
		for id, i := range waiting {
			if query, err := a.query(id, clients[i]).Pack(); err == nil {
				_, _ = a.conn.Write(query) // a lost query is asked again
			}
		}
		if a.receive(waiting, answers) == nil {
			return
		}
	}
}

func (a *asker) receive(waiting map[uint16]int, answers []answer) error {
	_ = a.conn.SetReadDeadline(time.Now().Add(patient))
	buf := make([]byte, dns.DefaultMsgSize)
	for len(waiting) > 0 {
		n, err := a.conn.Read(buf)
		if err != nil {
			return err
		}
		m := new(dns.Msg)
		i, wanted := 0, false
		if m.Unpack(buf[:n]) == nil {
			i, wanted = waiting[m.Id]
		}
		if wanted {
			answers[i] = read(m)
			delete(waiting, m.Id)
		}
	}
	return nil
}

// query asks for the addresses of the name on behalf of a client (RFC 7871).
func (a *asker) query(id uint16, client netip.Prefix) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(a.name, dns.TypeA)
	m.Id, m.RecursionDesired = id, false
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(client.Bits()), Address: client.Addr().AsSlice(),
	})
	return m
}

func read(m *dns.Msg) answer {
	var out answer
	for _, rr := range m.Answer {
		if a, ok := rr.(*dns.A); ok && !out.addr.IsValid() {
			out.addr, _ = netip.AddrFromSlice(a.A.To4())
			out.ttl = a.Hdr.Ttl
		}
	}
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if s, ok := o.(*dns.EDNS0_SUBNET); ok {
				out.scope = s.SourceScope
			}
		}
	}
	return out
}

func (a *asker) close() { a.conn.Close() }
