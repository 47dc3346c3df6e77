package metrics

import (
	"runtime"

	"github.com/meridian-dns/meridian/admin"
)

var (
	info       = desc("build_info", "1; which program this is.", "version", "goversion")
	generation = desc("view_generation", "Views published since the start.")
	reloaded   = desc("config_last_reload_successful", "1 if the last reload of the configuration went well, or none was tried.")
	geoLoaded  = desc("geo_last_reload_successful", "1 if the geo database in its files is the one in use.")
	geoBuilt   = desc("geo_database_built_timestamp_seconds", "When the maker of the geo database built it, 0 if it does not tell.", "file", "type")
	alarms     = desc("alarms", "What is wrong with the nameserver itself, or was given to it: 1 for each alarm that lasts.", "alarm")
	alarmCount = desc("alarms_raised", "How many alarms last.")
	waiting    = desc("alert_messages_waiting", "Messages of alerts that no receiver has yet.")
	logged     = desc("query_log_written_total", "Queries in the query log.")
	unlogged   = desc("query_log_dropped_total", "Queries of its sample that are not in the query log: it was slow, or could not be written.")
	tapped     = desc("dnstap_sent_total", "Messages of dnstap that were sent.")
	untapped   = desc("dnstap_dropped_total", "Messages of dnstap that were dropped: the reader was slow, or not there.")
	asked      = desc("api_requests_total", "Requests to the control interface that were let in.")
	refused    = desc("api_refused_total", "Requests to the control interface that were refused, by reason.", "reason")
)

func (p *page) self(s *Snapshot) {
	p.gauge(info, 1, s.Version, runtime.Version())
	p.gauge(generation, float64(s.Generation))
	p.gauge(reloaded, oneIf(len(s.Reload.Errors) == 0))
	geoWrong := false
	for _, a := range s.Alarms {
		p.gauge(alarms, 1, a.Key)
		geoWrong = geoWrong || a.Key == "geo"
	}
	p.gauge(alarmCount, float64(len(s.Alarms)))
	p.gauge(geoLoaded, oneIf(!geoWrong))
	seen := map[string]int{}
	for _, g := range s.Geo {
		file := g.Path
		if file == "" {
			file = "embedded"
		}
		p.gauge(geoBuilt, unix(g.Built), distinct(seen, file), g.Type)
	}
	p.gauge(waiting, float64(s.Waiting))
	p.api(s.API)
}

func (p *page) api(c *admin.Counts) {
	p.counter(asked, float64(c.Requests.Load()))
	p.counter(refused, float64(c.Connections.Load()), "connections")
	p.counter(refused, float64(c.Unauthorized.Load()), "unauthorized")
	p.counter(refused, float64(c.Forbidden.Load()), "forbidden")
	p.counter(refused, float64(c.Foreign.Load()), "foreign")
	p.counter(refused, float64(c.Malformed.Load()), "malformed")
}

func (p *page) logs(l *admin.Logs) {
	p.counter(logged, float64(l.Queries))
	p.counter(unlogged, float64(l.QueriesDropped))
	p.counter(tapped, float64(l.Dnstap))
	p.counter(untapped, float64(l.DnstapDropped))
}
