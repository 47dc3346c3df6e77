package steer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// pickText says in words what a decision takes from whom.
func (p *pool) pickText(d *decision) string {
	var who string
	switch {
	case d.kind == NoData:
		return `nobody: all down, all_down = "nodata"`
	case d.kind == ServFail:
		return `nobody: all down, all_down = "servfail"`
	case d.fallback:
		who = "all down: of the fallback servers "
	case d.allDown:
		who = "all down: of the nearest tier, as if it were up, "
	case d.least == pending:
		who = "nothing healthy but servers without a success yet: "
	}
	switch p.Pick {
	case Weighted:
		return fmt.Sprintf("%sweighted: %d drawn for each query", who, p.limit())
	case Sticky:
		return fmt.Sprintf("%ssticky: %d by hash of the client's block", who, p.limit())
	case First:
		return fmt.Sprintf("%sfirst: %d", who, p.limit())
	}
	return fmt.Sprintf("%sall: at most %d addresses", who, p.limit())
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
