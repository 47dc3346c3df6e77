package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// received is what a reply says, in the words that expectations use.
type received struct {
	msg    *dns.Msg
	data   []string // RDATA of the answer, in order
	scope  string   // "none" without the option
	ede    string
	ttls   []uint32 // of the answer
	others map[string][]string
}

func readReply(m *dns.Msg) *received {
	r := &received{msg: m, scope: "none", ede: "none"}
	r.others = map[string][]string{"ns": nil, "soa": nil, "additional": nil, "ds": nil, "rrsig": nil, "proof": nil}
	for _, rr := range m.Answer {
		r.ttls = append(r.ttls, rr.Header().Ttl)
		if !r.dnssec(rr) || m.Question[0].Qtype == rr.Header().Rrtype {
			r.data = append(r.data, rdata(rr))
		}
	}
	for _, rr := range m.Ns {
		if r.dnssec(rr) {
			continue
		}
		key := strings.ToLower(dns.Type(rr.Header().Rrtype).String())
		text := rdata(rr)
		if key == "soa" {
			text = strconv.Itoa(int(rr.Header().Ttl))
		}
		r.others[key] = append(r.others[key], text)
	}
	for _, rr := range m.Extra {
		if o, ok := rr.(*dns.OPT); ok {
			r.options(o)
			continue
		}
		if rr.Header().Rrtype == dns.TypeRRSIG {
			continue // what is additional may lack it
		}
		r.others["additional"] = append(r.others["additional"], rdata(rr))
	}
	return r
}

// dnssec takes note of a signature or of a record that proves something.
func (r *received) dnssec(rr dns.RR) bool {
	switch h := rr.Header(); h.Rrtype {
	case dns.TypeRRSIG:
		r.others["rrsig"] = append(r.others["rrsig"], dns.TypeToString[rr.(*dns.RRSIG).TypeCovered])
	case dns.TypeNSEC, dns.TypeNSEC3:
		r.others["proof"] = append(r.others["proof"], strings.TrimSuffix(strings.ToLower(h.Name), "."))
	default:
		return false
	}
	return true
}

// rdata is the RDATA of a record as text, without quotes.
func rdata(rr dns.RR) string {
	if unknown, ok := rr.(*dns.RFC3597); ok {
		return strings.TrimSpace(fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, unknown.Rdata))
	}
	return strings.ReplaceAll(strings.TrimPrefix(rr.String(), rr.Header().String()), `"`, "")
}

func (r *received) options(o *dns.OPT) {
	for _, e := range o.Option {
		switch e := e.(type) {
		case *dns.EDNS0_SUBNET:
			r.scope = strconv.Itoa(int(e.SourceScope))
		case *dns.EDNS0_EDE:
			r.ede = strconv.Itoa(int(e.InfoCode))
		case *dns.EDNS0_NSID:
			r.others["nsid"] = []string{e.Nsid}
		}
	}
}

// Judge lists how a reply differs from what is wanted.
func (a *Query) Judge(m *dns.Msg) (wrong []string) {
	if m == nil {
		return []string{"no reply"}
	}
	r := readReply(m)
	if got := dns.RcodeToString[m.Rcode]; got != a.want[0] {
		wrong = append(wrong, fmt.Sprintf("RCODE %s, want %s", got, a.want[0]))
	}
	var data []string
	for _, word := range a.want[1:] {
		known, problem := r.word(word)
		if !known {
			data = append(data, word)
		} else if problem != "" {
			wrong = append(wrong, problem)
		}
	}
	if !sameData(r.data, data) {
		wrong = append(wrong, fmt.Sprintf("answer %q, want %q", r.data, data))
	}
	return wrong
}

// sameData compares the data of an answer: CNAMEs and DNAMEs, which are names,
// in order, and the RRset at the end in any.
func sameData(got, want []string) bool {
	if len(want) == 1 && strings.HasPrefix(want[0], "one-of=") {
		choice := strings.Split(strings.TrimPrefix(want[0], "one-of="), ",")
		return len(got) == 1 && slices.Contains(choice, got[0])
	}
	if len(got) != len(want) {
		return false
	}
	names := func(list []string) (names []string) {
		for _, s := range list {
			if dns.IsFqdn(s) && !strings.Contains(s, " ") {
				names = append(names, s)
			}
		}
		return names
	}
	if !slices.Equal(names(got), names(want)) {
		return false
	}
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

// word judges one word of an expectation; those it does not know are data.
func (r *received) word(word string) (known bool, problem string) {
	flags := map[string]bool{
		"aa": r.msg.Authoritative, "tc": r.msg.Truncated, "rd": r.msg.RecursionDesired, "opt": r.msg.IsEdns0() != nil,
	}
	if set, ok := flags[strings.TrimPrefix(word, "-")]; ok {
		if set == strings.HasPrefix(word, "-") {
			return true, "not " + word
		}
		return true, ""
	}
	for _, op := range []string{"<=", ">=", ">", "="} {
		if key, value, ok := strings.Cut(word, op); ok {
			return r.relation(key, op, value)
		}
	}
	return false, ""
}

// relation judges "key=value", and "key<=value" for numbers.
func (r *received) relation(key, op, value string) (known bool, problem string) {
	switch key {
	case "ttl":
		for _, ttl := range r.ttls {
			if !holds(strconv.Itoa(int(ttl)), op, value) {
				return true, fmt.Sprintf("a TTL of %d, want ttl%s%s", ttl, op, value)
			}
		}
		return true, ""
	case "scope":
		return true, r.unless(r.scope, key, op, value)
	case "ede":
		return true, r.unless(r.ede, key, op, value)
	case "ns", "soa", "additional", "nsid", "ds", "rrsig", "proof":
		got := slices.Clone(r.others[key])
		slices.Sort(got)
		want := strings.Split(value, ",")
		slices.Sort(want)
		if value == "none" {
			want = nil
		}
		if !slices.Equal(got, want) {
			return true, fmt.Sprintf("%s=%s, want %s", key, strings.Join(got, ","), value)
		}
		return true, ""
	}
	return false, ""
}

func (r *received) unless(got, key, op, value string) string {
	if holds(got, op, value) {
		return ""
	}
	return fmt.Sprintf("%s is %s, want %s%s%s", key, got, key, op, value)
}

func holds(got, op, want string) bool {
	if op == "=" {
		return got == want
	}
	a, err1 := strconv.Atoi(got)
	b, err2 := strconv.Atoi(want)
	if err1 != nil || err2 != nil {
		return false
	}
	switch op {
	case "<=":
		return a <= b
	case ">=":
		return a >= b
	}
	return a > b
}
