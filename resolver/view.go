package resolver

import (
	"net/netip"
	"time"

	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// Options are what a server says of itself and to whom it explains. They are
// copied into every View made with them and must not change afterwards.
type Options struct {
	NSID          []byte         // answer to the NSID option (RFC 5001); empty: none
	Version       string         // CH TXT version.bind; empty: refused
	Hostname      string         // CH TXT hostname.bind; empty: refused
	ID            string         // CH TXT id.server; empty: refused
	CookieSecrets [][16]byte     // the first signs server cookies, all of them verify; empty: no cookies
	Debug         []netip.Prefix // who may ask for explanations over DNS
	IdleTimeout   uint16         // of TCP connections, told on request, in units of 100 ms (RFC 7828)
	Now           func() int64   // Unix seconds, asked when geo names are signed and never by queries; nil: of the system
}

// View is one generation of everything that answers depend on. It is
// immutable and safe for concurrent use.
type View struct {
	zones *zones.Set
	steer *steer.State
	refs  [][]geoName // by zone, then by zones.Zone.Geo's index
	opts  *Options

	signed [][]geoTable // by zone; nil if no zone with GEO names is signed here
}

// geoName is a GEO record whose pool has been looked up.
type geoName struct {
	ref  steer.Ref
	info steer.Info
	bad  bool // the pool is unknown: SERVFAIL

	table int32  // index into View.signed of the zone
	row   uint32 // of that table
}

// NewView puts zones and pools together. prev, which may be nil, is the view
// that this one follows: what has not changed is taken over from it, so that a
// new state of health costs nothing per zone, and a changed zone only its own.
// A GEO record whose pool is unknown is answered SERVFAIL; whoever loads zones
// and pools refuses such a pair beforehand.
//
// The answers of geo names in zones that are signed here are signed before they
// are given: names that prev answers go on to be answered as prev does until
// Sign is called, and say so by Behind. Names that are new, or of a zone that
// has changed, are signed at once, and that takes time.
func NewView(prev *View, z *zones.Set, s *steer.State, o *Options) *View {
	v := &View{zones: z, steer: s, opts: o}
	if prev != nil && prev.zones == z && prev.steer.Set() == s.Set() {
		v.refs = prev.refs
		v.signed = v.follow(prev)
		return v
	}
	v.refs = make([][]geoName, z.Len())
	for i := range v.refs {
		v.refs[i] = v.bind(prev, i)
		if tables := v.bindSigned(prev, i); tables != nil {
			if v.signed == nil {
				v.signed = make([][]geoTable, z.Len())
			}
			v.signed[i] = tables
		}
	}
	return v
}

// follow gives the signed answers of the same zones and pools.
func (v *View) follow(prev *View) [][]geoTable {
	if prev.signed == nil {
		return nil
	}
	signed := make([][]geoTable, len(prev.signed))
	for i, tables := range prev.signed {
		if len(tables) > 0 {
			signed[i] = v.renewed(tables)
		}
	}
	return signed
}

func (o *Options) now() int64 {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now().Unix()
}

// bind looks up the pools that the GEO records of a zone name.
func (v *View) bind(prev *View, i int) []geoName {
	zone := v.zones.Entry(i).Zone
	if zone == nil || len(zone.Refs()) == 0 {
		return nil
	}
	same := prev != nil && prev.steer.Set() == v.steer.Set()
	if same && i < prev.zones.Len() && prev.zones.Entry(i).Zone == zone {
		return prev.refs[i]
	}
	names := make([]geoName, len(zone.Refs()))
	for j, r := range zone.Refs() {
		ref, err := v.steer.Find(r.Ref)
		if names[j] = (geoName{ref: ref, bad: err != nil}); err == nil {
			names[j].info = v.steer.Set().Info(ref)
		}
	}
	return names
}

// Zones is the set of zones that the view serves.
func (v *View) Zones() *zones.Set { return v.zones }

// Steer is the state of the pools that the view serves.
func (v *View) Steer() *steer.State { return v.steer }

// Transport is how a query came.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
)

// Request is one query as a transport received it.
type Request struct {
	Msg       []byte         // the message, without TCP's length
	Client    netip.AddrPort // the sender; an IPv4 address is not written as IPv6
	Transport Transport
	Random    uint64 // fresh for every query: weighted picks draw from it
	Now       uint32 // Unix time in seconds, for cookies
}

// Scratch is the working memory of one goroutine that answers queries. After
// Write it tells, until the next one, what happened.
type Scratch struct {
	queries []query
	batch   []query // those in use
	used    int     // how many queries hold something, since Forget
	lag     int     // see fetch
	steered bool    // a query of the batch asks for the memory of a pool
	work    work
	one     [1]Request
	last    *query // answered
}

// Forget lets go of the view used last, and of its zones and pools, and of the
// queries. Whoever waits calls it first: an old view may hold a large zone in
// memory, and nobody knows how long the wait is.
func (s *Scratch) Forget() {
	for i := range s.queries[:s.used] {
		q := &s.queries[i]
		q.view, q.zone, q.req, q.out, q.ahead = nil, nil, nil, nil, ahead{}
	}
	s.batch, s.used, s.last, s.work = nil, 0, nil, work{served: s.work.served[:0]}
}

// none is what the last query is where there was none.
var none query

// told is the query of which Scratch tells.
func (s *Scratch) told() *query {
	if s.last == nil {
		return &none
	}
	return s.last
}

// RCode is the (extended) response code of the last answer.
func (s *Scratch) RCode() int { return int(s.told().rcode) }

// Type is the type that the last question asked for; 0 if it had none.
func (s *Scratch) Type() int { return s.told().qtype }

// Truncated tells whether the last answer carried TC.
func (s *Scratch) Truncated() bool { return s.told().tc }

// DO tells whether the last query asked for DNSSEC records (RFC 3225).
func (s *Scratch) DO() bool { return s.told().edns.do }

// Servers tells the numbers of the servers that the last answer holds (steer.Server.Number).
func (s *Scratch) Servers() []uint32 { return s.work.served }

// Question is the question of the last query as it stands there; empty if it has none that can be read.
func (s *Scratch) Question() []byte {
	if s.last == nil {
		return nil
	}
	return s.last.req.Msg[headerSize:s.last.qend]
}

// Client is for whom the last query was answered.
func (s *Scratch) Client() (c steer.Client) {
	if s.last != nil {
		s.last.setClient(&c)
	}
	return c
}

// Subnet tells whether the last query told a client subnet (RFC 7871).
func (s *Scratch) Subnet() bool { return s.told().edns.subnet.present }
