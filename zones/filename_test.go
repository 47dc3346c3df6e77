package zones

import "testing"

func TestOriginOfFile(t *testing.T) {
	for file, want := range map[string]string{
		"example.com.zone":                   "example.com.",
		"EXAMPLE.com.zone":                   "example.com.",
		"root.zone":                          ".",
		"%72oot.zone":                        "root.",
		"com.zone":                           "com.",
		"zone.zone":                          "zone.",
		"0%2F25.2.0.192.in-addr.arpa.zone":   "0/25.2.0.192.in-addr.arpa.",
		"a%2eb.example.zone":                 `a\.b.example.`,
		"_dmarc.example.zone":                "_dmarc.example.",
		"xn--mnchen-3ya.example.zone":        "xn--mnchen-3ya.example.",
		"%00.example.zone":                   `\000.example.`,
		"a b.zone":                           "",
		"example.com..zone":                  "",
		".example.com.zone":                  "",
		"münchen.example.zone":               "",
		"a%2.zone":                           "",
		"a%zz.zone":                          "",
		`a\046b.zone`:                        "",
		".zone":                              "",
		"example.com":                        "",
		"a23456789.a23456789.a23456789.zone": "a23456789.a23456789.a23456789.",
	} {
		wire, err := OriginOf(file)
		got := ""
		if err == nil {
			got = nameText(wire)
		}
		if got != want {
			t.Errorf("%s: got %q (%v), want %q", file, got, err, want)
		}
	}
}

func TestOriginOfFileIsLimited(t *testing.T) {
	label := "a23456789b123456789c123456789d123456789e123456789f123456789g123"
	long := label + "." + label + "." + label + "." + label[:61]
	if wire, err := OriginOf(long + suffix); err != nil || len(wire) != MaxName {
		t.Errorf("%d octets: %v", len(wire), err)
	}
	for _, file := range []string{label + "x" + suffix, long + "x" + suffix} {
		if _, err := OriginOf(file); err == nil {
			t.Errorf("%s passed", file)
		}
	}
}

func TestZoneFileNames(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com.zone": true, "example.com.zone~": false, ".example.com.zone.swp": false, ".#example.com.zone": false,
		"#example.com.zone#": false, "example.com.zone.bak": false, ".example.com.zone.Xa3f9Q": false, "hosts.inc": false, "4913": false,
	} {
		if isZoneFile(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
