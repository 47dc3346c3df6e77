package resolver

import (
	"net/netip"

	"github.com/meridian-dns/meridian/zones"
)

// Names of class CH, in wire form, by which servers are asked about themselves
// (RFC 4892).
const (
	versionBind  = "\x07version\x04bind\x00"
	hostnameBind = "\x08hostname\x04bind\x00"
	idServer     = "\x02id\x06server\x00"
)

// chaos answers class CH: what the server says of itself, and explanations of
// geo names to those who may ask. Everything else is refused.
func (q *query) chaos() {
	if q.qtype != typeTXT && q.qtype != typeANY {
		q.rcode = refused
		return
	}
	if text := q.view.opts.identity(q.name.Wire()); text != "" {
		q.aa = true
		q.text(text)
		return
	}
	q.explain()
}

func (o *Options) identity(name []byte) string {
	switch string(name) {
	case versionBind:
		return o.Version
	case hostnameBind:
		return o.Hostname
	case idServer:
		return o.ID
	}
	return ""
}

// explain answers CH TXT at a geo name with the reasons for its answer. The
// text is much longer than the question, so over UDP from elsewhere than this
// host the client must show with a cookie that it is where it says.
func (q *query) explain() {
	id, ok := q.geoNode()
	if !ok || !q.view.opts.explains(q.req.Client.Addr()) {
		q.rcode = refused
		return
	}
	if q.req.Transport == UDP && !q.req.Client.Addr().IsLoopback() && !q.edns.cookie.valid {
		if q.rcode = refused; q.edns.cookie.asked {
			q.rcode = badCookie
		}
		return
	}
	q.aa = true
	ref, ttl, _ := q.zone.Geo(id)
	g := &q.view.refs[q.entry][ref]
	q.setClient(&q.work.client)
	for _, line := range q.view.explain(g, q.work.client, typeANY, ttl) {
		q.text(line)
	}
	if q.tc { // an RRset is answered whole or not at all
		q.n, q.counts = q.qend, q.counts.questions()
	}
}

// geoNode finds the node with a GEO record that answers for QNAME.
func (q *query) geoNode() (zones.NodeID, bool) {
	q.base, q.split = headerSize, zones.MaxName+1
	if q.enter(); q.zone == nil {
		return 0, false
	}
	m := q.zone.Lookup(&q.name, q.apex)
	if m.Kind != zones.Found && m.Kind != zones.Wildcard {
		return 0, false
	}
	_, _, ok := q.zone.Geo(m.Node)
	return m.Node, ok
}

func (o *Options) explains(addr netip.Addr) bool {
	for _, p := range o.Debug {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// text writes a TXT record of one string, cut to 255 octets, with TTL 0.
func (q *query) text(s string) {
	s = s[:min(len(s), 255)]
	size := 1 + len(s)
	if q.n+rrHeader+size > q.limit {
		q.tc = true
		return
	}
	q.putHeader(q.n, headerSize, typeTXT, 0, size)
	q.out[q.n+rrHeader] = byte(len(s))
	copy(q.out[q.n+rrHeader+1:], s)
	q.n += rrHeader + size
	q.counts.add(sectionAnswer, 1)
}
