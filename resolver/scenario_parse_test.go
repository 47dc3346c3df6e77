package resolver

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// This file and scenario_expect_test.go read scenario files and judge replies.
// They know nothing of what answers: testdata/scenarios/README.md describes the
// format, and the same files are meant for a nameserver behind a socket.

// scenario is one behaviour: files, and what happens and is asked in turn.
type scenario struct {
	title, rfc string
	files      map[string]string // by path: "meridian.toml", "zones/example.com.zone", others to be installed later
	steps      []step
}

// step is a line of a scenario: an event, or a query with what must come back.
type step struct {
	line  int
	event []string // words; nil for a query
	query *asked
}

// asked is a query and what its reply must be.
type asked struct {
	msg  *dns.Msg
	from string // the client's address; "" for 127.0.0.1
	tcp  bool
	want []string // words, the RCODE first
}

func parseScenario(text string) (*scenario, error) {
	s := &scenario{files: map[string]string{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		if n, ok := sectionName(line); ok {
			section = n
			if _, twice := s.files[n]; twice {
				return nil, fmt.Errorf("line %d: section %q stands here twice", i+1, n)
			}
			s.files[n] = ""
			continue
		}
		var err error
		switch section {
		case "":
			err = s.head(line)
		case "steps":
			err = s.step(i+1, line)
		default:
			s.files[section] += line + "\n"
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	delete(s.files, "steps")
	if s.title == "" || s.rfc == "" || len(s.steps) == 0 {
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

func (s *scenario) head(line string) error {
	key, value, ok := strings.Cut(line, ":")
	switch value = strings.TrimSpace(value); {
	case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
	case ok && key == "title":
		s.title = value
	case ok && key == "rfc":
		s.rfc = value
	default:
		return fmt.Errorf("neither title, rfc nor a section: %q", line)
	}
	return nil
}

func (s *scenario) step(number int, line string) error {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return err
	}
	st := step{line: number, event: words}
	if strings.Contains(line, "->") {
		st.event = nil
		if st.query, err = parseAsked(words); err != nil {
			return err
		}
	} else if err := checkEvent(words); err != nil {
		return err
	}
	s.steps = append(s.steps, st)
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

// parseAsked reads "NAME TYPE [option ...] -> RCODE [word ...]".
func parseAsked(words []string) (*asked, error) {
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
	a := &asked{msg: new(dns.Msg).SetQuestion(dns.Fqdn(words[0]), typ), want: words[arrow+1:]}
	a.msg.RecursionDesired = false
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

func (a *asked) option(word string) error {
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "tcp":
		a.tcp = true
	case "edns":
		a.opt()
	case "do":
		a.opt().SetDo()
	case "rd":
		a.msg.RecursionDesired = true
	case "class":
		a.msg.Question[0].Qclass = dns.StringToClass[value]
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
		a.from = value
		return err
	default:
		return errors.New("unknown")
	}
	return nil
}

// opt gives the query's OPT record, made where there is none.
func (a *asked) opt() *dns.OPT {
	if a.msg.IsEdns0() == nil {
		a.msg.SetEdns0(1232, false)
	}
	return a.msg.IsEdns0()
}

func (a *asked) subnet(text string) error {
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
