package scenario

import (
	"testing"

	"github.com/miekg/dns"
)

// Expectations that do not hold are noticed, and so is a step that is no step.
func TestScenarioJudge(t *testing.T) {
	m := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	m.Response, m.Authoritative = true, true
	for _, text := range []string{"www.example.com. 60 IN CNAME a.", "a. 30 IN A 192.0.2.1", "a. 30 IN A 192.0.2.2"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	const query = "www.example.com A -> "
	for expectation, ok := range map[string]bool{
		"NOERROR aa -tc -opt a. 192.0.2.2 192.0.2.1 ttl<=60 ttl>=30 scope=none soa=none": true,
		"NXDOMAIN a. 192.0.2.1 192.0.2.2":                                                false, "NOERROR a. 192.0.2.1": false, "NOERROR 192.0.2.1 192.0.2.2 a.": true,
		"NOERROR a. 192.0.2.1 192.0.2.2 -aa": false, "NOERROR a. 192.0.2.1 192.0.2.2 tc": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 ttl=60": false, "NOERROR a. 192.0.2.1 192.0.2.2 scope>0": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 soa=60": false, "NOERROR a. 192.0.2.1 192.0.2.2 additional=192.0.2.3": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 ede=24": false, "NOERROR one-of=192.0.2.1,192.0.2.2": false, "NOERROR": false,
	} {
		a, err := ParseQuery(query + expectation)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := a.Judge(m); ok != (len(wrong) == 0) {
			t.Errorf("%s: %q", expectation, wrong)
		}
	}
	for _, bad := range []string{"down", "sideways fr", "www A ->", "www -> NOERROR", `www A "x -> NOERROR`, "www A sideways -> NOERROR", "www B -> NOERROR"} {
		if _, err := Parse("title: t\nrfc: r\n-- steps --\n" + bad + "\n"); err == nil {
			t.Errorf("%q is taken for a step", bad)
		}
	}
}
