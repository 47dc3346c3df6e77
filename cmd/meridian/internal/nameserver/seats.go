package nameserver

import (
	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/steer"
)

// seat is a server in a pool, its fallback servers included.
type seat struct{ pool, server string }

// seats numbers those that answers are counted for. A seat keeps its number in every later plan, also while no pool has
// it, so that counts never go back.
type seats map[seat]uint32

// numberServers gives every server of the plan's pools its number.
func (p *Plan) numberServers(prev *Plan) {
	p.seats = seats{}
	if prev != nil {
		for s, number := range prev.seats {
			p.seats[s] = number
		}
	}
	for i := range p.Pools {
		pool := &p.Pools[i]
		for _, servers := range [][]steer.Server{pool.Servers, pool.Fallback} {
			for j := range servers {
				s := seat{pool.Name, servers[j].Name}
				if _, known := p.seats[s]; !known {
					p.seats[s] = uint32(len(p.seats))
				}
				servers[j].Number = p.seats[s]
			}
		}
	}
}

// tellAnswers puts into the list of all pools what each server was answered; counts is by steer.Server.Number.
func (s *standing) tellAnswers(list []admin.Pool, counts []uint64) {
	for i := range list {
		list[i].Answers = answers(&s.plan.Pools[i], counts)
	}
}

// answers says of every server of a pool in how many answers it stood.
func answers(p *steer.Pool, counts []uint64) []admin.Answers {
	list, sum := []admin.Answers{}, uint64(0)
	for _, servers := range [][]steer.Server{p.Servers, p.Fallback} {
		for i := range servers {
			a := admin.Answers{Server: servers[i].Name}
			if n := servers[i].Number; int(n) < len(counts) {
				a.Answers = counts[n]
			}
			sum += a.Answers
			list = append(list, a)
		}
	}
	for i := range list {
		if sum > 0 {
			list[i].Share = float64(list[i].Answers) / float64(sum)
		}
	}
	return list
}
