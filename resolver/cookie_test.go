package resolver

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reply gives the cookie that answers one, and whether the one asked with was
// valid.
func reply(t *testing.T, secrets []string, client, asked string, now uint32) (string, bool) {
	t.Helper()
	o := &Options{}
	for _, s := range secrets {
		o.CookieSecrets = append(o.CookieSecrets, [16]byte(unhex(t, s)))
	}
	q := &query{view: &View{opts: o}, req: &Request{
		Client: netip.AddrPortFrom(netip.MustParseAddr(client), 53), Now: now, Msg: unhex(t, asked),
	}}
	c := &q.edns.cookie
	if !c.parse(q.req.Msg, 0) || !c.verify(q) {
		t.Fatalf("cookie %s is refused", asked)
	}
	var dst [cookieSize]byte
	c.write(dst[:], q)
	return hex.EncodeToString(dst[:]), c.valid
}

// The examples of RFC 9018 appendix A, and what its section 4.3 says of age.
func TestRFC9018AppendixA(t *testing.T) {
	const first = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	const old, rolled = "dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962"
	cases := []struct {
		name    string
		secrets []string
		client  string
		asked   string
		now     uint32
		want    string
		valid   bool
	}{
		{"A.1", []string{first}, "198.51.100.100", "2464c4abcf10c957", 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", false},
		{"A.2", []string{first}, "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77", true},
		{"A.3 reserved octets set", []string{first}, "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", false},
		{"A.3 when it was made", []string{first}, "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 0x5cf78f71, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", true},
		{"A.4 secret rolled", []string{rolled, old}, "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, "22681ab97d52c298010000005cf7c609a6bb79d16625507a", true},
		{"fresh is echoed", []string{first}, "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 + 1800, "2464c4abcf10c957010000005cf79f111f8130c3eee29480", true},
		{"another client", []string{old}, "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985, "", false},
	}
	for _, c := range cases {
		got, valid := reply(t, c.secrets, c.client, c.asked, c.now)
		if c.want != "" && got != c.want || valid != c.valid {
			t.Errorf("%s: %s valid %v, want %s valid %v", c.name, got, valid, c.want, c.valid)
		}
	}
}

func TestCookieAge(t *testing.T) {
	const secret, made = "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559731985
	for _, c := range []struct {
		age   int
		valid bool
	}{{0, true}, {3600, true}, {3601, false}, {-300, true}, {-301, false}} {
		_, valid := reply(t, []string{secret}, "198.51.100.100",
			"2464c4abcf10c957010000005cf79f111f8130c3eee29480", uint32(made+c.age))
		if valid != c.valid {
			t.Errorf("age %d: valid %v, want %v", c.age, valid, c.valid)
		}
	}
}

func TestCookieLengths(t *testing.T) {
	for size := range 64 {
		var c cookie
		want := size == 8 || size >= 16 && size <= 40
		if got := c.parse(make([]byte, size), 0); got != want {
			t.Errorf("%d octets: accepted %v, want %v", size, got, want)
		}
	}
}
