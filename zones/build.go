package zones

import (
	"encoding/binary"
	"hash/maphash"
	"io"
	"math"
	"path"

	"github.com/meridian-dns/meridian/dnssec"
)

// text is what a zone is made of.
type text struct {
	origin string // wire form, lower case
	files  []string
	src    io.Reader
	size   int64
	open   openFile
	geo    FindGeo // nil: references are not looked up
	limits Limits
	serial func() uint32 // called when all was read: what the SOA shall say; nil: what it says
	sign   signer        // nil: the zone is not signed here
	aside  bool          // not to be served: no signatures are made, those of others are verified
	prev   *Zone         // the version served before, for its signatures; may be nil
}

// signer gives what signs a zone now.
type signer func() (*dnssec.Signer, error)

// built is what became of a zone's text.
type built struct {
	zone     *Zone // nil if some problem is an error
	problems []Problem
	files    []string // by Pos.File
	records  int
	cut      bool   // the text of a file does not end with a newline
	content  uint64 // sum over the records, the SOA's serial left out
	soa      Pos
}

// build goes the whole way from text to a compiled zone.
func build(t text, seed maphash.Seed) built {
	rep := &report{zone: shortText(t.origin), files: t.files, limit: t.limits.Problems}
	zone := newBuilder(t.origin)
	place, placed := zone.beside(t.size)
	recs := parse(t.src, t.size, t.origin, t.open, t.limits, rep, place)
	placed()
	b := built{records: len(recs)}
	if rep.errors == 0 {
		b.compile(t, zone, recs, rep, seed)
	}
	b.files, b.cut = rep.files, rep.cut
	b.problems = rep.problems()
	return b
}

func (b *built) compile(t text, zone *builder, recs []Record, rep *report, seed maphash.Seed) {
	zone.sort(recs)
	c := &checker{origin: t.origin, rep: rep}
	c.check(recs, zone)
	if c.soa >= 0 {
		b.soa = recs[c.soa].Pos
		b.content = content(recs, seed)
		setSerial(&recs[c.soa], t.serial)
	}
	hashes := []foreignNSEC3(nil)
	if c.foreign {
		zone, recs, hashes = zone.apart(recs, rep)
	}
	z, err := zone.compile(recs)
	if err != nil {
		if rep.errors == 0 {
			rep.fail(Pos{Line: 1}, "%v", err)
		}
		return
	}
	relate(z, recs, c.cuts, c.dnames, rep)
	checkRefs(z, t.geo, rep)
	if rep.errors > 0 {
		return
	}
	switch {
	case c.foreign:
		z = takeForeign(t, z, recs, hashes, rep)
	case t.sign != nil:
		z = signHere(t, z, recs, rep)
	}
	if rep.errors == 0 {
		b.zone = z
	}
}

// setSerial writes another serial into a SOA record.
func setSerial(soa *Record, serial func() uint32) {
	if serial == nil {
		return
	}
	data := []byte(soa.Data)
	binary.BigEndian.PutUint32(data[len(data)-soaTail:], serial())
	soa.Data = string(data)
}

// soaTail is what SOA RDATA ends in: serial, refresh, retry, expire, minimum.
const soaTail = 20

// content is a hash of what the records say, in whatever order, the serial
// apart.
func content(recs []Record, seed maphash.Seed) uint64 {
	sum := uint64(0)
	var h maphash.Hash
	h.SetSeed(seed)
	for i := range recs {
		r := &recs[i]
		if r.Type == 0 {
			continue
		}
		var head [6]byte
		binary.BigEndian.PutUint16(head[:], r.Type)
		binary.BigEndian.PutUint32(head[2:], r.TTL)
		h.Reset()
		h.Write(head[:])
		h.WriteString(r.Owner)
		data := r.Data
		if r.Type == typeSOA {
			h.WriteString(data[:len(data)-soaTail])
			data = data[len(data)-soaTail+4:]
		}
		h.WriteString(data)
		sum += h.Sum64()
	}
	return sum
}

// newerSerial tells whether a is after b (RFC 1982 section 3.2).
func newerSerial(a, b uint32) bool {
	return a != b && a-b < math.MaxInt32
}

// Parse reads a zone from text that is in no folder. file is the name that
// problems give it, and its base name gives the origin; files it includes are
// not found. geo may be nil: references are then not looked up. The zone is
// nil if some problem is more than a warning.
func Parse(file string, src io.Reader, size int64, geo FindGeo) (*Zone, []Problem) {
	return parseWith(Limits{}, file, src, size, geo, nil)
}

// ParseWithin is Parse within limits; those at zero have their defaults.
func ParseWithin(limits Limits, file string, src io.Reader, size int64, geo FindGeo) (*Zone, []Problem) {
	return parseWith(limits, file, src, size, geo, nil)
}

// ParseSigned is Parse and signs the zone, unless find is nil.
func ParseSigned(file string, src io.Reader, size int64, geo FindGeo, find FindSigner) (*Zone, []Problem) {
	return parseWith(Limits{}, file, src, size, geo, find)
}

func parseWith(limits Limits, file string, src io.Reader, size int64, geo FindGeo, find FindSigner) (*Zone, []Problem) {
	origin, err := OriginOf(path.Base(file))
	if err != nil {
		return nil, []Problem{{File: file, Text: err.Error()}}
	}
	t := text{
		origin: origin, files: []string{file}, src: src, size: size,
		open: nothing, geo: geo, limits: limits.withDefaults(),
	}
	if find != nil {
		t.sign = func() (*dnssec.Signer, error) { return find(origin, dnssec.Options{}) }
	}
	b := build(t, maphash.MakeSeed())
	return b.zone, b.problems
}
