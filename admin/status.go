package admin

import (
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/zones"
)

// Status is the answer of /v1/status: a nameserver at one moment.
type Status struct {
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	Generation uint64    `json:"generation"` // counts the views published
	Listen     []string  `json:"listen"`
	Geo        []Geo     `json:"geo"`
	Targets    []Target  `json:"targets"`
	Zones      []Zone    `json:"zones"`
	Problems   []string  `json:"problems"` // of zones, as "file:line: text"
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
	Needed    int           `json:"needed"` // results that would change the state; 0: settled
}

// Targets lists what a snapshot holds.
func Targets(h *healthcheck.Snapshot) []Target {
	list := make([]Target, len(h.Targets))
	for i, t := range h.Targets {
		s := h.State(healthcheck.Slot(i))
		list[i] = Target{
			Target: t.String(), State: s.Status.String(), Since: s.Since, LastProbe: s.LastProbe,
			LastError: s.LastError, Latency: s.Latency, Needed: s.Needed,
		}
	}
	return list
}

// Zone is a zone that is configured.
type Zone struct {
	Name   string `json:"name"` // absolute
	Serial uint32 `json:"serial"`
	Names  int    `json:"names"`
	State  string `json:"state"` // "serving", "loading", "failed"
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
