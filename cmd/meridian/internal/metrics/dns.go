package metrics

import (
	"math"
	"strconv"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/server"
)

var (
	requests     = desc("dns_requests_total", "Queries that were answered.", "proto", "family", "type")
	responses    = desc("dns_responses_total", "Answers by response code.", "proto", "rcode")
	requestSize  = desc("dns_request_size_bytes", "Sizes of the queries that were answered.", "proto")
	responseSize = desc("dns_response_size_bytes", "Sizes of answers.", "proto")
	duration     = desc("dns_request_duration_seconds", "Time from when a query was read to when the answers of its batch went to the kernel, over TCP were ready to.", "proto")
	doBit        = desc("dns_do_requests_total", "Answered queries that want DNSSEC records.", "proto")
	subnet       = desc("dns_subnet_requests_total", "Answered queries with a client subnet.", "proto")
	truncated    = desc("dns_truncated_total", "Answers that were truncated (TC).", "proto")
	dropped      = desc("dns_dropped_total", "Messages that got no answer, by reason.", "proto", "reason")
	unsent       = desc("dns_unsent_total", "Answers that the kernel or the client did not take.", "proto")
	open         = desc("dns_tcp_connections", "TCP connections open now.")
	connections  = desc("dns_tcp_connections_total", "TCP connections by what became of them.", "result")
	panics       = desc("panics_total", "Queries whose answer met a defect; they got SERVFAIL.")
)

// transport is one way for queries to come.
type transport struct {
	proto    string
	all, six *server.Traffic // six is the part of it over IPv6, read later: it may be ahead
}

func (p *page) traffic(s *server.Stats) {
	ways := []transport{{"udp", &s.UDP, &s.UDP6}, {"tcp", &s.TCP, &s.TCP6}}
	for _, w := range ways {
		for i, n := range w.all.Types {
			p.counter(requests, float64(n-min(n, w.six.Types[i])), w.proto, "1", server.TypeName(i))
			p.counter(requests, float64(w.six.Types[i]), w.proto, "2", server.TypeName(i))
		}
	}
	for _, w := range ways {
		for code, n := range w.all.RCodes {
			if name := RCode(code); name != "" {
				p.counter(responses, float64(n), w.proto, name)
			}
		}
	}
	p.spread(ways)
	for _, c := range []struct {
		f *family
		n func(*server.Traffic) uint64
	}{
		{doBit, func(t *server.Traffic) uint64 { return t.DO }},
		{subnet, func(t *server.Traffic) uint64 { return t.Subnet }},
		{truncated, func(t *server.Traffic) uint64 { return t.Truncated }},
		{unsent, func(t *server.Traffic) uint64 { return t.Unsent }},
	} {
		for _, w := range ways {
			p.counter(c.f, float64(c.n(w.all)), w.proto)
		}
	}
	for _, w := range ways {
		p.counter(dropped, float64(w.all.Sources), w.proto, "source")
		p.counter(dropped, float64(w.all.Short), w.proto, "short")
		p.counter(dropped, float64(w.all.Dropped-min(w.all.Dropped, w.all.Sources+w.all.Short)), w.proto, "response")
	}
	p.gauge(open, float64(s.Connections.Open))
	p.counter(connections, float64(s.Connections.Accepted), "accepted")
	p.counter(connections, float64(s.Connections.Refused), "refused")
	p.counter(connections, float64(s.Connections.Evicted), "evicted")
	p.counter(connections, float64(s.Connections.Expired), "expired")
	p.counter(panics, float64(s.Panics))
}

// spread tells of sizes and times.
func (p *page) spread(ways []transport) {
	for _, w := range ways {
		p.sizes(requestSize, &w.all.Asked, w.proto)
	}
	for _, w := range ways {
		p.sizes(responseSize, &w.all.Answered, w.proto)
	}
	for _, w := range ways {
		last := len(w.all.Times.Counts) - 1
		p.histogram(duration, w.all.Times.Counts[:], func(i int) float64 {
			if i == last {
				return math.Inf(1)
			}
			return server.TimeBound(i).Seconds()
		}, w.all.Times.Sum.Seconds(), w.proto)
	}
}

func (p *page) sizes(d *family, s *server.Sizes, proto string) {
	p.histogram(d, s.Counts[:], func(i int) float64 { return float64(server.SizeBound(i)) }, float64(s.Sum), proto)
}

// RCode names the response codes that there are; others, which are never sent, have no name.
func RCode(code int) string {
	switch name, known := dns.RcodeToString[code]; {
	case code == dns.RcodeBadVers:
		return "BADVERS" // the library calls it by its other meaning
	case known:
		return name
	case code < 12:
		return strconv.Itoa(code)
	}
	return ""
}
