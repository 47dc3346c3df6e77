package zones

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// expiration is that of the signature over the SOA of a.test.
func (s *site) expiration(t *testing.T) time.Time {
	t.Helper()
	i, _ := s.Set().Index("\x01a\x04test\x00")
	soa, ok := s.Set().Entry(i).Zone.Find(0, typeSOA)
	if !ok || soa.SigCount() != 1 {
		t.Fatalf("%d signatures over the SOA", soa.SigCount())
	}
	return time.Unix(int64(binary.BigEndian.Uint32(soa.Signatures()[sigExpiration:])), 0)
}

// A zone is signed anew well before its signatures expire, without an edit; an
// edit takes the signatures over that it need not make; and while its keys
// cannot be had, the last version serves on.
func TestZoneIsSignedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := testPlan(t, dnssec.ED25519, false)
		var failure error
		s := newSite(t, func(o *FolderOptions) {
			o.Zones = map[string]ZoneOptions{"a.test": {Sign: true}}
			o.Signer = func(origin string, so dnssec.Options) (*dnssec.Signer, error) {
				if failure != nil {
					return nil, failure
				}
				return dnssec.NewSigner(origin, plan, so, nil)
			}
		})
		s.old("a.test.zone", zoneText(1, "www A 192.0.2.1"))
		s.start()
		s.wantProblems()
		const day = 24 * time.Hour
		first := s.expiration(t)
		if left := time.Until(first); left < 11*day || left > 14*day {
			t.Errorf("valid for %v", left)
		}
		after(6 * day)
		if now := s.expiration(t); !now.Equal(first) {
			t.Errorf("signed anew after six days")
		}
		after(6 * day)
		second := s.expiration(t)
		if left := time.Until(second); left < 5*day {
			t.Errorf("%v left after twelve days", left)
		}
		failure = errors.New("no keys today")
		s.write("a.test.zone", zoneText(2, "www A 192.0.2.2"))
		s.events <- event{"a.test.zone", replaced}
		after(time.Second)
		s.wantSerial("a.test.", 1)
		s.wantProblems("zones/a.test.zone: the zone cannot be signed: no keys today")
		failure = nil
		s.Resign("\x01a\x04test\x00")
		after(time.Second)
		s.wantSerial("a.test.", 2)
		s.wantProblems()
	})
}

// The types at a geo name follow its pool, so the chain does when the pool
// changes.
func TestRecheckSignsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := testPlan(t, dnssec.ED25519, false)
		pool := GeoInfo{A: true}
		s := newSite(t, func(o *FolderOptions) {
			o.Zones = map[string]ZoneOptions{"a.test": {Sign: true}}
			o.Geo = func(string) (GeoInfo, error) { return GeoInfo{A: true}, nil }
			o.Signer = func(origin string, so dnssec.Options) (*dnssec.Signer, error) {
				return dnssec.NewSigner(origin, plan, so, nil)
			}
		})
		s.old("a.test.zone", zoneText(1, "www 60 GEO web"))
		s.start()
		has := func(typ uint16) bool {
			i, _ := s.Set().Index("\x01a\x04test\x00")
			z := s.Set().Entry(i).Zone
			n := name(t, "www.a.test.")
			set, ok := z.Find(z.Lookup(n, 1).Node, dns.TypeNSEC)
			if !ok {
				t.Fatal("no NSEC at the geo name")
			}
			data := set.Wire()[rrHeader:]
			return dnssec.HasType(data[nameSize(string(data)):], typ)
		}
		if !has(typeA) || has(typeAAAA) || !has(dns.TypeRRSIG) {
			t.Error("the bitmap does not show what the pool has")
		}
		pool.AAAA = true
		if problems := s.Recheck(func(string) (GeoInfo, error) { return pool, nil }); problems != nil {
			t.Fatal(problems)
		}
		after(time.Second)
		if !has(typeA) || !has(typeAAAA) {
			t.Error("the bitmap does not follow the pool")
		}
	})
}
