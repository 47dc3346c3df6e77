package geo

import (
	"math"
	"testing"
)

func TestParseCode(t *testing.T) {
	for in, want := range map[string]string{"DE": "DE", "de": "DE", "eU": "EU", "": "", "D": "", "DEU": "", "D1": "", "\xc3\xa4": "", "--": ""} {
		got, err := ParseCode(in)
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}

func TestParseSubdivision(t *testing.T) {
	for in, want := range map[string]string{
		"US-CA": "US-CA", "fr-75c": "FR-75C", "AD-07": "AD-07", "AR-B": "AR-B",
		"": "", "US": "", "US-": "", "USCA": "", "US-CALI": "", "U1-CA": "", "US-C_": "", "US_CA": "", "US-\x00A": "",
	} {
		got, err := ParseSubdivision(in)
		if got.String() != want || (err == nil) != (want != "") {
			t.Errorf("%q: %v, %v", in, got, err)
		}
		if err == nil && got.Country().String() != want[:2] {
			t.Errorf("%q: country %v", in, got.Country())
		}
	}
}

func TestValid(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for at, want := range map[[2]float64]bool{
		{52.5, 13.4}: true, {-90, -180}: true, {90, 180}: true, {0, 1}: true, {-0.5, 0}: true,
		{0, 0}: false, {90.1, 0}: false, {0, -180.1}: false, {nan, 1}: false, {1, nan}: false, {inf, 1}: false, {1, -inf}: false,
	} {
		if got := valid(at[0], at[1]); got != want {
			t.Errorf("%v: %v", at, got)
		}
	}
}
