package healthcheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// questionTypes are those that a check may ask for.
var questionTypes = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"NS": dnsmessage.TypeNS, "PTR": dnsmessage.TypePTR, "SOA": dnsmessage.TypeSOA, "SRV": dnsmessage.TypeSRV,
	"TXT": dnsmessage.TypeTXT,
}

// rcodes are those that an answer without EDNS can carry (RFC 1035, RFC 2136).
var rcodes = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}

func rcodeName(r dnsmessage.RCode) string {
	if int(r) < len(rcodes) {
		return rcodes[r]
	}
	return fmt.Sprintf("RCODE %d", r)
}

func (c Check) validateDNS() error {
	var errs []error
	if c.Query == "" {
		errs = append(errs, errors.New("query: a check of type dns needs a name to ask for"))
	} else if _, err := questionName(c.Query); err != nil {
		errs = append(errs, fmt.Errorf("query: %q is not a domain name", c.Query))
	}
	if _, ok := questionTypes[c.QueryType]; !ok {
		errs = append(errs, fmt.Errorf("query_type: %q is none of A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT", c.QueryType))
	}
	if !slices.Contains(rcodes, c.Rcode) {
		errs = append(errs, fmt.Errorf("rcode: %q is none of %s", c.Rcode, strings.Join(rcodes, ", ")))
	}
	if c.Network != "udp" && c.Network != "tcp" {
		errs = append(errs, fmt.Errorf("network: %q is neither udp nor tcp", c.Network))
	}
	if len(c.Answer) > maxExchange {
		errs = append(errs, fmt.Errorf("answer: %d bytes, at most %d", len(c.Answer), maxExchange))
	}
	return errors.Join(errs...)
}

func questionName(s string) (dnsmessage.Name, error) {
	n, err := dnsmessage.NewName(strings.TrimSuffix(s, ".") + ".")
	if err != nil {
		return n, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
	err = b.StartQuestions()
	return n, errors.Join(err, b.Question(dnsmessage.Question{Name: n, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}))
}

// dnsProbe asks one question.
type dnsProbe struct {
	net      *network
	target   Target
	question dnsmessage.Question
	wanted   string // the answer in the form that records are compared in
}

func newDNSProbe(n *network, t Target) *dnsProbe {
	name, _ := questionName(t.Check.Query) // it was validated
	return &dnsProbe{n, t, dnsmessage.Question{
		Name: name, Type: questionTypes[t.Check.QueryType], Class: dnsmessage.ClassINET,
	}, canonical(t.Check.Answer)}
}

// canonical is an answer as text without what does not count: case, the final dot,
// and how an address is written.
func canonical(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().String()
	}
	return strings.TrimSuffix(strings.ToLower(s), ".")
}

func (p *dnsProbe) run(ctx context.Context) error {
	id := uint16(rand.Uint32())
	query := dnsmessage.Message{
		Header: dnsmessage.Header{ID: id, RecursionDesired: true}, Questions: []dnsmessage.Question{p.question},
	}
	wire, err := query.Pack()
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	if p.target.Check.Network == "udp" {
		m, err := p.overUDP(ctx, wire)
		if err != nil || !m.Truncated {
			return errors.Join(err, p.judge(m))
		}
	}
	m, err := p.overTCP(ctx, wire)
	return errors.Join(err, p.judge(m))
}

// overUDP tries the target's addresses in turn.
func (p *dnsProbe) overUDP(ctx context.Context, wire []byte) (*dnsmessage.Message, error) {
	addrs := []netip.Addr{p.target.Addr}
	if p.target.Name != "" {
		var err error
		if addrs, err = p.net.addresses(ctx, p.target.Name); err != nil {
			return nil, fmt.Errorf("resolve %s: %w", p.target.Name, err)
		}
	}
	var failed error
	for i, addr := range addrs {
		m, err := p.datagram(ctx, addr.Unmap(), len(addrs)-i, wire)
		if err == nil {
			return m, nil
		}
		failed = graver(failed, err)
	}
	return nil, failed
}

// datagram sends the query and waits for the reply to it; what else arrives is not.
func (p *dnsProbe) datagram(ctx context.Context, addr netip.Addr, nth int, wire []byte) (*dnsmessage.Message, error) {
	s, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, p.target.Check.Port)))
	if err != nil {
		return nil, blame(fmt.Errorf("send: %w", cause(err)), addr, p.net.route)
	}
	defer s.Close()
	if err := s.SetDeadline(share(ctx, nth)); err != nil {
		return nil, fmt.Errorf("send: %w", cause(err))
	}
	stop := afterEnd(ctx, func() { _ = s.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := s.Write(wire); err != nil {
		return nil, blame(fmt.Errorf("send: %w", cause(err)), addr, p.net.route)
	}
	buf := make([]byte, 4096)
	for {
		n, err := s.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("response: %w", cause(err))
		}
		if m, err := p.reply(wire, buf[:n]); m != nil {
			return m, err
		}
	}
}

func (p *dnsProbe) overTCP(ctx context.Context, wire []byte) (*dnsmessage.Message, error) {
	c, err := p.net.connect(ctx, &p.target)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err := c.Write(framed); err != nil {
		return nil, fmt.Errorf("send: %w", cause(err))
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, fmt.Errorf("response: %w", cause(err))
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return nil, fmt.Errorf("response: %w", cause(err))
	}
	m, err := p.reply(wire, buf)
	if m == nil {
		return nil, errors.New("response: not to the question asked")
	}
	return m, err
}

// reply reads a message; nil: it is no reply to the query.
func (p *dnsProbe) reply(query, wire []byte) (*dnsmessage.Message, error) {
	m := &dnsmessage.Message{}
	var parser dnsmessage.Parser
	h, err := parser.Start(wire)
	if err != nil || !h.Response || h.ID != binary.BigEndian.Uint16(query) {
		return nil, nil
	}
	m.Header = h
	questions, err := parser.AllQuestions()
	if err != nil || len(questions) > 1 || len(questions) == 1 && !p.asked(questions[0]) {
		return nil, nil
	}
	if h.Truncated {
		return m, nil
	}
	if m.Answers, err = parser.AllAnswers(); err != nil {
		return m, fmt.Errorf("response: %w", err)
	}
	return m, nil
}

func (p *dnsProbe) asked(q dnsmessage.Question) bool {
	return q.Type == p.question.Type && q.Class == p.question.Class &&
		strings.EqualFold(q.Name.String(), p.question.Name.String())
}

// judge compares RCODE and answer; a nil message has been judged.
func (p *dnsProbe) judge(m *dnsmessage.Message) error {
	if m == nil {
		return nil
	}
	if got := rcodeName(m.RCode); got != p.target.Check.Rcode {
		return fmt.Errorf("rcode %s", got)
	}
	if p.wanted == "" {
		return nil
	}
	owners := p.owners(m.Answers)
	for i := range m.Answers {
		if !owners[canonical(m.Answers[i].Header.Name.String())] {
			continue
		}
		if canonical(recordText(m.Answers[i].Body)) == p.wanted {
			return nil
		}
	}
	return fmt.Errorf("answer: none of %d records is %.60q", len(m.Answers), p.target.Check.Answer)
}

const aliasLimit = 16 // of a chain

// owners are the names whose records answer the question: the one asked for, and where its aliases lead.
func (p *dnsProbe) owners(answers []dnsmessage.Resource) map[string]bool {
	owners := map[string]bool{canonical(p.question.Name.String()): true}
	for known := 0; known < len(owners) && known < aliasLimit; { // in whatever order aliases stand
		known = len(owners)
		for i := range answers {
			alias, ok := answers[i].Body.(*dnsmessage.CNAMEResource)
			if ok && owners[canonical(answers[i].Header.Name.String())] {
				owners[canonical(alias.CNAME.String())] = true
			}
		}
	}
	return owners
}

// recordText is the RDATA of a record in presentation form, a TXT record's strings
// as one without quotes.
func recordText(body dnsmessage.ResourceBody) string {
	switch r := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(r.A).String()
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(r.AAAA).String()
	case *dnsmessage.CNAMEResource:
		return r.CNAME.String()
	case *dnsmessage.NSResource:
		return r.NS.String()
	case *dnsmessage.PTRResource:
		return r.PTR.String()
	case *dnsmessage.MXResource:
		return fmt.Sprintf("%d %s", r.Pref, r.MX)
	case *dnsmessage.SRVResource:
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, r.Target)
	case *dnsmessage.SOAResource:
		return fmt.Sprint(r.Serial)
	case *dnsmessage.TXTResource:
		return strings.Join(r.TXT, "")
	}
	return ""
}
