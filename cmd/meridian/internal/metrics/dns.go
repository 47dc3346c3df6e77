package metrics

import (
	"math"
	"strconv"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

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

func (e emitter) traffic(s *server.Stats) {
	e.transport("udp", &s.UDP, &s.UDP6)
	e.transport("tcp", &s.TCP, &s.TCP6)
	e.gauge(open, float64(s.Connections.Open))
	e.counter(connections, float64(s.Connections.Accepted), "accepted")
	e.counter(connections, float64(s.Connections.Refused), "refused")
	e.counter(connections, float64(s.Connections.Evicted), "evicted")
	e.counter(connections, float64(s.Connections.Expired), "expired")
	e.counter(panics, float64(s.Panics))
}

// transport tells of one transport; six is the part of it over IPv6.
func (e emitter) transport(proto string, all, six *server.Traffic) {
	for i := range all.Types {
		// six was read later, and may be ahead.
		e.counter(requests, float64(all.Types[i]-min(all.Types[i], six.Types[i])), proto, "1", server.TypeName(i))
		e.counter(requests, float64(six.Types[i]), proto, "2", server.TypeName(i))
	}
	for code, n := range all.RCodes {
		if name := RCode(code); name != "" {
			e.counter(responses, float64(n), proto, name)
		}
	}
	e.sizes(requestSize, &all.Asked, proto)
	e.sizes(responseSize, &all.Answered, proto)
	e.histogram(duration, all.Times.Counts[:], func(i int) float64 {
		if i == len(all.Times.Counts)-1 {
			return math.Inf(1)
		}
		return server.TimeBound(i).Seconds()
	}, all.Times.Sum.Seconds(), proto)
	e.counter(doBit, float64(all.DO), proto)
	e.counter(subnet, float64(all.Subnet), proto)
	e.counter(truncated, float64(all.Truncated), proto)
	e.counter(dropped, float64(all.Sources), proto, "source")
	e.counter(dropped, float64(all.Short), proto, "short")
	e.counter(dropped, float64(all.Dropped-min(all.Dropped, all.Sources+all.Short)), proto, "response")
	e.counter(unsent, float64(all.Unsent), proto)
}

func (e emitter) sizes(d *prometheus.Desc, s *server.Sizes, proto string) {
	e.histogram(d, s.Counts[:], func(i int) float64 { return float64(server.SizeBound(i)) }, float64(s.Sum), proto)
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
