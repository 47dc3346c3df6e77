package main

import (
	"bytes"
	"net"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/miekg/dns"
)

// database is a small city database in which 81.2.69.0/24 is in one place.
func database(t *testing.T, lat, lon float64, country string) string {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	_, network, err := net.ParseCIDR("81.2.69.0/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Insert(network, mmdbtype.Map{
		"location": mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)},
		"country":  mmdbtype.Map{"iso_code": mmdbtype.String(country)},
	}); err != nil {
		t.Fatal(err)
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
	h.write("city.mmdb", database(t, 51.5, -0.1, "GB"))
	h.replace("meridian.toml", "[servers]", "[geo]\ncity = \"city.mmdb\"\n[servers]")
	p := h.serve()
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "203.0.113.10")

	at := p.mark()
	h.write("city.mmdb", database(t, 40.7, -74, "US"))
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "198.51.100.10")
	p.find(at, "geo database loaded: geo: city.mmdb")

	at = p.mark()
	h.write("city.mmdb", database(t, 51.5, -0.1, "GB")[:500])
	p.find(at, "geo database refused; the one loaded serves on")
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "198.51.100.10")

	at = p.mark()
	h.write("city.mmdb", database(t, 51.5, -0.1, "GB"))
	p.find(at, "geo database loaded")
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "203.0.113.10")
}
