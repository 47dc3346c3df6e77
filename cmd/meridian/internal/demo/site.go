package demo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// site is a small web server that answers point at. It can be stopped and started.
type site struct {
	name string // of the server in the configuration
	city string
	addr netip.AddrPort
	http *http.Server // nil while stopped
}

// openSites starts the web servers on the first port, from the usual one on, that is free for all of them.
func openSites(sites []*site) (port int, err error) {
	for port = webPort; port < webPort+100; port++ {
		if err = startAll(sites, port); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return 0, fmt.Errorf("demo: this system has no 127.0.1.1, 127.0.2.1 and 127.0.3.1; add them for a while: "+
			"for n in 1 2 3; do sudo ifconfig lo0 alias 127.0.$n.1; done (%w)", err)
	}
	return port, err
}

func startAll(sites []*site, port int) error {
	for i, s := range sites {
		s.addr = netip.AddrPortFrom(s.addr.Addr(), uint16(port))
		if err := s.start(); err != nil {
			for _, s := range sites[:i] {
				s.stop()
			}
			return err
		}
	}
	return nil
}

func (s *site) running() bool { return s.http != nil }

func (s *site) start() error {
	l, err := net.Listen("tcp4", s.addr.String())
	if err != nil {
		return fmt.Errorf("demo: web server %s: %w", s.name, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "This is %s, in %s, on %s.\n", s.name, s.city, s.addr)
	})
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	s.http = &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	go s.http.Serve(l)
	return nil
}

// stop is as sudden as a machine that dies: connections are cut.
func (s *site) stop() {
	if s.http != nil {
		s.http.Close()
		s.http = nil
	}
}

// freePort finds a port on 127.0.0.1, from the usual one on, that is free for UDP and TCP.
func freePort() (int, error) {
	var err error
	for port := dnsPort; port < dnsPort+100; port++ {
		if err = bindable(port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("demo: no free port from %d on: %w", dnsPort, err)
}

// freePagePort finds one for the status page.
func freePagePort() (int, error) {
	var err error
	for port := pagePort; port < pagePort+100; port++ {
		var l net.Listener
		if l, err = net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("demo: no free port for the status page from %d on: %w", pagePort, err)
}

func bindable(port int) error {
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String()
	u, err := net.ListenPacket("udp4", addr)
	if err != nil {
		return err
	}
	defer u.Close()
	t, err := net.Listen("tcp4", addr)
	if err != nil {
		return err
	}
	return t.Close()
}
