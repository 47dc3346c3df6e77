package config

import (
	"fmt"
	"net/netip"
)

// Server is a machine that answers point at. It has either addresses or a CNAME target.
type Server struct {
	Name string
	Site string // its own name if it has no label
	// City is to be looked up; empty if coordinates or nothing were given. AtPos is "file:line: key.path" of either.
	City     string
	Lat, Lon float64 // degrees, only if Located
	Located  bool    // coordinates were given
	AtPos    string
	IP       []netip.Addr // no two alike in all servers; no mapped, zoned, multicast or unspecified ones
	CNAME    string       // absolute, lower case: "cdn.example.net."
	Weight   int          // 0 to 65535
	Watch    Watch        // in place of those of its pools, if it has any
}

// located reports whether something is said of where the server stands.
func (s *Server) located() bool { return s.Located || s.City != "" }

// carries reports whether the server has addresses of IPv4 and of IPv6.
func (s *Server) carries() (v4, v6 bool) {
	for _, a := range s.IP {
		v4 = v4 || a.Is4()
		v6 = v6 || a.Is6()
	}
	return v4, v6
}

const (
	maxWeight    = 65535
	maxAddresses = 32 // of one server
)

// servers reads [servers] in the order of the file.
func (r *report) servers(n *node) []Server {
	var servers []Server
	owners := make(map[netip.Addr]string)
	for _, kid := range r.section(n).node.order {
		s := r.server(kid)
		for _, a := range s.IP {
			if owner, ok := owners[a]; ok {
				r.at(kid.kids["ip"], "%s is already an address of server %q", a, owner)
			}
			owners[a] = s.Name
		}
		servers = append(servers, s)
	}
	return servers
}

func (r *report) server(n *node) Server {
	r.label(n)
	t := r.section(n)
	s := Server{Name: n.key, Site: t.text("site", n.key), AtPos: r.pos(n)}
	if !label(s.Site) && label(n.key) {
		r.at(t.node.kids["site"], "a site is named with 1 to 63 lower-case letters, digits, %q and %q", "-", "_")
	}
	if at := t.get("at"); at != nil {
		r.place(at, &s)
	}
	s.IP = t.addresses("ip")
	s.CNAME = t.target("cname")
	s.Weight = t.integer("weight", 1, 0, maxWeight)
	t.get("check") // read when the checks are known
	t.get("checks_needed")
	_, ip := t.node.kids["ip"]
	_, cname := t.node.kids["cname"]
	switch _, isTable := n.value.(map[string]any); {
	case ip && cname:
		r.at(n, "has both ip and cname; a server is one or the other")
	case !ip && !cname && isTable:
		r.at(n, "has neither ip nor cname")
	}
	t.close()
	return s
}

// place reads where a server stands: a city, or latitude and longitude.
func (r *report) place(n *node, s *Server) {
	s.AtPos = r.pos(n)
	if city, ok := n.value.(string); ok {
		if s.City = city; city == "" {
			r.at(n, "is empty; leave the key out instead")
		}
		return
	}
	list, ok := n.value.([]any)
	if !ok || len(list) != 2 {
		r.at(n, `expected a city such as "Paris" or [latitude, longitude], found %s`, placeFound(n.value))
		return
	}
	lat, ok1 := number(list[0])
	lon, ok2 := number(list[1])
	switch {
	case !ok1 || !ok2:
		r.at(n, "expected two numbers, [latitude, longitude]")
	case !(lat >= -90 && lat <= 90): // NaN too
		r.at(n, "latitude must be from -90 to 90, not %v", lat)
	case !(lon >= -180 && lon <= 180):
		r.at(n, "longitude must be from -180 to 180, not %v", lon)
	}
	s.Lat, s.Lon, s.Located = lat, lon, true
}

func placeFound(value any) string {
	if list, ok := value.([]any); ok {
		return fmt.Sprintf("a list of %d", len(list))
	}
	return kind(value)
}

// addresses reads the addresses of a server.
func (t *table) addresses(key string) []netip.Addr {
	words := t.texts(key)
	n := t.node.kids[key]
	if words != nil && (len(words) == 0 || len(words) > maxAddresses) {
		t.at(n, "holds %d addresses; a server has 1 to %d", len(words), maxAddresses)
	}
	var addrs []netip.Addr
	for _, s := range words {
		a, err := parseAddress(s)
		if err != nil {
			t.at(n, "%v", err)
			continue
		}
		addrs = append(addrs, a)
	}
	return addrs
}

// parseAddress reads an address that an A or AAAA record may hold.
func parseAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && isAddrPort(s):
		return a, fmt.Errorf("%q has a port; an address record has none, the port to probe belongs in the check", s)
	case err != nil:
		return a, fmt.Errorf("%q is not an IP address", s)
	case a.Zone() != "":
		return a, fmt.Errorf("%q has a zone, which no record can hold", s)
	case a.Is4In6():
		return a, fmt.Errorf("%q is an IPv4-mapped address; write %q", s, a.Unmap())
	case a.IsUnspecified():
		return a, fmt.Errorf("%q is the unspecified address", s)
	case a.IsMulticast() || a == broadcast():
		return a, fmt.Errorf("%q is not the address of one host", s)
	}
	return a, nil
}

func isAddrPort(s string) bool {
	_, err := netip.ParseAddrPort(s)
	return err == nil
}

// target reads a CNAME target and returns it absolute.
func (t *table) target(key string) string {
	s := t.text(key, "")
	if s == "" {
		return ""
	}
	name, err := hostName(s)
	if err != nil {
		t.at(t.node.kids[key], "%v", err)
		return ""
	}
	return name + "."
}
