package e2e

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

// TestClients asks for the same record with the clients people debug with,
// over UDP and TCP, IPv4 and IPv6.
func TestClients(t *testing.T) {
	_, port, _ := net.SplitHostPort(startMeridian(t, peersZones))
	clients := []struct {
		name     string
		udp, tcp []string
	}{
		{"dig", []string{"+notcp", "+norecurse"}, []string{"+tcp", "+norecurse"}},
		{"kdig", []string{"+notcp"}, []string{"+tcp"}},
		{"drill", []string{"-u"}, []string{"-t"}},
	}
	for _, c := range clients {
		for _, server := range []string{"127.0.0.1", "::1"} {
			for transport, flags := range map[string][]string{"udp": c.udp, "tcp": c.tcp} {
				t.Run(c.name+"/"+transport+"/"+server, func(t *testing.T) {
					args := append([]string{"-p", port, "@" + server, "www.example.com", "AAAA"}, flags...)
					out, err := exec.Command(need(t, c.name), args...).CombinedOutput()
					text := strings.ToLower(string(out))
					if err != nil || !strings.Contains(text, "noerror") || !strings.Contains(text, "2001:db8::80") {
						t.Errorf("%s %s: %v\n%s", c.name, strings.Join(args, " "), err, out)
					}
					if strings.Contains(text, "warning") || strings.Contains(text, "malformed") {
						t.Errorf("%s complains:\n%s", c.name, out)
					}
				})
			}
		}
	}
}

// TestDigOptions asks as people do who check a nameserver: each line is a
// command line of dig and what its output must hold.
func TestDigOptions(t *testing.T) {
	dig := need(t, "dig")
	_, port, _ := net.SplitHostPort(startMeridian(t, peersZones))
	cases := []struct{ args, want string }{
		{"big.example.com TXT +notcp +ignore", "flags: qr aa tc"},
		{"big.example.com TXT", "answer: 7"},
		{"big.example.com TXT +noedns +notcp +ignore", "flags: qr aa tc"},
		{"www.example.com A +subnet=192.0.2.0/24", "client-subnet: 192.0.2.0/24/0"},
		{"www.example.com A +subnet=2001:db8::/56", "client-subnet: 2001:db8::/56/0"},
		{"www.example.com A +subnet=0", "status: noerror"},
		{"www.example.com A +edns=1 +noednsneg", "status: badvers"},
		{"www.example.com A +dnssec", "flags: do"},
		{"www.example.com A +cdflag", "flags: qr aa;"},
		{"www.example.com A +opcode=status", "status: notimp"},
		{"www.example.com A +cookie=0011223344556677", "(good)"},
		{"www.example.com A +ednsopt=65001:abcd", "status: noerror"},
		{"www.example.com A +keepalive +tcp", "status: noerror"},
		{"WwW.ExAmPlE.cOm A", ";WwW.ExAmPlE.cOm."},
		{"outside.test A", "status: refused"},
		{"example.com AXFR +tcp", "transfer failed"},
		{"version.bind CH TXT", "status: refused"},
		{"www.example.com TYPE65380", "answer: 0"},
		{"www.example.com TYPE0", "status: noerror"},
		{"+header-only +cookie=0011223344556677", "status: noerror"},
		{"+header-only +nocookie", "status: formerr"},
	}
	for _, c := range cases {
		args := append([]string{"-p", port, "@127.0.0.1", "+tries=1", "+time=3", "+norecurse"}, strings.Fields(c.args)...)
		out, _ := exec.Command(dig, args...).CombinedOutput()
		if !strings.Contains(strings.ToLower(string(out)), strings.ToLower(c.want)) {
			t.Errorf("dig %s: no %q in\n%s", c.args, c.want, out)
		}
	}
}
