package resolver

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// newSigner makes a key of a zone, and its signer.
func newSigner(t testing.TB, origin string, o dnssec.Options) *dnssec.Signer {
	t.Helper()
	return newSignerWith(t, origin, o, nil)
}

func newSignerWith(t testing.TB, origin string, o dnssec.Options, c *dnssec.Cache) *dnssec.Signer {
	t.Helper()
	k, err := dnssec.Generate(dnssec.ECDSAP256SHA256, dnssec.CSK, dnssec.Times{})
	if err != nil {
		t.Fatal(err)
	}
	keys := []*dnssec.Key{k}
	s, err := dnssec.NewSigner(string(nameOf(origin)), dnssec.Plan{DNSKEY: [][]byte{k.DNSKEY()}, KeySigners: keys, ZoneSigners: keys}, o, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// finds gives zones their signer; nil leaves them unsigned.
func finds(s *dnssec.Signer) zones.FindSigner {
	if s == nil {
		return nil
	}
	return func(string, dnssec.Options) (*dnssec.Signer, error) { return s, nil }
}

// signersOf makes signers of all zones that can be served, NSEC and NSEC3 in
// turn, and takes from their texts what cannot be signed.
func signersOf(t testing.TB, texts map[string]string) map[string]*dnssec.Signer {
	t.Helper()
	all := map[string]*dnssec.Signer{}
	for i, origin := range slices.Sorted(maps.Keys(texts)) {
		if texts[origin] == "" {
			continue
		}
		texts[origin] = signable(texts[origin])
		all[origin] = newSigner(t, origin, dnssec.Options{NSEC3: i%2 == 0})
	}
	return all
}

// signedView serves geoZone as geo.test and signed.test, signed with NSEC and
// NSEC3, in a state of the pools.
func signedView(t testing.TB, s *steer.State, o *Options) *View {
	t.Helper()
	var entries []zones.Entry
	for origin, nsec3 := range map[string]bool{"geo.test.": false, "signed.test.": true} {
		text := strings.ReplaceAll(signableGeo, "geo.test.", origin)
		entries = append(entries, signedZone(t, fileOf(origin), text, s, newSigner(t, origin, dnssec.Options{NSEC3: nsec3})))
	}
	return NewView(nil, zones.NewSet(entries), s, o)
}
