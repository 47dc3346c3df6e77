package steer

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

const (
	maxLine  = 255 // a character-string (RFC 1035 section 3.3)
	maxTiers = 24  // lines of servers; more would not fit a reply
)

// page is lines with a label in front.
type page []string

func (p *page) line(label, format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf("%-9s", label)+fmt.Sprintf(format, args...), " ")
	if len(text) > maxLine {
		n := maxLine - len("...")
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "..."
	}
	*p = append(*p, text)
}

// Lines gives the explanation as text for a person, each line at most 255 bytes. record is the TTL of the GEO
// record, in seconds.
func (e Explanation) Lines(record uint32) []string {
	var p page
	p.line("pool", "%s, type %s", e.Ref, typeText(e.Type))
	if !e.HealthKnown {
		p.line("health", "not known; every check counts as up")
	}
	switch {
	case e.Pinned:
		p.servers("server", e.wide(), e.Spare)
	case e.Pick == "":
		p.line("answer", "NODATA for every client: the pool does not serve this type; scope 0")
		return p
	default:
		e.client(&p)
		e.ranking(&p)
	}
	e.answer(&p, record)
	return p
}

func (e *Explanation) client(p *page) {
	if e.Client.subnet() {
		p.line("client", "%s/%d, the client subnet; resolver %s", e.Client.Subnet, e.Client.Source, e.Client.Resolver)
	} else {
		p.line("client", "%s, the resolver's address", e.Client.Resolver)
	}
	for _, n := range e.Notes {
		p.line("", "%s", n)
	}
	p.line("place", "%s", e.placeText())
	if e.Mixed {
		p.line("", "its block holds several places; most of its addresses have this ranking")
	}
	switch {
	case !e.Ruled:
		p.line("rule", "none matches: all servers, ordered")
	case e.Group != "":
		p.line("rule", "%q, by %s of group:%s%s", e.Rule, e.Token, e.Group, fenceText(e.Fence))
	default:
		p.line("rule", "%q, by %s%s", e.Rule, e.Token, fenceText(e.Fence))
	}
}

func fenceText(fence bool) string {
	if fence {
		return ", fenced: no other server"
	}
	return ""
}

// placeText says what is known, the most telling first.
func (e *Explanation) placeText() string {
	pl, l := &e.Place, &e.Location
	if *pl == (geo.Place{}) && l.Place == (geo.Place{}) {
		return "unknown"
	}
	if pl.Special {
		return "special-purpose space a rule names"
	}
	var words []string
	for _, w := range []string{l.City, l.Region, pl.Subdivision.String(), pl.Country.String(), pl.Continent.String()} {
		if w != "" {
			words = append(words, w)
		}
	}
	if pl.Located {
		about := ""
		if l.Approximate {
			about = "about "
		}
		words = append(words, fmt.Sprintf("at %s%.2f %.2f", about, pl.Lat, pl.Lon))
	}
	if l.ASN != 0 {
		words = append(words, fmt.Sprintf("AS%d", l.ASN))
	}
	if l.Network.IsValid() {
		words = append(words, "network "+l.Network.String())
	}
	if len(words) == 0 {
		return "unknown"
	}
	return strings.Join(words, ", ")
}

// ranking writes a line per server; of a long ranking the head and what serves.
func (e *Explanation) ranking(p *page) {
	left, skipped, wide := maxTiers, 0, e.wide()
	for i, t := range e.Tiers {
		if len(t.Servers) > left && !t.Serving {
			skipped += len(t.Servers)
			continue
		}
		shown := t.Servers[:min(len(t.Servers), max(left, maxTiers/2))]
		skipped += len(t.Servers) - len(shown)
		left -= len(shown)
		p.servers(fmt.Sprintf("tier %d", i+1), wide, shown)
	}
	if skipped > 0 {
		p.line("", "and %d more servers", skipped)
	}
	if len(e.Spare) > 0 {
		p.servers("fallback", wide, e.Spare)
	}
}

// servers writes a line per server: name, distance, addresses with their states. A star marks what is in the
// answer.
func (p *page) servers(label string, wide int, servers []Standing) {
	for _, s := range servers {
		far, mark := "", " "
		if s.Measured {
			far = fmt.Sprintf("%.0f km", s.KM)
		}
		if s.Picked {
			mark = "*"
		}
		p.line(label, "%s %-*s %9s  %s", mark, wide, s.Name, far, s.stateText())
	}
}

// wide returns the length of the longest name, in characters.
func (e *Explanation) wide() int {
	n := 0
	see := func(servers []Standing) {
		for _, s := range servers {
			n = max(n, utf8.RuneCountInString(s.Name))
		}
	}
	see(e.Spare)
	for _, t := range e.Tiers {
		see(t.Servers)
	}
	return n
}

func (s *Standing) stateText() string {
	var states []string
	for _, a := range s.Addresses {
		states = append(states, a.Name+" "+a.stateText())
	}
	if len(states) == 0 {
		return "no address of this type"
	}
	return s.Duty.text() + strings.Join(states, "; ")
}

// text says what an operator made of a server, in front of what its checks say.
func (d *Duty) text() string {
	words := ""
	if d.Drained {
		words = "drained"
	}
	if d.Force != Auto {
		words += [...]string{"", ", forced up", ", forced down"}[d.Force]
	}
	if words = strings.TrimPrefix(words, ", "); words == "" {
		return ""
	}
	if d.Why != "" {
		words += " (" + d.Why + ")"
	}
	return words + "; "
}

func (v *Vitals) stateText() string {
	if !v.Checked {
		return "up, no check"
	}
	st := &v.State
	switch st.Status {
	case healthcheck.Unknown:
		return "not probed yet, counts as up"
	case healthcheck.Pending:
		return "pending: no success since it was added" + reason(st)
	case healthcheck.Unprobed:
		return "not probed, no route to this family here: as the other family"
	}
	text := st.Status.String()
	if !st.Since.IsZero() {
		text += " since " + st.Since.UTC().Format(time.RFC3339)
	}
	text += reason(st)
	if st.Needed > 0 {
		text += fmt.Sprintf(", %d in a row against it, %d more to flip", st.Streak, st.Needed)
	}
	return text
}

func reason(st *healthcheck.State) string {
	if st.LastError == "" {
		return ""
	}
	return " (" + st.LastError + ")"
}

func (e *Explanation) answer(p *page, record uint32) {
	p.line("serves", "%s", e.Pick)
	switch e.Choice.Kind {
	case NoData:
		p.line("answer", "NODATA; scope 0")
	case ServFail:
		p.line("answer", "SERVFAIL; scope 0")
	default:
		p.line("answer", "%s", strings.Join(e.Answer, ", "))
		p.line("scope", "%s", e.scopeText())
	}
	p.line("ttl", "%d s: %s", e.Choice.TTL(record), e.ttlText(record))
}

func (e *Explanation) scopeText() string {
	switch {
	case e.Pinned:
		return "0: the same for every client"
	case !e.Client.subnet():
		return "none: no client subnet"
	case !e.Scope.IsValid():
		return "0: every client has this ranking"
	}
	return fmt.Sprintf("%d: good for all of %s", e.Choice.Scope, e.Scope)
}

func (e *Explanation) ttlText(record uint32) string {
	switch {
	case e.AllDown:
		return "ttl_min, as all servers of the ranking are down"
	case e.Pinned:
		return "the record's own"
	case e.Choice.Cap > 0:
		least := (&Choice{AllDown: true, TTLMin: e.Choice.TTLMin}).TTL(record)
		return fmt.Sprintf("the record's own %d s, at most %d s while a check is unsettled (%s), but not below ttl_min, %d s",
			record, e.Choice.Cap, strings.Join(e.Unrest, ", "), least)
	}
	return "the record's own, as every check behind the answer is settled"
}

func typeText(t uint16) string {
	switch t {
	case typeA:
		return "A"
	case typeAAAA:
		return "AAAA"
	}
	return fmt.Sprintf("TYPE%d", t)
}
