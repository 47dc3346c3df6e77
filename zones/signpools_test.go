package zones

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
)

// TestSignedZonesRefuseSomePools holds that what cannot be signed, or must not
// be, is an error at its line, when the zone is loaded and when the pools
// change.
func TestSignedZonesRefuseSomePools(t *testing.T) {
	pool := GeoInfo{A: true, AAAA: true, Variants: 100}
	for _, c := range []struct {
		name  string
		names int
		info  GeoInfo
		want  string
	}{
		{"an ordinary pool", 1000, pool, ""},
		{"too many variants", 1001, pool, "zones/example.com.zone:1003: GEO web: the names of this zone that name pool web may be answered in more than 100000 ways"},
		{"CNAME servers alone", 1, GeoInfo{CNAME: true, OnlyCNAME: true, Variants: 2}, ""},
		{"CNAME servers beside others", 1, GeoInfo{A: true, CNAME: true}, ":3: GEO web: in a signed zone a pool has either CNAME servers alone or none"},
		{"no data when all are down", 1, GeoInfo{A: true, NoData: true, Variants: 1}, ":3: GEO web: in a signed zone a pool cannot have all_down = \"nodata\""},
	} {
		var text strings.Builder
		text.WriteString("$TTL 300\n@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n")
		for i := range c.names {
			fmt.Fprintf(&text, "n%d 60 GEO web\n", i)
		}
		text.WriteString("@ NS ns.example.net.\n")
		find := func(string) (GeoInfo, error) { return c.info, nil }
		signer := testSigner(t, exampleCom, testPlan(t, dnssec.ED25519, false), dnssec.Options{}, nil)
		_, problems := ParseSigned("zones/example.com.zone", strings.NewReader(text.String()), int64(text.Len()), find,
			func(string, dnssec.Options) (*dnssec.Signer, error) { return signer, nil })
		judge(t, c.name+", at load", problems, c.want)
		fits := func(string) (GeoInfo, error) { return GeoInfo{A: true, Variants: 1}, nil }
		z, _ := ParseSigned("zones/example.com.zone", strings.NewReader(text.String()), int64(text.Len()), fits,
			func(string, dnssec.Options) (*dnssec.Signer, error) { return signer, nil })
		rep := &report{files: []string{"zones/example.com.zone"}, limit: 10}
		checkRefs(z, find, rep)
		judge(t, c.name+", when the pools change", rep.problems(), c.want)
	}
}

func judge(t *testing.T, name string, problems []Problem, want string) {
	t.Helper()
	var got []string
	for _, p := range problems {
		if !p.Warning {
			got = append(got, p.String())
		}
	}
	if all := strings.Join(got, "\n"); want == "" && all != "" || !strings.Contains(all, want) {
		t.Errorf("%s: %q, want %q", name, all, want)
	}
}
