package geo

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sampleBytes are the sample files by name.
func sampleBytes(t testing.TB) map[string][]byte {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(samples, "*.mmdb"))
	if len(paths) == 0 {
		t.Fatal("no sample databases")
	}
	out := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = data
	}
	return out
}

func knownSchema(t testing.TB) *schema {
	t.Helper()
	s, err := newSchema(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// use does with a file that was accepted all that can be done with it.
func use(t testing.TB, src *source) {
	t.Helper()
	db := &Database{sources: []*source{src}, city: []*source{src}, asn: []*source{src}}
	db.has = db.attributes()
	db.Sources()
	for _, a := range []string{"1.2.3.4", "223.255.255.255", "2a00::1", "2001:4860::", "dfff:ffff:ffff:ffff::"} {
		db.Locate(netip.MustParseAddr(a))
	}
	p, err := db.Partition(Want{Subdivision: true, ASN: true, Nets: []netip.Prefix{netip.MustParsePrefix("1.2.0.0/16")}})
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, p)
}

func TestTruncated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.mmdb")
	for name, data := range sampleBytes(t) {
		for n := 0; n < len(data); n += 1 + len(data)/211 {
			if err := os.WriteFile(path, data[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(Options{City: []string{path}})
			if err == nil || !strings.HasPrefix(err.Error(), "geo database "+path+": ") {
				t.Errorf("%s cut at %d of %d: %v", name, n, len(data), err)
			}
		}
	}
}

// A file with flipped bits is refused or harmless.
func TestFlippedBits(t *testing.T) {
	s := knownSchema(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for _, data := range sampleBytes(t) {
		for i := 0; i < len(data); i += 1 + rnd.IntN(9) {
			bad := slices.Clone(data)
			bad[i] ^= 1 << rnd.IntN(8)
			src, err := newSource("flipped", bad, s)
			if err != nil {
				refused++
				continue
			}
			use(t, src)
		}
	}
	if refused < 100 {
		t.Errorf("only %d files refused", refused)
	}
}

// crafted puts a file together by hand: the nodes' records, of 32 bits, and the
// data section. "no data" is written as none, an offset as data+offset.
type crafted struct {
	version uint16
	nodes   [][2]uint32
	data    []byte
	count   int // nodes claimed, if not 0
}

const (
	none = 1 << 31
	data = 1<<31 + 1
)

func (c crafted) bytes() []byte {
	var out []byte
	for _, n := range c.nodes {
		for _, r := range n {
			if r >= none {
				r = r - none + uint32(len(c.nodes))
				if r > uint32(len(c.nodes)) {
					r += separator - 1
				}
			}
			out = binary.BigEndian.AppendUint32(out, r)
		}
	}
	out = append(out, make([]byte, separator)...)
	out = append(out, c.data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	count := len(c.nodes)
	if c.count != 0 {
		count = c.count
	}
	out = append(out, 0xe0|6)
	out = append(append(out, text("node_count")...), 0xc4)
	out = binary.BigEndian.AppendUint32(out, uint32(count))
	out = append(append(out, text("record_size")...), 0xa1, 32)
	out = append(append(out, text("ip_version")...), 0xa1, byte(c.version))
	out = append(append(out, text("database_type")...), text("crafted")...)
	out = append(append(out, text("binary_format_major_version")...), 0xa1, 2)
	return append(append(out, text("binary_format_minor_version")...), 0xa0)
}

// text encodes a string, in the two forms of length that tests need.
func text(s string) []byte {
	if len(s) < 29 {
		return append([]byte{0x40 | byte(len(s))}, s...)
	}
	n := len(s) - 285
	return append([]byte{0x40 | 30, byte(n >> 8), byte(n)}, s...)
}

// pointer encodes a pointer to an offset from 2 to 66 KiB.
func pointer(at int) []byte {
	at -= 2048
	return []byte{0x28, byte(at >> 8), byte(at)}
}

// country is a record that makes a city file.
func country() []byte { return append(append([]byte{0xe1}, text("country")...), text("DE")...) }

func TestCrafted(t *testing.T) {
	ladder := func(n int, last [2]uint32) (out [][2]uint32) { // both ways lead on
		for i := range n {
			out = append(out, [2]uint32{uint32(i + 1), uint32(i + 1)})
		}
		return append(out, last)
	}
	fans, strs := fanOut()
	for name, c := range map[string]struct {
		file crafted
		want string // "" accepted
	}{
		"smallest":         {crafted{4, [][2]uint32{{data, none}}, country(), 0}, ""},
		"shared a little":  {crafted{6, ladder(16, [2]uint32{data, none}), country(), 0}, ""},
		"shared v6":        {crafted{6, ladder(120, [2]uint32{data, none}), country(), 0}, errShared.Error()},
		"shared v4":        {crafted{4, ladder(31, [2]uint32{data, none}), country(), 0}, errShared.Error()},
		"too deep":         {crafted{4, ladder(40, [2]uint32{data, none}), country(), 0}, "at bit depth 128"},
		"cycle":            {crafted{6, [][2]uint32{{0, data}}, country(), 0}, "cycle at node 0"},
		"outside":          {crafted{4, [][2]uint32{{data + 99, none}}, country(), 0}, "outside the data"},
		"in the separator": {crafted{4, [][2]uint32{{2, none}}, country(), 0}, "outside the data"},
		"nodes claimed":    {crafted{4, [][2]uint32{{data, none}}, country(), 1 << 30}, "invalid metadata"},
		"arrays":           {fans, errLarge.Error()},
		"strings":          {strs, errLarge.Error()},
		"nested":           {crafted{4, [][2]uint32{{data, none}}, append(slices.Repeat([]byte{0x01, 0x04}, 100), text("x")...), 0}, "nested too deep"},
		"points to itself": {crafted{4, [][2]uint32{{data, none}}, []byte{0x20, 0}, 0}, "pointer"},
		"unreferenced":     {crafted{4, [][2]uint32{{data, none}}, append(country(), text("x")...), 0}, "verify: "},
	} {
		start := time.Now()
		src, err := newSource(name, c.file.bytes(), knownSchema(t))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		switch {
		case c.want == "" && err == nil:
			use(t, src)
		case c.want == "" || err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// fanOut makes two files of a few dozen kilobytes that a plain decoder reads as
// gigabytes: 4,000 records that all point to one array of 4,000 values, or to
// one string of 60,000 bytes.
func fanOut() (arrays, strs crafted) {
	const n = 4000
	build := func(shared []byte) crafted {
		at := 4000 // of the shared value, where pointers of three bytes reach
		section := append(text(strings.Repeat("x", at-3)), shared...)
		records := []uint32{data, data + uint32(at)}
		for len(records) < 4096 {
			records = append(records, data+uint32(len(section)))
			section = append(append(section, 0x01, 0x04), pointer(at)...)
		}
		return crafted{6, bush(records), section, 0}
	}
	size := n - 285
	array := append([]byte{30, 0x04, byte(size >> 8), byte(size)}, slices.Repeat([]byte{0x40}, n)...)
	return build(array), build(text(strings.Repeat("y", 60_000)))
}

// bush is a tree of even depth over a power of two of records.
func bush(records []uint32) [][2]uint32 {
	nodes := make([][2]uint32, len(records)-1)
	for i := range nodes {
		for b := range 2 {
			child := 2*i + 1 + b
			if child < len(nodes) {
				nodes[i][b] = uint32(child)
			} else {
				nodes[i][b] = records[child-len(nodes)]
			}
		}
	}
	return nodes
}

func FuzzOpen(f *testing.F) {
	for _, data := range sampleBytes(f) {
		f.Add(data)
	}
	f.Add([]byte{})
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Add(crafted{4, [][2]uint32{{data, none}}, country(), 0}.bytes())
	f.Add(crafted{6, [][2]uint32{{0, data}}, country(), 0}.bytes())
	s := knownSchema(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		if src, err := newSource("fuzzed", file, s); err == nil {
			use(t, src)
		}
	})
}
