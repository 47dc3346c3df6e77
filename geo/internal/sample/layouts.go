package sample

import "github.com/maxmind/mmdbwriter/mmdbtype"

type m = mmdbtype.Map

func text(s string) mmdbtype.String { return mmdbtype.String(s) }

func names(s string) m { return m{"en": text(s), "de": text(s + " (de)")} }

// maxmind is a record of GeoIP2 City; empty parts are left out.
func maxmind(continent, country, subdivision, region, city string, at ...float64) m {
	r := m{}
	if continent != "" {
		r["continent"] = m{"code": text(continent), "names": names(continent)}
	}
	if country != "" {
		r["country"] = m{"iso_code": text(country), "names": names(country)}
		r["registered_country"] = m{"iso_code": text("US"), "names": names("US")}
	}
	if subdivision != "" {
		r["subdivisions"] = mmdbtype.Slice{
			m{"iso_code": text(subdivision), "names": names(region)},
			m{"iso_code": text("ZZZ"), "names": names("a part of " + region)},
		}
	}
	if city != "" {
		r["city"] = m{"names": names(city), "geoname_id": mmdbtype.Uint32(7)}
	}
	if len(at) == 2 {
		r["location"] = m{
			"latitude": mmdbtype.Float64(at[0]), "longitude": mmdbtype.Float64(at[1]),
			"accuracy_radius": mmdbtype.Uint16(20), "time_zone": text("Etc/UTC"),
		}
	}
	return r
}

func maxmindCity() []Entry {
	return []Entry{
		{"1.0.0.0/8", maxmind("EU", "DE", "BE", "Berlin", "Berlin", 52.5, 13.4)},
		{"1.2.3.0/26", maxmind("EU", "FR", "IDF", "Ile-de-France", "Paris", 48.85, 2.35)},
		{"1.2.3.128/25", maxmind("EU", "FR", "IDF", "Ile-de-France", "Paris", 48.85, 2.35)},
		{"1.2.4.0/24", maxmind("NA", "US", "CA", "California", "")},        // no coordinates
		{"1.2.5.0/24", maxmind("NA", "US", "", "", "")},                    // country only
		{"1.2.6.0/24", maxmind("", "JP", "", "", "", 0, 0)},                // 0,0 is no place
		{"1.2.7.0/24", m{"registered_country": m{"iso_code": text("US")}}}, // nothing that counts
		{"1.2.8.0/24", maxmind("EU", "", "", "", "")},                      // continent only
		{"1.2.9.0/24", maxmind("EU", "DE", "", "", "Nowhere", 123, 13.4)},  // out of range
		{"10.0.0.0/8", maxmind("EU", "IT", "", "", "Rome", 41.9, 12.5)},    // special space
		{"2001:4860::/32", maxmind("NA", "US", "CA", "California", "", 37.4, -122)},
		{"2001:4860:0:4200::/58", maxmind("OC", "AU", "NSW", "New South Wales", "Sydney", -33.9, 151.2)},
		{"2a00::/12", maxmind("EU", "GB", "ENG", "England", "London", 51.5, -0.1)},
	}
}

func maxmindCountry() []Entry {
	return []Entry{
		{"1.0.0.0/8", maxmind("EU", "DE", "", "", "")},
		{"9.0.0.0/8", maxmind("NA", "US", "", "", "")},
		{"2a00::/12", maxmind("EU", "GB", "", "", "")},
	}
}

func asn(n uint32) m {
	return m{"autonomous_system_number": mmdbtype.Uint32(n), "autonomous_system_organization": text("An Org")}
}

func maxmindASN() []Entry {
	return []Entry{
		{"1.0.0.0/9", asn(64500)},
		{"1.2.3.0/24", asn(64501)},
		{"9.9.9.9/32", asn(64502)},
		{"2a00::/13", asn(64503)},
	}
}

// dbipCity is MaxMind's layout with names of subdivisions but no codes.
func dbipCity() []Entry {
	return []Entry{{"77.0.0.0/8", m{
		"city": m{"names": names("Milan")}, "continent": m{"code": text("EU"), "geoname_id": mmdbtype.Uint32(1)},
		"country":      m{"iso_code": text("IT"), "is_in_european_union": mmdbtype.Bool(true)},
		"location":     m{"latitude": mmdbtype.Float64(45.46), "longitude": mmdbtype.Float64(9.19)},
		"subdivisions": mmdbtype.Slice{m{"names": names("Lombardy")}},
	}}}
}

func flat(country, state, city string, lat, lon float32) m {
	return m{
		"country_code": text(country), "state1": text(state), "state2": text(""), "city": text(city),
		"postcode": text(""), "timezone": text(""),
		"latitude": mmdbtype.Float32(lat), "longitude": mmdbtype.Float32(lon),
	}
}

func flatCity(version int) []Entry {
	if version == 4 {
		return []Entry{
			{"81.2.69.0/24", flat("GB", "England", "London", 51.5143, -0.0912244)},
			{"81.2.70.0/23", flat("ZZ", "", "", 0, 0)},
			{"200.0.0.0/7", flat("BR", "Sao Paulo", "Sao Paulo", -23.5, -46.6)},
		}
	}
	return []Entry{
		{"2a00::/31", flat("DE", "Hesse", "Frankfurt am Main", 50.11, 8.68)},
		{"2002::/16", flat("US", "California", "Culver City", 34, -118.4)}, // aliases say nothing
		{"2001::/32", flat("US", "California", "Culver City", 34, -118.4)},
	}
}

func flatASN() []Entry {
	return []Entry{{"81.2.64.0/19", asn(20712)}, {"2a00::/24", asn(20713)}}
}

func ipinfoLocation() []Entry {
	return []Entry{
		{"5.0.0.0/8", m{
			"city": text("Nairobi"), "region": text("Nairobi County"), "country": text("KE"),
			"lat": text("-1.28333"), "lng": text("36.81667"), "postal_code": text("09831"),
		}},
		{"6.0.0.0/8", m{
			"city": text("Perth"), "region": text("Western Australia"), "country": text("AU"),
			"loc": text("-31.95,115.86"), "region_code": text("WA"),
		}},
		{"2c0f::/16", m{"country": text("ZA"), "lat": text("south"), "lng": text("NaN")}},
	}
}

func ipinfoLite() []Entry {
	return []Entry{
		{"8.8.8.0/24", m{
			"asn": text("AS15169"), "as_name": text("Google"), "as_domain": text("google.com"),
			"country": text("United States"), "country_code": text("US"),
			"continent": text("North America"), "continent_code": text("NA"),
		}},
		{"2a01::/16", m{"country": text("NL"), "continent": text("EU"), "asn": text("1136")}},
	}
}

func ownLayout() []Entry {
	return []Entry{
		{"7.0.0.0/8", m{
			"pos":  mmdbtype.Slice{mmdbtype.Float64(47.4), mmdbtype.Float64(8.5)},
			"land": m{"code": text("CH")}, "canton": text("CH-ZH"), "part": text("EU"),
			"net": m{"origin": text("AS559")},
		}},
		{"2a02::/16", m{"pos": mmdbtype.Slice{mmdbtype.Float64(59.9), mmdbtype.Float64(10.7)}, "land": m{"code": text("no")}}},
	}
}
