package config

import (
	"net/netip"
	"time"
)

// DNSSEC holds the options of a zone that is signed here.
type DNSSEC struct {
	NSEC3    bool          // NSEC3 in place of NSEC
	Validity time.Duration // of signatures
	Refresh  time.Duration // signatures are made anew so long before they expire
	KeyTTL   time.Duration // of the DNSKEY, CDS and CDNSKEY RRsets

	Roll        bool             // this nameserver makes the zone's new keys
	ZSKLifetime time.Duration    //
	Ahead       time.Duration    // times of keys are written so long before they come
	Propagation time.Duration    // until all nameservers have followed a time
	MaxTTL      time.Duration    // no cache keeps data of the zone for longer
	DSTTL       time.Duration    // of the parent's DS RRset where that is not known
	Parent      []netip.AddrPort // servers of the parent zone; empty: see FindParent
	FindParent  bool             // they are found through the system's resolver
}

const day = 24 * time.Hour

// dnssec reads the options of a signed zone; nil if it is not signed.
func (t *table) dnssec() *DNSSEC {
	signed := t.flag("dnssec")
	first := len(t.known)
	d := &DNSSEC{
		NSEC3:       t.flag("nsec3"),
		Validity:    t.duration("signature_validity", 14*day, 10*time.Second, 365*day),
		Refresh:     t.duration("signature_refresh", 5*day, time.Second, 364*day),
		KeyTTL:      t.duration("dnskey_ttl", time.Hour, time.Second, 7*day),
		Roll:        t.flag("roll"),
		ZSKLifetime: t.duration("zsk_lifetime", 90*day, time.Second, 3650*day),
		Ahead:       t.duration("roll_ahead", 2*day, 0, 30*day),
		Propagation: t.duration("propagation", time.Hour, 0, 7*day),
		MaxTTL:      t.duration("max_ttl", 7*day, time.Second, 30*day),
		DSTTL:       t.duration("ds_ttl", 2*day, time.Second, 30*day),
	}
	d.Parent, d.FindParent = t.parent("parent")
	if signed {
		if d.Refresh >= d.Validity {
			t.at(t.node, "signature_refresh, %s, must be shorter than signature_validity, %s", brief(d.Refresh), brief(d.Validity))
		}
		return d
	}
	for _, key := range t.known[first:] {
		if n := t.node.kids[key]; n != nil && n.value != false {
			t.at(n, "is for signed zones; add dnssec = true")
		}
	}
	return nil
}

// parent reads the addresses of the parent's servers, with port 53 where none is given.
func (t *table) parent(key string) (servers []netip.AddrPort, find bool) {
	n := t.get(key)
	if n == nil {
		return nil, true
	}
	for _, s := range t.strings(n) {
		server, err := netip.ParseAddrPort(s)
		if addr, bare := netip.ParseAddr(s); bare == nil {
			server, err = netip.AddrPortFrom(addr, 53), nil
		}
		if err != nil || server.Port() == 0 {
			t.at(n, `%q is no address of a nameserver, such as "192.0.2.1" or "[2001:db8::1]:53"`, s)
			continue
		}
		servers = append(servers, server)
	}
	return servers, false
}
