package server

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"
)

func TestServfail(t *testing.T) {
	with := func(change func(m *dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion("WwW.example.", dns.TypeA)
		m.Id = 0xabcd
		change(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plain := with(func(*dns.Msg) {})
	for _, tc := range []struct {
		name     string
		query    []byte
		question bool
		opt, do  bool
		rd       bool
		opcode   int
		nothing  bool
	}{
		{name: "plain", query: plain, question: true, rd: true},
		{name: "edns", query: with(func(m *dns.Msg) { m.SetEdns0(4096, false) }), question: true, rd: true, opt: true},
		{name: "dnssec", query: with(func(m *dns.Msg) { m.SetEdns0(512, true) }), question: true, rd: true, opt: true, do: true},
		{name: "no question", query: with(func(m *dns.Msg) { m.Question = nil }), rd: true},
		{name: "two questions", query: with(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), rd: true},
		{name: "notify", query: with(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), question: true, opcode: dns.OpcodeNotify},
		{name: "cut in the question", query: plain[:len(plain)-1], rd: true},
		{name: "cut in the name", query: plain[:14], rd: true},
		{name: "pointer for a name", query: append(plain[:12:12], 0xc0, 12, 0, 1, 0, 1), rd: true},
		{name: "response", query: with(func(m *dns.Msg) { m.Response = true }), nothing: true},
		{name: "short", query: plain[:11], nothing: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dst := bytes.Repeat([]byte{0xee}, 512)
			n := servfail(dst, tc.query)
			if tc.nothing {
				if n != 0 {
					t.Fatalf("%d octets, want none", n)
				}
				return
			}
			var m dns.Msg
			if err := m.Unpack(dst[:n]); err != nil {
				t.Fatal(err)
			}
			if m.Id != 0xabcd || !m.Response || m.Rcode != dns.RcodeServerFailure || m.Opcode != tc.opcode ||
				m.RecursionDesired != tc.rd || m.Authoritative || m.RecursionAvailable || m.AuthenticatedData {
				t.Errorf("header %+v", m.MsgHdr)
			}
			if got := len(m.Question) == 1 && m.Question[0].Name == "WwW.example."; got != tc.question {
				t.Errorf("question %v", m.Question)
			}
			opt := m.IsEdns0()
			if (opt != nil) != tc.opt || opt != nil && (opt.Do() != tc.do || opt.UDPSize() != answerSize || opt.Version() != 0) {
				t.Errorf("OPT %v", opt)
			}
		})
	}
}

func FuzzServfail(f *testing.F) {
	f.Add(question(1, "www"))
	f.Add(append(question(1, "www"), 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0))
	f.Add([]byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63})
	f.Fuzz(func(t *testing.T, query []byte) {
		dst := make([]byte, 512)
		n := servfail(dst, query)
		if n == 0 {
			return
		}
		var m dns.Msg
		if err := m.Unpack(dst[:n]); err != nil {
			t.Fatalf("%x: %v", dst[:n], err)
		}
		if m.Rcode != dns.RcodeServerFailure || !m.Response || len(m.Question) > 1 {
			t.Fatalf("%v", &m)
		}
	})
}
