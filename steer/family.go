package steer

import "fmt"

// The types of answers. A and AAAA are the families 0 and 1.
const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
)

var familyType = [2]string{"A", "AAAA"}

// types says which types exist at a pool.
type types struct {
	has   [2]bool
	alias bool // nothing but CNAME: every type is answered with one
}

// typesOf decides by the servers alone, so that no client, rule or check makes a type come and go.
//
//	address servers            families = "common"       families = "each"
//	none, in fallback neither  CNAME for every type      CNAME for every type
//	some                       the types all of them     the types any of them
//	                           carry                     carries
//
// Those are the pool's own; only if it has none, those of the fallback. CNAME servers stand beside address
// servers as if they carried the types that exist; for all other types there is no data, CNAME included.
func typesOf(p *Pool) types {
	carriers := p.addressServers()
	t := types{has: [2]bool{!p.Each, !p.Each}, alias: len(carriers) == 0}
	if t.alias {
		return types{alias: true}
	}
	for _, s := range carriers {
		for f := range t.has {
			if s.serves(f) == p.Each {
				t.has[f] = p.Each
			}
		}
	}
	return t
}

// addressServers returns the servers whose addresses decide which types exist.
func (p *Pool) addressServers() []*Server {
	lists := [][]Server{p.Servers}
	if p.AllDown == UseFallback {
		lists = append(lists, p.Fallback)
	}
	for _, servers := range lists {
		var with []*Server
		for i := range servers {
			if servers[i].CNAME == "" {
				with = append(with, &servers[i])
			}
		}
		if len(with) > 0 {
			return with
		}
	}
	return nil
}

// serves says whether a server can answer in a family; a CNAME can in any.
func (s *Server) serves(family int) bool {
	for _, a := range s.Addrs {
		if family == familyOf(a) {
			return true
		}
	}
	return s.CNAME != ""
}

func familyOf(a Address) int {
	if a.Addr.Is4() {
		return 0
	}
	return 1
}

// info is what zones and resolver may know of a pool.
func (p *Pool) info() Info {
	t := typesOf(p)
	i := Info{A: t.has[0], AAAA: t.has[1], OnlyCNAME: t.alias, CNAME: anyAlias(p.Servers), NoData: p.AllDown == DenyData}
	if p.AllDown == UseFallback {
		i.CNAME = i.CNAME || anyAlias(p.Fallback)
	}
	return i
}

func anyAlias(servers []Server) bool {
	for i := range servers {
		if servers[i].CNAME != "" {
			return true
		}
	}
	return false
}

// info is what zones and resolver may know of a pinned server.
func (s *Server) info() Info {
	alias := s.CNAME != ""
	return Info{A: !alias && s.serves(0), AAAA: !alias && s.serves(1), CNAME: alias, OnlyCNAME: alias}
}

// Hints says what a pool's author may not expect, one sentence each.
func (p *Pool) Hints() []string {
	var hints []string
	t := typesOf(p)
	for f, name := range familyType {
		var without string
		carried := 0
		for _, s := range p.addressServers() {
			if s.serves(f) {
				carried++
			} else if without == "" {
				without = s.Name
			}
		}
		if !t.has[f] && carried > 0 {
			hints = append(hints, fmt.Sprintf("%s is withheld because server %s has no such address;"+
				" families = \"each\" serves it from the %d that have", name, without, carried))
		}
		if t.has[f] && p.AllDown == UseFallback && !anyServes(p.Fallback, f) {
			hints = append(hints, fmt.Sprintf("no fallback server has %s; when all servers are down"+
				" it is answered with those that are down", name))
		}
	}
	return hints
}

func anyServes(servers []Server, family int) bool {
	for i := range servers {
		if servers[i].serves(family) {
			return true
		}
	}
	return false
}
