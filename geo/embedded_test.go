package geo

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

func TestEmbeddedWorld(t *testing.T) {
	file := embeddedWorld()
	if len(file) > 12_000_000 {
		t.Errorf("%d bytes", len(file))
	}
	r, err := maxminddb.OpenBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Metadata.Description["en"], EmbeddedAttribution) {
		t.Errorf("no attribution in %q", r.Metadata.Description)
	}
	built, err := EmbeddedBuilt()
	if err != nil || built.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("built %v, %v", built, err)
	}
	if n := bytes.Count(file, []byte("country_code")); n != 1 {
		t.Errorf("the key country_code is written %d times", n)
	}
}

func TestEmbeddedWorldPlaces(t *testing.T) {
	db, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	has := db.Has()
	if want := (Attributes{Coordinates: true, Country: true, Continent: true, IPv4: true, IPv6: true}); has != want {
		t.Errorf("has %+v, want %+v", has, want)
	}
	// Networks of universities and state telecoms, which do not move.
	tests := []struct {
		addr, country, continent string
		near                     Point
		km                       float64
	}{
		{"129.132.19.216", "CH", "EU", Point{47.38, 8.55}, 150}, // ETH Zurich
		{"133.11.0.1", "JP", "AS", Point{35.71, 139.76}, 150},   // University of Tokyo
		{"18.9.22.69", "US", "NA", Point{42.36, -71.09}, 250},   // MIT
		{"143.107.1.1", "BR", "SA", Point{-23.56, -46.73}, 300}, // University of Sao Paulo
		{"137.158.1.1", "ZA", "AF", Point{-33.96, 18.46}, 250},  // University of Cape Town
		{"129.78.5.8", "AU", "OC", Point{-33.89, 151.19}, 250},  // University of Sydney
		{"2001:620::1", "CH", "EU", Point{47, 8}, 250},          // Switch
		{"2001:470::1", "US", "NA", Point{37.5, -121.98}, 6000}, // Hurricane Electric
		{"192.0.2.1", "", "", Point{}, 1},                       // documentation: no data
		{"10.1.2.3", "", "", Point{}, 1},                        // private use
		{"2001:db8::1", "", "", Point{}, 1},                     // documentation
		{"4000::1", "", "", Point{}, 1},                         // unallocated
	}
	for _, tt := range tests {
		p := db.Locate(netip.MustParseAddr(tt.addr)).Place
		if p.Country.String() != tt.country || p.Continent.String() != tt.continent || p.Located != (tt.country != "") {
			t.Errorf("%s: %+v", tt.addr, p)
		}
		if p.Located && DistanceKM(p.Point(), tt.near) > tt.km {
			t.Errorf("%s: %v is %.0f km from %v", tt.addr, p.Point(), DistanceKM(p.Point(), tt.near), tt.near)
		}
	}
}
