package main

import (
	"bytes"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Places of the tests: the first three lie within the tolerance of a
// neighbour, 167 km apart each, but the outer ones do not.
func testChart() chart {
	return chart{
		newPlace(50, 8, country{'D', 'E'}),
		newPlace(51.5, 8, country{'D', 'E'}),
		newPlace(53, 8, country{'D', 'E'}),
		newPlace(50, 8, country{'F', 'R'}),
		newPlace(-33, 151, country{'A', 'U'}),
	}
}

func networkOf(prefix string, cell uint32) network {
	start, bits := flatten(netip.MustParsePrefix(prefix))
	return network{start, bits, cell}
}

func TestAddress(t *testing.T) {
	all := address{^uint64(0), ^uint64(0)}
	for n := range 129 {
		got := address{}
		for i := range n {
			got = got.set(i)
		}
		if got != all.cut(n) {
			t.Errorf("%d bits set one by one: %x, cut: %x", n, got, all.cut(n))
		}
	}
	if got := networkOf("192.0.2.0/24", 0); got.start != (address{lo: 0xc0000200}) || got.bits != 120 || got.size() != 256 {
		t.Errorf("got %+v", got)
	}
	if got := networkOf("2001:db8::/32", 0); got.start != (address{hi: 0x20010db8 << 32}) || got.bits != 32 {
		t.Errorf("got %+v", got)
	}
}

func TestGrid(t *testing.T) {
	g := newGrid(1.5)
	de, fr := country{'D', 'E'}, country{'F', 'R'}
	a, b := g.locate(0.1, 0.1, de), g.locate(1.4, 1.4, de)
	if a != b {
		t.Error("one field, two cells")
	}
	if g.locate(0.1, 0.1, fr) == a || g.locate(-0.1, 0.1, de) == a || g.locate(0.1, 1.6, de) == a {
		t.Error("another country or field, the same cell")
	}
	g.weigh(a, 0.1, 0.1, 1)
	g.weigh(a, 1.3, 1.1, 3)
	for id := range uint32(3) {
		g.weigh(id+1, 0, 0, 1)
	}
	if p := g.chart()[a]; p.lat != 1 || p.lon != 0.85 || p.country != de {
		t.Errorf("mean of the cell: %+v", p)
	}
}

func TestChart(t *testing.T) {
	c := testChart()
	if d := c.km(0, 1); d < 166.7 || d > 166.9 {
		t.Errorf("1.5 degrees of latitude are %.1f km", d)
	}
	for _, tt := range []struct {
		a, b uint32
		want bool
	}{{0, 0, true}, {0, 1, true}, {1, 2, true}, {0, 2, false}, {0, 3, false}, {0, 4, false}} {
		if got := c.near(tt.a, tt.b); got != tt.want {
			t.Errorf("near(%d, %d) = %v", tt.a, tt.b, got)
		}
	}
}

func TestPrevailing(t *testing.T) {
	c := testChart()
	tests := []struct {
		name  string
		tally tally
		cell  uint32
		share float64
	}{
		{"one", tally{{4, 10}}, 4, 1},
		{"majority", tally{{4, 10}, {0, 30}}, 0, 0.75},
		{"the lowest on a tie", tally{{4, 10}, {0, 10}}, 4, 0.5},
		{"neighbours together beat one larger", tally{{2, 40}, {0, 30}, {1, 30}}, 1, 1},
		{"the centre of the near ones", tally{{0, 40}, {1, 20}, {2, 40}}, 1, 1},
		{"the country with most first", tally{{3, 40}, {0, 30}, {2, 30}}, 0, 0.3},
	}
	for _, tt := range tests {
		if cell, share := tt.tally.prevailing(c); cell != tt.cell || share != tt.share {
			t.Errorf("%s: got %d with %v, want %d with %v", tt.name, cell, share, tt.cell, tt.share)
		}
	}
	if _, ok := (tally{{0, 1}, {2, 1}}).centre(c); ok {
		t.Error("333 km apart have a centre")
	}
}

func TestBlocker(t *testing.T) {
	tests := []struct {
		name string
		in   []network
		want []uint32 // cells, in order
	}{
		{"larger than a block", []network{networkOf("10.0.0.0/21", 0), networkOf("10.0.8.0/22", 4)}, []uint32{0, 4}},
		{"below ninety per cent", []network{networkOf("10.0.0.0/23", 0), networkOf("10.0.2.0/24", 0), networkOf("10.0.3.0/24", 4)},
			[]uint32{0, 0, 4}},
		{"above ninety per cent", []network{
			networkOf("10.0.0.0/23", 0), networkOf("10.0.2.0/24", 0), networkOf("10.0.3.0/25", 0),
			networkOf("10.0.3.128/26", 0), networkOf("10.0.3.192/26", 4),
		}, []uint32{0, 0, 0, 0, 0}},
		{"the majority of a fine block", []network{
			networkOf("10.0.0.0/23", 0), networkOf("10.0.2.0/24", 4), networkOf("10.0.3.0/26", 0), networkOf("10.0.3.64/26", 4),
			networkOf("10.0.3.128/25", 4),
		}, []uint32{0, 4, 4, 4, 4}},
		{"near places keep theirs", []network{networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/24", 1)}, []uint32{0, 1}},
		{"IPv6", []network{
			networkOf("2001:db8:100::/48", 0), networkOf("2001:db8:181::/49", 4), networkOf("2001:db8:181:8000::/50", 0),
			networkOf("2001:db8:200::/48", 4),
		}, []uint32{0, 4, 4, 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &blocker{granularity: granularityV4(), chart: testChart()}
			if tt.in[0].bits < 96 {
				b.granularity = granularityV6()
			}
			var got []network
			b.emit = func(n network) { got = append(got, n) }
			for _, n := range tt.in {
				b.add(n)
			}
			b.flush()
			if len(got) != len(tt.in) {
				t.Fatalf("%d networks became %d", len(tt.in), len(got))
			}
			for i, n := range got {
				if n.cell != tt.want[i] || n.start != tt.in[i].start || n.bits != tt.in[i].bits {
					t.Errorf("network %d: %+v, want cell %d", i, n, tt.want[i])
				}
			}
		})
	}
}

// written builds a database of networks and reads it back.
func written(t *testing.T, networks ...network) map[string]record {
	t.Helper()
	db, err := maxminddb.OpenBytes(encode(buildTree(testChart(), networks), testChart(), time.Unix(1_700_000_000, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Verify(); err != nil {
		t.Fatal(err)
	}
	got := map[string]record{}
	for r := range db.Networks() {
		var rec record
		if err := r.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		got[r.Prefix().String()] = rec
	}
	return got
}

func TestTree(t *testing.T) {
	de := func(lat float64) record { return record{lat, 8, "DE"} }
	au := record{-33, 151, "AU"}
	tests := []struct {
		name string
		in   []network
		want map[string]record
	}{
		{"one", []network{networkOf("10.0.0.0/8", 0)}, map[string]record{"10.0.0.0/8": de(50)}},
		{"equal neighbours", []network{networkOf("10.0.0.0/9", 0), networkOf("10.128.0.0/9", 0)}, map[string]record{"10.0.0.0/8": de(50)}},
		{"near neighbours, the larger wins", []network{networkOf("10.0.0.0/10", 0), networkOf("10.64.0.0/10", 1), networkOf("10.128.0.0/9", 1)},
			map[string]record{"10.0.0.0/8": de(51.5)}},
		{"a chain beyond the tolerance", []network{networkOf("10.0.0.0/10", 0), networkOf("10.64.0.0/10", 1), networkOf("10.128.0.0/9", 2)},
			map[string]record{"10.0.0.0/8": de(51.5)}},
		{"ends of the chain", []network{networkOf("10.0.0.0/9", 0), networkOf("10.128.0.0/9", 2)},
			map[string]record{"10.0.0.0/9": de(50), "10.128.0.0/9": de(53)}},
		{"no data stays so", []network{networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/25", 0), networkOf("10.0.2.0/24", 0)},
			map[string]record{"10.0.0.0/24": de(50), "10.0.1.0/25": de(50), "10.0.2.0/24": de(50)}},
		{"both families, equal parts", []network{networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/24", 4), networkOf("12.0.0.0/24", 0),
			networkOf("12.0.1.0/24", 4), networkOf("2001:db8::/32", 0), networkOf("2001:db9::/32", 4)},
			map[string]record{"10.0.0.0/24": de(50), "10.0.1.0/24": au, "12.0.0.0/24": de(50), "12.0.1.0/24": au, "2001:db8::/32": de(50), "2001:db9::/32": au}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := written(t, tt.in...)
			if !maps.Equal(got, tt.want) {
				t.Errorf("got %v\nwant %v", got, tt.want)
			}
			if n := buildTree(testChart(), tt.in).networks(); n != len(tt.want) {
				t.Errorf("counted %d networks, want %d", n, len(tt.want))
			}
		})
	}
}

func TestTreeShares(t *testing.T) {
	one := len(buildTree(testChart(), []network{networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/24", 4)}).nodes)
	two := len(buildTree(testChart(), []network{
		networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/24", 4), networkOf("11.0.0.0/24", 0), networkOf("11.0.1.0/24", 4),
	}).nodes)
	if two != one {
		t.Errorf("%d nodes, and %d with the same beside it", one, two)
	}
}

func TestMetadata(t *testing.T) {
	file := encode(buildTree(testChart(), []network{networkOf("10.0.0.0/8", 0)}), testChart(), time.Unix(1_700_000_000, 0))
	db, err := maxminddb.OpenBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	m := db.Metadata
	if m.BuildEpoch != 1_700_000_000 || m.IPVersion != 6 || m.RecordSize != 24 || m.DatabaseType != databaseType ||
		!strings.Contains(m.Description["en"], "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0") {
		t.Errorf("metadata %+v", m)
	}
}

// TestGenerate runs the whole command over a source of its own making.
func TestGenerate(t *testing.T) {
	dir := t.TempDir()
	for name, networks := range map[string][]network{
		fileV4: {networkOf("10.0.0.0/24", 0), networkOf("10.0.1.0/24", 4), networkOf("10.0.2.0/23", 0)},
		fileV6: {networkOf("2001:db8::/32", 4)},
	} {
		db := encode(buildTree(testChart(), networks), testChart(), time.Unix(1_700_000_000, 0))
		if err := os.WriteFile(filepath.Join(dir, name), db, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var files [2][]byte
	for i := range files {
		out := filepath.Join(dir, "world.mmdb")
		if err := run(options{from: dir, out: out, grid: 1.5}); err != nil {
			t.Fatal(err)
		}
		var err error
		if files[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same source gave two files")
	}
	db, err := maxminddb.OpenBytes(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Verify(); err != nil {
		t.Error(err)
	}
	for addr, want := range map[string]string{"10.0.0.1": "DE", "10.0.1.1": "AU", "10.0.3.1": "DE", "2001:db8::1": "AU", "10.0.4.1": ""} {
		var rec record
		if err := db.Lookup(netip.MustParseAddr(addr)).Decode(&rec); err != nil || rec.Country != want {
			t.Errorf("%s is in %q, %v, want %q", addr, rec.Country, err, want)
		}
	}
	if err := run(options{from: filepath.Join(dir, "missing"), out: filepath.Join(dir, "x")}); err == nil {
		t.Error("a folder without the source was accepted")
	}
}
