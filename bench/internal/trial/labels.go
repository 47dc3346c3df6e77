package trial

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

const (
	randomQueries = 10_000_000
	randomSet     = 250_000 // made at a time
)

// labels asks ten million random questions, no two alike, and counts the series of /metrics before and after.
func labels(r *Rig, t *Trial) error {
	running, stop, err := r.start(t.Name, r.geoWorkload(), peer.Logged)
	if err != nil {
		return err
	}
	defer stop()
	p, all := running[0], randomQueries
	if r.Quick {
		all = randomSet
	}
	socket := filepath.Join(r.Dir, t.Name, p.Peer.Name, "state", "control.sock")
	// Whatever the first queries bring is there before: a series is to come of none of the others.
	if _, err := peer.Ask(p.Addr, queries.Random(1, 0).At(0), time.Second); err != nil {
		return err
	}
	before, err := series(socket)
	if err != nil {
		return err
	}
	began, sent, answered := time.Now(), 0, 0
	for chunk := 1; sent < all; chunk++ {
		res, err := load.Each(p.Addr, queries.Random(randomSet, uint64(chunk)), window)
		if err != nil {
			return err
		}
		sent, answered = sent+res.Sent, answered+res.Answered
	}
	after, err := series(socket)
	if err != nil {
		return err
	}
	came := 0
	for name := range after {
		if !before[name] && !strings.HasPrefix(name, "go_") {
			came++
			t.note("a series that came: `%s`", name)
		}
	}
	t.note("%d questions with random names, types, classes and client subnets in %.0f s, the making of them included; %d answered", sent, time.Since(began).Seconds(), answered)
	t.add(peer.Meridian.Name, "series before", "series", float64(len(before)))
	t.add(peer.Meridian.Name, "series after", "series", float64(len(after)))
	t.add(peer.Meridian.Name, SeriesMetric, "series", float64(came))
	t.add(peer.Meridian.Name, "unanswered", "queries", float64(sent-answered))
	t.Others = append(t.Others, 0) // nothing that other programs do changes a count
	return nil
}

// SeriesMetric names how many series came by random queries.
const SeriesMetric = "series that came by queries"

// series are the names and labels that a scrape holds.
func series(socket string) (map[string]bool, error) {
	c := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
	resp, err := c.Get("http://meridian/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s %w", resp.Status, err)
	}
	all := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			all[line[:at]] = true
		}
	}
	if len(all) < 100 {
		return nil, fmt.Errorf("/metrics holds only %d series", len(all))
	}
	return all, nil
}
