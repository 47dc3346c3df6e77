package admin

import (
	"net/http"
	"strconv"
	"time"
)

// Bounds of waiting for a change.
const (
	maxWatchers = 24 // of the 64 connections, for each listener
	watchTime   = 10 * time.Second
	watchEvery  = 100 * time.Millisecond
)

// Moment tells whether anything has changed.
type Moment struct {
	Stamp uint64    `json:"stamp"` // another one: something has changed
	Now   time.Time `json:"now"`
}

// pageRoutes are those that were made for the page.
func pageRoutes() []route {
	return []route{
		{method: "GET", path: "/v1/targets", need: Read, about: "the targets of servers, with their latencies of the last three hours; server may stand several times",
			query: []string{"server*"}, answer: []Vital{},
			serve: func(c *call) (any, error) { return list(c.source.Vitals(c.URL.Query()["server"])), nil }},
		{method: "GET", path: "/v1/watch", need: Read, about: "waits up to 10 s for a change since the stamp in after; without it answers at once",
			query: []string{"after"}, answer: Moment{}, serve: watch},
	}
}

// watch answers when the stamp is another than the caller knows, or after a while: so a page shows changes at once, and
// knows that it is connected. It costs a look at a number ten times a second.
func watch(c *call) (any, error) {
	known, err := strconv.ParseUint(c.FormValue("after"), 10, 64)
	if c.FormValue("after") == "" {
		return Moment{c.source.Stamp(), time.Now()}, nil
	}
	if err != nil {
		return nil, BadRequest("after=%q is not a stamp", c.FormValue("after"))
	}
	select {
	case c.watchers <- struct{}{}:
		defer func() { <-c.watchers }()
	default:
		return nil, refuse(http.StatusServiceUnavailable, "too many wait for changes; ask again in some seconds, without after")
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for end := time.Now().Add(watchTime); c.source.Stamp() == known && time.Now().Before(end); {
		select {
		case <-c.Context().Done():
			return nil, c.Context().Err()
		case <-tick.C:
		}
	}
	return Moment{c.source.Stamp(), time.Now()}, nil
}
