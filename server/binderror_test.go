package server

import (
	"errors"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

func TestInUse(t *testing.T) {
	at := netip.MustParseAddrPort
	host := []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7")}
	resolved := holder{addr: at("127.0.0.53:53"), name: "systemd-resolve", pid: 612}
	for _, tc := range []struct {
		name string
		addr string
		by   []holder
		want string
	}{
		{"nobody known", "0.0.0.0:53", nil, "; see which process holds it, stop that or listen elsewhere"},
		{"resolved", "0.0.0.0:53", []holder{resolved},
			" by systemd-resolve (pid 612) on 127.0.0.53:53; instead of every address, listen on those that clients use: " +
				"listen = [\"198.51.100.7:53\"]; or set DNSStubListener=no in /etc/systemd/resolved.conf and restart systemd-resolved"},
		{"resolved, not root", "0.0.0.0:53", []holder{{addr: at("127.0.0.54:53"), user: "systemd-resolve"}},
			" by a process of user systemd-resolve on 127.0.0.54:53 (root may see which); instead of every address, listen on those " +
				"that clients use: listen = [\"198.51.100.7:53\"]; or set DNSStubListener=no in /etc/systemd/resolved.conf and restart systemd-resolved"},
		{"another at an address", "[::]:53", []holder{{addr: at("[::1]:53"), name: "dnsmasq", pid: 9}},
			" by dnsmasq (pid 9) on [::1]:53; instead of every address, listen on those that clients use: listen = [\"[2001:db8::7]:53\"]"},
		{"two at the same", "192.0.2.1:53", []holder{{addr: at("192.0.2.1:53"), name: "nsd", pid: 4}, {addr: at("0.0.0.0:53"), name: "named", pid: 5}},
			" by nsd (pid 4) on 192.0.2.1:53, named (pid 5) on 0.0.0.0:53; stop that process or listen on another address or port"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := inUse(at(tc.addr), tc.by, host); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	if got := example(at("0.0.0.0:53"), nil); got != "listen = [\"ADDRESS:53\"]" {
		t.Errorf("without an address: %s", got)
	}
}

func TestExplain(t *testing.T) {
	privileged, high := netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.1:5300")
	for _, tc := range []struct {
		err  error
		want []string
	}{
		{newBindError("udp", privileged, syscall.EACCES),
			[]string{"listen udp 192.0.2.1:53: permission denied", "setcap cap_net_bind_service=+ep /", "AmbientCapabilities=CAP_NET_BIND_SERVICE"}},
		{newBindError("tcp", high, syscall.EACCES), []string{"listen tcp 192.0.2.1:5300: permission denied", "policy"}},
		{newBindError("tcp", high, syscall.EADDRNOTAVAIL), []string{"no interface of this machine has it", "network-online.target"}},
		{newBindError("tcp", high, syscall.ENOBUFS), []string{"listen tcp 192.0.2.1:5300: no buffer space available"}},
	} {
		err := explain(tc.err)
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q lacks %q", err, want)
			}
		}
		if !errors.Is(err, errors.Unwrap(tc.err)) {
			t.Errorf("%q has lost its cause", err)
		}
	}
	if explain(nil) != nil {
		t.Error("no error was explained")
	}
}
