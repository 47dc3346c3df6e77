package coverage

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/steer"
)

// inks is how many colours there are.
const inks = 12

// site is servers that stand together and share a colour.
type site struct {
	name    string
	servers []int // of Map.posts
	at      geo.Point
	located bool
	state   string // "up", "drained", "down": the best of its servers
	ink     int
}

// settle gathers the servers into sites.
func (m *Map) settle() {
	index := map[string]int{}
	m.home = make([]int, len(m.posts))
	for i, p := range m.posts {
		name := cmp.Or(p.Site, p.Name)
		key := p.Site + "\x00" + name
		at, known := index[key]
		if !known {
			at = len(m.sites)
			index[key] = at
			m.sites = append(m.sites, site{name: name, at: p.At, located: p.Located, state: "down"})
		}
		m.home[i] = at
		s := &m.sites[at]
		s.servers = append(s.servers, i)
		if !s.located && p.Located {
			s.at, s.located = p.At, true
		}
		if l := levelOf(p); rank(l) > rank(s.state) {
			s.state = l
		}
	}
}

// levelOf is a server's level as the map shows it.
//
//	up, pending        up
//	drained            drained
//	down, absent       down
func levelOf(p steer.Standpoint) string {
	switch p.Level {
	case "up", "pending":
		return "up"
	case "drained":
		return "drained"
	}
	return "down"
}

func rank(state string) int { return slices.Index([]string{"down", "drained", "up"}, state) }

// label is a site's name with the number of its servers, if that is not one.
func (s *site) label() string {
	if len(s.servers) == 1 {
		return s.name
	}
	return s.name + " ×" + strconv.Itoa(len(s.servers))
}

// neighbours is which sites serve what, on a coarse grid: those in a square and in the next one must differ.
type neighbours map[[2]int]map[int]bool

// coarse is the side of a square in degrees.
const coarse = 4

func (n neighbours) add(lat, lon float64, who int) {
	at := [2]int{int(math.Floor(lat / coarse)), int(math.Floor(lon / coarse))}
	if n[at] == nil {
		n[at] = map[int]bool{}
	}
	n[at][who] = true
}

// pairs are the sites next to each.
func (n neighbours) pairs(sites int) []map[int]bool {
	next := make([]map[int]bool, sites)
	for i := range next {
		next[i] = map[int]bool{}
	}
	for at, here := range n {
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				for a := range here {
					for b := range n[[2]int{at[0] + dy, wrap(at[1] + dx)}] {
						if a != b {
							next[a][b] = true
						}
					}
				}
			}
		}
	}
	return next
}

func wrap(col int) int {
	const cols = 360 / coarse
	return (col+cols/2+cols)%cols - cols/2
}

// colour gives the sites colours. Up to twelve have their own, by their place in the file, whatever happens to servers.
// Of more, those share one that are far from each other and not next to each other on this map.
func (m *Map) colour(near neighbours) {
	for i := range m.sites {
		m.sites[i].ink = i
	}
	if len(m.sites) <= inks {
		return
	}
	next := near.pairs(len(m.sites))
	for i := range m.sites {
		best, most := 0, -1.0
		for ink := range inks {
			if room := m.room(i, ink, next[i]); room > most {
				best, most = ink, room
			}
		}
		m.sites[i].ink = best
	}
}

// room is how far the nearest site before i is that has a colour, and next to nothing if their areas meet.
func (m *Map) room(i, ink int, next map[int]bool) float64 {
	room := math.Inf(1)
	for j := range m.sites[:i] {
		if m.sites[j].ink == ink {
			km := geo.DistanceKM(m.sites[i].at, m.sites[j].at)
			if next[j] {
				km /= 1e6
			}
			room = min(room, km)
		}
	}
	return room
}

// note says what the map does not show.
func (m *Map) note() {
	blind := 0
	for _, r := range m.pool.Rules {
		if slices.ContainsFunc(r.Tokens, func(t steer.Token) bool { return t.Kind == steer.Net || t.Kind == steer.ASN }) {
			blind++
		}
	}
	switch {
	case blind == 1:
		m.notes = append(m.notes, "1 rule by network or AS number is not drawn")
	case blind > 1:
		m.notes = append(m.notes, strconv.Itoa(blind)+" rules by network or AS number are not drawn")
	}
	if m.several {
		m.notes = append(m.notes, "where the servers of several sites are answered, the colour is that of the likeliest, or else of the nearest")
	}
	if m.pool.Each {
		m.notes = append(m.notes, "drawn for IPv4; IPv6 may differ")
	}
	if !m.live {
		m.notes = append(m.notes, "health is not known; every check counts as up")
	}
	switch n := len(m.down); {
	case n == 1:
		m.notes = append(m.notes, m.down[0]+" is assumed down")
	case n > 1 && n < 6:
		m.notes = append(m.notes, strings.Join(m.down, ", ")+" are assumed down")
	case n > 1:
		m.notes = append(m.notes, strconv.Itoa(n)+" servers are assumed down")
	}
}
