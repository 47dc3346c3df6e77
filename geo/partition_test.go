package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/meridian-dns/meridian/geo/internal/sample"
	"github.com/oschwald/maxminddb-golang/v2"
)

// randomWorld is a random set of databases over a few blocks, dense enough that
// networks nest, cut blocks and meet special-purpose space.
type randomWorld struct {
	rnd  *rand.Rand
	t    *testing.T
	seen []netip.Addr // addresses where something begins
	ref  *reference
	db   *Database
	want Want
}

func TestPartitionAgreesWithLookups(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &randomWorld{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), ref: &reference{}}
			w.files()
			w.wanted()
			p, err := w.db.Partition(w.want)
			if err != nil {
				t.Fatal(err)
			}
			checkShape(t, p)
			r := newReference(t, p, func(res maxminddb.Result) Place { return maxmindPlace(t, res, w.want.Subdivision) })
			r.city, r.asn, r.asns = w.ref.city, w.ref.asn, w.want.ASN
			for _, a := range w.seen {
				for _, near := range []netip.Addr{a, a.Prev(), blockAfter(a)} {
					if near.IsValid() && near.Is4() == a.Is4() {
						r.compare(t, p, near)
					}
				}
			}
		})
	}
}

// blockAfter is the first address of the next block.
func blockAfter(a netip.Addr) netip.Addr {
	f := familyOf(a)
	return positionOf(a).last(f.blockBits()).next().addr(f)
}

func (w *randomWorld) files() {
	var o Options
	open := func(kind string, version int, aliased bool, entries []sample.Entry) string {
		data, err := sample.Build(kind, version, []int{24, 28, 32}[w.rnd.IntN(3)], aliased, entries)
		if err != nil {
			w.t.Fatal(err)
		}
		path := filepath.Join(w.t.TempDir(), kind+".mmdb")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			w.t.Fatal(err)
		}
		reader := openReader(w.t, data)
		if strings.Contains(kind, "asn") {
			w.ref.asn, o.ASN = append(w.ref.asn, reader), append(o.ASN, path)
		} else {
			w.ref.city, o.City = append(w.ref.city, reader), append(o.City, path)
		}
		return path
	}
	switch w.rnd.IntN(3) {
	case 0:
		open("city", 6, true, w.entries(40, true, w.city))
	case 1:
		open("city4", 4, false, w.entries4(40, w.city))
		open("city6", 6, false, w.entries(40, false, w.city))
	case 2: // overlapping files: the first that knows wins
		open("cityA", 6, false, w.entries(30, false, w.city))
		open("cityB", 6, true, w.entries(30, true, w.city))
	}
	open("asn", 6, w.rnd.IntN(2) == 0, w.entries(20, true, w.asn))
	var err error
	if w.db, err = Open(o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *randomWorld) wanted() {
	w.want = Want{Subdivision: w.rnd.IntN(2) == 0, ASN: w.rnd.IntN(2) == 0}
	for range w.rnd.IntN(12) {
		p := w.prefix()
		if most := familyOf(p.Addr()).blockBits(); p.Bits() > most {
			p, _ = p.Addr().Prefix(most - w.rnd.IntN(6))
		}
		if checkNet(p) == nil {
			w.want.Nets = append(w.want.Nets, p)
			w.seen = append(w.seen, p.Masked().Addr())
		}
	}
}

// prefix is one in the corners where things happen.
func (w *randomWorld) prefix() netip.Prefix {
	corners := []string{
		"20.1.2.0/22", "20.1.2.0/24", "9.255.255.0/23", "100.127.255.0/23", "223.255.255.0/24", "172.31.255.0/24",
		"2a00:1:2:300::/54", "2a00:1:2:300::/56", "2001:1:ffff:ff00::/55", "2001:db7:ffff:ff00::/56",
		"2001:0:ffff:ff00::/56", "2001:1ff:ffff:ff00::/56", "2003::/56", "64:ff9a:ffff:ff00::/56", "fbff::/16",
	}
	p := netip.MustParsePrefix(corners[w.rnd.IntN(len(corners))])
	f := familyOf(p.Addr())
	a := positionOf(p.Addr())
	free := position{w.rnd.Uint64(), w.rnd.Uint64()}
	mask := position{}.last(p.Bits() - w.rnd.IntN(2))
	a = position{a.hi | free.hi&mask.hi, a.lo | free.lo&mask.lo}
	lengths := []int{3, 8, 12, 16, 20, 22, 24, 25, 27, 30, 32}
	if f == ipv6 {
		lengths = []int{3, 8, 12, 16, 24, 32, 48, 54, 56, 58, 60, 64, 65, 96, 127, 128}
	}
	out, _ := a.addr(f).Prefix(lengths[w.rnd.IntN(len(lengths))])
	return out
}

// entries keeps out of where a writer of aliased trees lets nobody write.
func (w *randomWorld) entries(n int, aliased bool, record func() mmdbtype.DataType) []sample.Entry {
	var out []sample.Entry
	for range n {
		p := w.prefix()
		if aliased && (p.Bits() < 16 || inside(p, teredo)) && p.Addr().Is6() {
			continue
		}
		w.seen = append(w.seen, p.Addr())
		out = append(out, sample.Entry{Network: p.String(), Record: record()})
	}
	if !aliased {
		for _, s := range []string{"2002::/16", "::ffff:0:0/96", "64:ff9b::/96", "2001::/32"} {
			out = append(out, sample.Entry{Network: s, Record: record()})
		}
	}
	return append(out, sample.Entry{Network: "11.0.0.0/8", Record: record()})
}

func (w *randomWorld) entries4(n int, record func() mmdbtype.DataType) []sample.Entry {
	out := []sample.Entry{{Network: "11.0.0.0/8", Record: record()}}
	for len(out) < n {
		if p := w.prefix(); p.Addr().Is4() {
			w.seen = append(w.seen, p.Addr())
			out = append(out, sample.Entry{Network: p.String(), Record: record()})
		}
	}
	return out
}

func (w *randomWorld) city() mmdbtype.DataType {
	text := func(s string) mmdbtype.Map { return mmdbtype.Map{"iso_code": mmdbtype.String(s)} }
	at := mmdbtype.Map{"latitude": mmdbtype.Float64(10 + w.rnd.IntN(2)), "longitude": mmdbtype.Float64(20)}
	all := []mmdbtype.Map{
		{"country": text("DE"), "location": at},
		{"country": text("DE"), "location": at, "subdivisions": mmdbtype.Slice{text("BE")}},
		{"country": text("FR"), "continent": mmdbtype.Map{"code": mmdbtype.String("EU")}},
		{"registered_country": text("US")}, // nothing that counts
		{"country": text("US"), "subdivisions": mmdbtype.Slice{text("CA")}, "location": at},
	}
	return all[w.rnd.IntN(len(all))]
}

func (w *randomWorld) asn() mmdbtype.DataType {
	return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500 + w.rnd.IntN(3))}
}

// maxmindPlace decodes the nested layout by the library's reflection.
func maxmindPlace(t testing.TB, res maxminddb.Result, subdivision bool) Place {
	type iso struct {
		Code string `maxminddb:"iso_code"`
	}
	var rec struct {
		Country      iso   `maxminddb:"country"`
		Subdivisions []iso `maxminddb:"subdivisions"`
		Continent    struct {
			Code string `maxminddb:"code"`
		} `maxminddb:"continent"`
		Location struct {
			Latitude  float64 `maxminddb:"latitude"`
			Longitude float64 `maxminddb:"longitude"`
		} `maxminddb:"location"`
	}
	if err := res.Decode(&rec); err != nil {
		t.Fatal(err)
	}
	p := plain(rec.Country.Code, rec.Continent.Code, rec.Location.Latitude, rec.Location.Longitude)
	if subdivision && len(rec.Subdivisions) > 0 {
		p.Subdivision, _ = ParseSubdivision(rec.Country.Code + "-" + rec.Subdivisions[0].Code)
	}
	return p
}

func TestPartitionNets(t *testing.T) {
	db := openSample(t, Options{City: []string{"flat-city-ipv4.mmdb", "flat-city-ipv6.mmdb"}})
	prefixes := func(list ...string) (out []netip.Prefix) {
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	p, err := db.Partition(Want{Nets: prefixes(
		"2a00::/16", "10.1.2.3/16", "::/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.7.0/24", "11.0.0.0/8", "2002::/15")})
	if err != nil {
		t.Fatal(err)
	}
	want := []Net{
		{netip.MustParsePrefix("10.0.0.0/8"), 0}, {netip.MustParsePrefix("10.1.0.0/16"), 1},
		{netip.MustParsePrefix("10.1.7.0/24"), 2}, {netip.MustParsePrefix("11.0.0.0/8"), 0},
		{netip.MustParsePrefix("::/0"), 0}, {netip.MustParsePrefix("2002::/15"), 5}, {netip.MustParsePrefix("2a00::/16"), 5},
	}
	if !reflect.DeepEqual(p.Nets, want) {
		t.Errorf("nets %v, want %v", p.Nets, want)
	}
	for addr, want := range map[string]Place{
		"10.1.7.1":  {Special: true, Net: 3},
		"10.1.8.1":  {Special: true, Net: 2},
		"10.9.0.0":  {Special: true, Net: 1},
		"11.0.0.0":  {Net: 4},
		"12.0.0.0":  {},
		"192.0.2.1": {Special: true},
		"::1":       {Special: true}, // never a net's
		"2002::":    {Special: true}, // never a net's
		"64:ff9b::": {Special: true},
		"2003::":    {Net: 6},                //
		"2001::":    {Net: 5},                // Teredo is unknown
		"fe80::1":   {Special: true, Net: 5}, //
	} {
		if got := p.placeOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %+v, want %+v", addr, got, want)
		}
	}
}

// placeOf is the place of an address whose block is no mix.
func (p *Partition) placeOf(a netip.Addr) Place {
	atoms := &p.V6
	if a.Is4() {
		atoms = &p.V4
	}
	return p.Places[atoms.Place(atoms.Find(BlockOf(a)))]
}

func TestPartitionRefusesNets(t *testing.T) {
	db := openSample(t, Options{City: []string{"maxmind-country.mmdb"}})
	for net, want := range map[string]string{
		"192.0.2.0/25":         "net 192.0.2.0/25: longer than /24",
		"2a00::/57":            "net 2a00::/57: longer than /56",
		"::ffff:192.0.2.0/120": "net ::ffff:192.0.2.0/120: lies in ::ffff:0.0.0.0/96, where IPv4 addresses are embedded: write the IPv4 network",
		"64:ff9b::/96":         "net 64:ff9b::/96: lies in 64:ff9b::/96, where IPv4 addresses are embedded: write the IPv4 network",
		"2002:c000:200::/40":   "net 2002:c000:200::/40: lies in 2002::/16, where IPv4 addresses are embedded: write the IPv4 network",
		"64:ff9b::/56":         "net 64:ff9b::/56: lies in 64:ff9b::/56, where no client has its address",
		"::/56":                "net ::/56: lies in ::/56, where no client has its address",
	} {
		_, err := db.Partition(Want{Nets: []netip.Prefix{netip.MustParsePrefix(net)}})
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", net, err, want)
		}
	}
	if _, err := db.Partition(Want{Nets: []netip.Prefix{{}}}); err == nil {
		t.Error("the zero prefix is accepted")
	}
}

func TestPartitionKeepsWantedASNs(t *testing.T) {
	apart := Options{City: []string{"maxmind-city.mmdb"}, ASN: []string{"maxmind-asn.mmdb"}}
	together := Options{City: []string{"ipinfo-lite.mmdb"}}
	for _, c := range []struct {
		o     Options
		want  Want
		addrs [2]string
		asn   [2]uint32
	}{
		{apart, Want{}, [2]string{"1.1.1.1", "2a00::"}, [2]uint32{}},
		{apart, Want{ASN: true}, [2]string{"1.1.1.1", "2a00::"}, [2]uint32{64500, 64503}},
		{apart, Want{ASN: true, ASNs: []uint32{64503}}, [2]string{"1.1.1.1", "2a00::"}, [2]uint32{0, 64503}},
		{together, Want{}, [2]string{"8.8.8.8", "2a01::"}, [2]uint32{}},
		{together, Want{ASN: true}, [2]string{"8.8.8.8", "2a01::"}, [2]uint32{15169, 1136}},
	} {
		p, err := openSample(t, c.o).Partition(c.want)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range c.addrs {
			if got := p.placeOf(netip.MustParseAddr(a)).ASN; got != c.asn[i] {
				t.Errorf("%+v: %s is of %d, want %d", c.want, a, got, c.asn[i])
			}
		}
	}
}

// A network above ::/96 is one of IPv6: the IPv4 addresses below it, which have
// no tree of their own then, are not in it. Nor do IPv6 addresses get the data
// of the IPv4 tree.
func TestFamiliesStayApart(t *testing.T) {
	german := mmdbtype.Map{"country_code": mmdbtype.String("DE")}
	for network, want := range map[string]Attributes{
		"::/3":      {Country: true, Continent: true, IPv6: true},
		"2a00::/16": {Country: true, Continent: true, IPv6: true},
		"::/96":     {Country: true, Continent: true, IPv4: true},
		"::/104":    {Country: true, Continent: true}, // 0.0.0.0/8 is special-purpose
	} {
		data, err := sample.Build("flat", 6, 24, false, []sample.Entry{{Network: network, Record: german}})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "db.mmdb")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(Options{City: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		p, err := db.Partition(Want{})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"1.2.3.4", "0.1.2.3", "2a00::", "::102:304", "1::"} {
			addr := netip.MustParseAddr(a)
			if got := db.Locate(addr).Place; got != p.placeOf(addr) {
				t.Errorf("%s: %s: %+v here, %+v in the partition", network, a, got, p.placeOf(addr))
			}
		}
		if got := db.Has(); got != want {
			t.Errorf("%s: has %+v, want %+v", network, got, want)
		}
	}
}
