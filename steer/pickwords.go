package steer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// pickText says in words who serves and what is taken of them. tier is the number of the serving tier, fit how
// many of its servers may be picked.
func (p *pool) pickText(d *decision, tier, fit int) string {
	switch {
	case d.kind == NoData:
		return `nobody: all are down, all_down = "nodata"`
	case d.kind == ServFail:
		return `nobody: all are down, all_down = "servfail"`
	}
	return p.whyText(d, tier, fit) + ": " + p.howText()
}

// whyText is the truth table of serve and decide in words.
func (p *pool) whyText(d *decision, tier, fit int) string {
	need, healthy, unless := max(p.MinUp, 1), "healthy", ""
	if d.least == pending {
		healthy, unless = "new", ", as none is healthy"
	}
	switch {
	case d.fallback:
		return "the fallback, as all are down"
	case d.allDown:
		return fmt.Sprintf("tier %d as if it were up, as all are down", tier)
	case need == 1:
		return fmt.Sprintf("tier %d, the first with a %s server%s", tier, healthy, unless)
	case fit >= need:
		return fmt.Sprintf("tier %d, the first with %d %s servers%s", tier, need, healthy, unless)
	}
	return fmt.Sprintf("tier %d, the first with a %s server, as none has %d%s", tier, healthy, need, unless)
}

func (p *pool) howText() string {
	switch p.Pick {
	case Weighted:
		return fmt.Sprintf("%d drawn by weight for each query", p.limit())
	case Sticky:
		return fmt.Sprintf("%d by hash of the client's block", p.limit())
	case First:
		return fmt.Sprintf("the first %d, later tiers included", p.limit())
	}
	return fmt.Sprintf("all, at most %d addresses", p.limit())
}

// answerText spells out the records of a choice.
func answerText(c Choice) []string {
	if c.Kind == Alias {
		return []string{"CNAME " + presentation(c.Alias)}
	}
	var out []string
	for _, part := range c.Parts[:c.N] {
		out = append(out, addressesIn(part)...)
	}
	return out
}

// addressesIn reads what wireRecord wrote.
func addressesIn(wire []byte) []string {
	var out []string
	for len(wire) >= 12 {
		n := 12 + int(binary.BigEndian.Uint16(wire[10:]))
		if a, ok := netip.AddrFromSlice(wire[12:n]); ok {
			out = append(out, a.String())
		}
		wire = wire[n:]
	}
	return out
}

// shares says how likely each server is drawn first.
func (c *crewList) shares(picked []uint16) []string {
	var total float64
	for _, s := range picked {
		total += float64(max(c.members[s].weight, 1))
	}
	var out []string
	for _, s := range picked {
		share := 100 * float64(max(c.members[s].weight, 1)) / total
		out = append(out, fmt.Sprintf("%s %.0f %%", c.servers[s].Name, share))
	}
	return out
}

// plain gives a name as answers show it, with the fewest escapes.
func plain(name string) string {
	wire, err := wireName(name)
	if err != nil {
		return name
	}
	return presentation(wire)
}

// presentation turns a name in wire form into text (RFC 1035 section 5.1).
func presentation(wire []byte) string {
	var b strings.Builder
	for len(wire) > 1 {
		n := 1 + int(wire[0])
		for _, c := range wire[1:n] {
			switch {
			case c == '.' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c <= ' ' || c > '~':
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
		wire = wire[n:]
	}
	if b.Len() == 0 {
		return "."
	}
	return b.String()
}
