package main

import (
	"bytes"
	"net"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/miekg/dns"
)

// place is what a database tells of a network.
type place struct {
	lat, lon float64
	country  string
}

// world has a network in Europe, one in America and one in Australia.
func world() map[string]place {
	return map[string]place{"81.2.69.0/24": {51.5, -0.1, "GB"}, "8.8.8.0/24": {37.4, -122, "US"}, "1.1.1.0/24": {-33.9, 151.2, "AU"}}
}

// database is a city database of a few networks.
func database(t *testing.T, places map[string]place) string {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	for text, p := range places {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Insert(network, mmdbtype.Map{
			"location": mmdbtype.Map{"latitude": mmdbtype.Float64(p.lat), "longitude": mmdbtype.Float64(p.lon)},
			"country":  mmdbtype.Map{"iso_code": mmdbtype.String(p.country)},
		}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestServeFollowsGeoFiles puts other databases in place of the one that is served from, good and bad ones.
func TestServeFollowsGeoFiles(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "203.0.113.10")

	at := p.mark()
	h.write("city.mmdb", database(t, map[string]place{"81.2.69.0/24": {40.7, -74, "US"}}))
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "198.51.100.10")
	p.find(at, "geo database loaded: geo: city.mmdb")

	at = p.mark()
	h.write("city.mmdb", database(t, world())[:500])
	p.find(at, "geo database refused; the one loaded serves on")
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "198.51.100.10")

	at = p.mark()
	h.write("city.mmdb", database(t, world()))
	p.find(at, "geo database loaded")
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "203.0.113.10")
}
