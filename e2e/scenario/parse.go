// Package scenario reads the files of testdata/scenarios, each of which tells
// one behaviour of a nameserver, and judges replies by them. It knows nothing
// of what answers: the same files run straight through the resolver and against
// the built program behind a socket. testdata/scenarios/README.md describes
// the format. A Scenario is not changed once it is read.
package scenario

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Scenario is one behaviour: files, and what happens and is asked in turn.
type Scenario struct {
	Title, RFC string
	Files      map[string]string // by path: "meridian.toml", "zones/example.com.zone", others to be installed later
	Steps      []Step
}

// Step is a line of a scenario: an event, or a query with what must come back.
type Step struct {
	Line  int
	Event []string // words; nil for a query
	Query *Query
}

// Query is a query and what its reply must be.
type Query struct {
	Msg  *dns.Msg
	From string // the client's address; "" for 127.0.0.1
	TCP  bool
	want []string // words, the RCODE first
}

// Parse reads a scenario; the error names the line.
func Parse(text string) (*Scenario, error) {
	s := &Scenario{Files: map[string]string{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		if n, ok := sectionName(line); ok {
			section = n
			if _, twice := s.Files[n]; twice {
				return nil, fmt.Errorf("line %d: section %q stands here twice", i+1, n)
			}
			s.Files[n] = ""
			continue
		}
		var err error
		switch section {
		case "":
			err = s.head(line)
		case "steps":
			err = s.step(i+1, line)
		default:
			s.Files[section] += line + "\n"
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	delete(s.Files, "steps")
	if s.Title == "" || s.RFC == "" || len(s.Steps) == 0 {
		return nil, errors.New("a scenario needs a title, an rfc and steps")
	}
	return s, nil
}

// sectionName reads "-- name --".
func sectionName(line string) (string, bool) {
	inner, ok := strings.CutPrefix(line, "-- ")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inner, " --")
}

func (s *Scenario) head(line string) error {
	key, value, ok := strings.Cut(line, ":")
	switch value = strings.TrimSpace(value); {
	case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
	case ok && key == "title":
		s.Title = value
	case ok && key == "rfc":
		s.RFC = value
	default:
		return fmt.Errorf("neither title, rfc nor a section: %q", line)
	}
	return nil
}

func (s *Scenario) step(number int, line string) error {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return err
	}
	st := Step{Line: number, Event: words}
	if strings.Contains(line, "->") {
		st.Event = nil
		if st.Query, err = parseQuery(words); err != nil {
			return err
		}
	} else if err := checkEvent(words); err != nil {
		return err
	}
	s.Steps = append(s.Steps, st)
	return nil
}

// splitWords splits at blanks; a word in quotes may hold some. "#" starts a
// comment.
func splitWords(line string) (words []string, err error) {
	for line = strings.TrimSpace(line); line != "" && line[0] != '#'; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		word, rest, ok := strings.Cut(line[1:], `"`)
		if !ok {
			return nil, errors.New("a quote without end")
		}
		words, line = append(words, word), rest
	}
	return words, nil
}

// checkEvent knows the events and how many words follow each.
func checkEvent(words []string) error {
	takes := map[string]int{"up": 1, "down": 1, "failing": 2, "install": 2}
	if n, ok := takes[words[0]]; !ok || n != len(words)-1 {
		return fmt.Errorf("neither a query nor an event: %q", strings.Join(words, " "))
	}
	return nil
}

// ParseQuery reads a line that is a query; nil for an empty line or a comment.
func ParseQuery(line string) (*Query, error) {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return nil, err
	}
	return parseQuery(words)
}

// parseQuery reads "NAME TYPE [option ...] -> RCODE [word ...]".
func parseQuery(words []string) (*Query, error) {
	arrow := 0
	for arrow < len(words) && words[arrow] != "->" {
		arrow++
	}
	if arrow < 2 || arrow+1 >= len(words) {
		return nil, errors.New("want: NAME TYPE [option ...] -> RCODE [word ...]")
	}
	typ, err := parseType(words[1])
	if err != nil {
		return nil, err
	}
	a := &Query{Msg: new(dns.Msg).SetQuestion(dns.Fqdn(words[0]), typ), want: words[arrow+1:]}
	a.Msg.RecursionDesired = false
	for _, o := range words[2:arrow] {
		if err := a.option(o); err != nil {
			return nil, fmt.Errorf("option %q: %w", o, err)
		}
	}
	return a, nil
}

func parseType(word string) (uint16, error) {
	if typ, ok := dns.StringToType[word]; ok {
		return typ, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(word, "TYPE"), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("type %q is unknown", word)
	}
	return uint16(n), nil
}

func (a *Query) option(word string) error {
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "tcp":
		a.TCP = true
	case "edns":
		a.opt()
	case "do":
		a.opt().SetDo()
	case "rd":
		a.Msg.RecursionDesired = true
	case "class":
		a.Msg.Question[0].Qclass = dns.StringToClass[value]
	case "bufsize":
		n, err := strconv.ParseUint(value, 10, 16)
		a.opt().SetUDPSize(uint16(n))
		return err
	case "subnet":
		return a.subnet(value)
	case "nsid":
		o := a.opt()
		o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	case "from":
		_, err := netip.ParseAddr(value)
		a.From = value
		return err
	default:
		return errors.New("unknown")
	}
	return nil
}

// opt gives the query's OPT record, made where there is none.
func (a *Query) opt() *dns.OPT {
	if a.Msg.IsEdns0() == nil {
		a.Msg.SetEdns0(1232, false)
	}
	return a.Msg.IsEdns0()
}

func (a *Query) subnet(text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return err
	}
	e := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
	if p.Addr().Is6() {
		e.Family = 2
	}
	o := a.opt()
	o.Option = append(o.Option, e)
	return nil
}
