package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

func TestSignedZone(t *testing.T) {
	c := parse(t, `[zone."example.com"]
dnssec = true
roll = true
parent = ["192.0.2.1", "[2001:db8::1]:5353"]
roll_ahead = "4s"
[zone."example.net"]
dnssec = true
parent = []
[zone."example.org"]
dnssec = false
`)
	d := *c.ZoneOptions["example.com"].DNSSEC
	const day = 24 * time.Hour
	equal(t, "options", d, config.DNSSEC{
		Validity: 14 * day, Refresh: 5 * day, KeyTTL: time.Hour, Roll: true, ZSKLifetime: 90 * day, Ahead: 4 * time.Second,
		Propagation: time.Hour, MaxTTL: 7 * day, DSTTL: 2 * day,
		Parent: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("[2001:db8::1]:5353")},
	})
	if d := c.ZoneOptions["example.net"].DNSSEC; d.FindParent || len(d.Parent) > 0 {
		t.Errorf("an empty list asks somebody: %+v", d)
	}
	if c.ZoneOptions["example.org"].DNSSEC != nil {
		t.Error("signed without dnssec = true")
	}
}
