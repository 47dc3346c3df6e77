package admin

import (
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/zones"
)

// Status is how a nameserver stands at one moment.
type Status struct {
	Version    string    `json:"version"`
	Verdict    Verdict   `json:"verdict"`
	PID        int       `json:"pid"`
	Now        time.Time `json:"now"`
	Started    time.Time `json:"started"`
	Generation uint64    `json:"generation"` // counts the views published
	Listen     []string  `json:"listen"`
	Alarms     []Alarm   `json:"alarms"` // what is wrong with the nameserver itself now; empty: nothing
	Servers    []Server  `json:"servers"`
	Pools      []Pool    `json:"pools"`
	Orders     []Order   `json:"orders"`
	Frozen     bool      `json:"frozen"` // states stay as they were: the fault is here
	Geo        []Geo     `json:"geo"`
	Targets    []Target  `json:"targets"`
	Zones      []Zone    `json:"zones"`
	Problems   []string  `json:"problems"` // of zones, as "file:line: text"
	Reload     Attempt   `json:"reload"`   // the last one of the configuration
	GeoReload  Attempt   `json:"geo_reload"`
	DNS        Traffic   `json:"dns"`
	Probes     Probes    `json:"probes"`
	Signing    Signing   `json:"signing"` // of the answers of geo names
	Logs       Logs      `json:"logs"`
	API        APICounts `json:"api"`
}

// Alarm is a fault of the nameserver itself, or of what it was given.
type Alarm struct {
	Key   string    `json:"key"` // "reload", "geo", "zones", "health", "freeze", "state", "alerts", "query_log", "dnstap"
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
}

// Attempt is how the last try of something ended.
type Attempt struct {
	At     time.Time `json:"at"`     // zero: never tried
	Errors []string  `json:"errors"` // empty: it went well
}

// Server is a server as a whole, over all its addresses and pools.
type Server struct {
	Name   string    `json:"name"`
	Site   string    `json:"site"`
	State  string    `json:"state"` // "up", "down", "part" (some of it is up), "unknown", "unchecked", "unused"
	Order  string    `json:"order"` // "", "drained", "up" or "down": what an order makes of it in every pool; "partly drained" and so on if in some
	Since  time.Time `json:"since"` // of the state; zero: not known
	Reason string    `json:"reason"`
	Pools  []string  `json:"pools"`
}

// Pool is how many servers of a pool may be answered.
type Pool struct {
	Name    string `json:"name"`
	Servers int    `json:"servers"`
	Up      int    `json:"up"`      // of them, those that count as up and are not drained
	Drained int    `json:"drained"` // of them
	State   string `json:"state"`   // "up", "reduced", "down" (no server is up: as all_down says)
	// Answers since the start by server, those of the fallback last.
	Answers []Answers `json:"answers"`
}

// Answers says how often a server of a pool was answered.
type Answers struct {
	Server  string  `json:"server"`
	Answers uint64  `json:"answers"` // that held it; one with several servers counts for each
	Share   float64 `json:"share"`   // of the sum over the pool's servers, 0 to 1
}

// Event is a change that was seen.
type Event struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"` // a target, "http 192.0.2.1:80/healthz", or an order's servers
	Server string    `json:"server"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Reason string    `json:"reason"`
}

// Traffic counts what DNS clients did since the start.
type Traffic struct {
	UDPQueries     uint64            `json:"udp_queries"`
	UDPDropped     uint64            `json:"udp_dropped"`
	UDPUnsent      uint64            `json:"udp_unsent"`
	TCPQueries     uint64            `json:"tcp_queries"`
	TCPConnections uint64            `json:"tcp_connections"` // open now
	TCPRefused     uint64            `json:"tcp_refused"`
	RCodes         map[string]uint64 `json:"rcodes"` // answers, by name
	Panics         uint64            `json:"panics"`
}

// Signing tells of the signed answers of geo names. The counters are since the start.
type Signing struct {
	Names    int    `json:"names"`    // GEO names in signed zones
	Variants int    `json:"variants"` // the answers they may be given now, each of which is signed
	Behind   bool   `json:"behind"`   // some name is answered as before while a new answer is being signed
	Late     uint64 `json:"late"`     // how often that took over a second
	Failed   uint64 `json:"failed"`   // how often signatures could not be made, and older ones served on
}

// Logs counts what became of the samples of queries since the start.
type Logs struct {
	Queries        uint64 `json:"queries"`         // in the query log
	QueriesDropped uint64 `json:"queries_dropped"` // left out of it: it was slow, or could not be written
	Dnstap         uint64 `json:"dnstap"`          // messages sent
	DnstapDropped  uint64 `json:"dnstap_dropped"`  // messages that nobody took
}

// Probes counts health checks since the start.
type Probes struct {
	Probes   uint64            `json:"probes"`
	Failures uint64            `json:"failures"`
	InFlight int               `json:"in_flight"`
	Faults   map[string]uint64 `json:"faults"` // of this host, by kind
}

// APICounts counts what was asked of this interface since the start.
type APICounts struct {
	Requests uint64 `json:"requests"`
	Refused  uint64 `json:"refused"`
}

// Geo is a database that places come from.
type Geo struct {
	File        string    `json:"file"` // "" for the embedded world
	Type        string    `json:"type"`
	Built       time.Time `json:"built"`
	Attribution string    `json:"attribution"`
}

// Target is something probed and what came of it.
type Target struct {
	Target    string        `json:"target"` // "http 192.0.2.1:80/healthz"
	State     string        `json:"state"`
	Since     time.Time     `json:"since"`
	LastProbe time.Time     `json:"last_probe"`
	LastError string        `json:"last_error"`
	Latency   time.Duration `json:"latency_ns"`
	Server    string        `json:"server"` // for which it is probed
	Rise      int           `json:"rise"`   // good results in a row that bring it up
	Fall      int           `json:"fall"`   // bad ones that take it down
	Streak    int           `json:"streak"` // results against the state, in a row
	Needed    int           `json:"needed"` // results that would change the state; 0: settled
	Held      string        `json:"held"`   // what keeps it down though it is well
	Load      *float64      `json:"load"`   // what a push check's server said
}

// Targets lists what a snapshot holds.
func Targets(h *healthcheck.Snapshot) []Target {
	list := make([]Target, len(h.Targets))
	for i, t := range h.Targets {
		list[i] = TargetOf(t, h.State(healthcheck.Slot(i)))
	}
	return list
}

// TargetOf is a target in a state.
func TargetOf(t healthcheck.Target, s healthcheck.State) Target {
	target := Target{
		Target: t.String(), State: s.Status.String(), Since: s.Since, LastProbe: s.LastProbe,
		LastError: s.LastError, Latency: s.Latency, Needed: s.Needed, Held: s.Held.String(),
		Rise: t.Check.Rise, Fall: t.Check.Fall, Streak: s.Streak,
	}
	if s.HasLoad {
		target.Load = &s.Load
	}
	return target
}

// Vital is a target and how fast it was.
type Vital struct {
	Target Target `json:"target"`
	// Latencies of the last 180 minutes in microseconds, the mean of each, the newest last. -1: a probe failed in that
	// minute; 0: there was none. Minutes before the first are left out.
	Latencies []int32 `json:"latencies_us"`
}

// Zone is a zone that is configured.
type Zone struct {
	Name    string `json:"name"` // absolute
	Serial  uint32 `json:"serial"`
	Names   int    `json:"names"`
	State   string `json:"state"`   // "serving", "loading", "failed"
	Signed  bool   `json:"signed"`  // it is served with signatures
	Problem string `json:"problem"` // why the file as it is now is not served, as "file:line: text"; empty: it is
}

// Zones lists what a set holds, in its order.
func Zones(s *zones.Set) []Zone {
	list := make([]Zone, s.Len())
	for i := range list {
		e := s.Entry(i)
		list[i] = Zone{Name: presentation(e.Origin), State: "failed"}
		switch {
		case e.Zone != nil:
			list[i].State, list[i].Serial, list[i].Names = "serving", e.Zone.Serial(), e.Zone.Nodes()
			list[i].Signed = e.Zone.Signed()
		case e.Loading:
			list[i].State = "loading"
		}
	}
	return list
}

// presentation is the text of a name in wire form.
func presentation(wire string) string {
	name, _, err := dns.UnpackDomainName([]byte(wire), 0)
	if err != nil {
		return ""
	}
	return name
}

// ZoneText is one zone with the text it comes from.
type ZoneText struct {
	Zone
	File     string   `json:"file"`     // in the zones folder
	Text     string   `json:"text"`     // of the file at this moment, which may be newer than what is served
	Cut      bool     `json:"cut"`      // the text goes on
	Problems []string `json:"problems"` // of this zone
}

// ZoneReport says what is wrong with a text.
type ZoneReport struct {
	OK       bool     `json:"ok"` // it would be served
	Problems []string `json:"problems"`
}

// Reloaded says what a reload came to.
type Reloaded struct {
	Generation uint64   `json:"generation"`
	Summary    string   `json:"summary"`
	Warnings   []string `json:"warnings"` // settings that take effect at the next start
	Problems   []string `json:"problems"` // zones that keep their last good version, as "file:line: text"
}

// Heartbeat is what a server says of itself.
type Heartbeat struct {
	Load *float64 `json:"load,omitempty"` // as the server likes
	Down string   `json:"down,omitempty"` // why it is not well; empty: it is
}

// LogLevel says how grave an event must be to be logged.
type LogLevel struct {
	Level string `json:"level"` // "debug", "info", "warn", "error"
	Who   string `json:"who,omitempty"`
}

// AlertResult is what became of a test message.
type AlertResult struct {
	Receiver string `json:"receiver"`
	Error    string `json:"error"` // empty: it has it
}

// Done says that something was taken.
type Done struct {
	OK bool `json:"ok"`
}
