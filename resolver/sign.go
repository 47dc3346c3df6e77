package resolver

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/steer"
)

// column is a variant that is to be signed.
type column struct {
	typ   uint16
	rdata [][]byte // canonical
	old   int      // the same variant's column in the table before; -1: none
}

// signing is the filling of a table.
type signing struct {
	*geoTable
	old     *geoTable // nil: none before
	rows    []int     // by row: the same name's in old; -1: none
	columns []column
	now     int64
	how     urgency
}

// urgency says how much a table is wanted.
type urgency struct {
	now  bool        // answers wait for it
	stop func() bool // it is not wanted any more; nil: it is to the end
}

// sign fills the table with the signatures of all variants of t.state, those
// of the table before, which may be nil, as long as they are fresh. One that was
// stopped is of no use, but for the signatures in the signer's cache.
func (t *geoTable) sign(old *geoTable, now int64, how urgency) {
	s := &signing{geoTable: t, now: now, how: how}
	if old != nil && old.zone.Signer().Same(t.zone.Signer(), typeA) {
		s.old = old
	}
	s.variants()
	s.matchRows()
	t.arena, t.offsets, t.err, t.expires = nil, nil, nil, math.MaxUint32
	s.fill()
	t.retry = now + retryAfter
}

// variants lists the columns.
func (s *signing) variants() {
	before := map[string]int{}
	if s.old != nil {
		for i, key := range s.old.keys {
			before[key] = i
		}
	}
	s.keys = nil
	s.state.Variants(s.ref, func(v steer.Variant) bool {
		c := column{typ: v.Type, old: -1}
		key := binary.BigEndian.AppendUint16(nil, v.Type)
		for _, data := range v.RDATA {
			key = append(key, data...)
			c.rdata = append(c.rdata, slices.Clone(data))
			dnssec.Lower(v.Type, c.rdata[len(c.rdata)-1])
		}
		if at, ok := before[string(key)]; ok {
			c.old = at
		}
		s.keys, s.columns = append(s.keys, string(key)), append(s.columns, c)
		return true
	})
}

// matchRows finds the names in the table before.
func (s *signing) matchRows() {
	s.rows = make([]int, len(s.owners))
	at := map[geoOwner]int{}
	if s.old != nil && s.old.zone != s.zone {
		for i, o := range s.old.owners {
			at[o] = i
		}
	}
	for i, o := range s.owners {
		s.rows[i] = -1
		if s.old != nil && s.old.zone == s.zone {
			s.rows[i] = i
		} else if was, ok := at[o]; ok {
			s.rows[i] = was
		}
	}
}

// piece is the fields of some rows, signed by one goroutine.
type piece struct {
	data    []byte
	ends    []uint32 // of each field, in data
	expires uint32
	err     error
}

// fill signs the rows, several at a time, and puts them together.
func (s *signing) fill() {
	per := max(1, 64/max(1, len(s.columns)))
	pieces := make([]piece, (len(s.owners)+per-1)/per)
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < len(pieces); i = int(next.Add(1)) - 1 {
			pieces[i] = s.piece(i*per, min(i*per+per, len(s.owners)))
		}
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), runtime.NumCPU(), len(pieces)) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	s.join(pieces)
}

func (s *signing) join(pieces []piece) {
	size := 0
	for i := range pieces {
		size += len(pieces[i].data)
	}
	t := s.geoTable
	if uint64(size) > math.MaxUint32 {
		t.err = fmt.Errorf("the signatures of pool %s take more than 4 GiB", t.name)
		t.keys, t.offsets = nil, []uint32{0}
		return
	}
	t.arena = make([]byte, 0, size)
	t.offsets = append(make([]uint32, 0, len(s.owners)*len(s.columns)+1), 0)
	for i := range pieces {
		b, base := &pieces[i], uint32(len(t.arena))
		t.arena = append(t.arena, b.data...)
		for _, end := range b.ends {
			t.offsets = append(t.offsets, base+end)
		}
		if t.expires = min(t.expires, b.expires); t.err == nil {
			t.err = b.err
		}
	}
}

// piece signs rows from one up to another.
func (s *signing) piece(from, to int) piece {
	b := piece{expires: math.MaxUint32}
	var sigs [][]byte
	for row := from; row < to && !(s.how.stop != nil && s.how.stop()); row++ {
		for i := range s.columns {
			sigs = s.field(&b, row, &s.columns[i], sigs[:0])
			b.ends = append(b.ends, uint32(len(b.data)))
		}
	}
	return b
}

// field appends the RRSIG RRs of one variant at one name: those that there were
// if they are fresh, else new ones, else those that there were while they are
// valid. sigs is scratch space.
func (s *signing) field(b *piece, row int, c *column, sigs [][]byte) [][]byte {
	was := s.before(row, c)
	expires, fresh := s.judge(was, s.owners[row].ttl)
	if fresh {
		b.add(was, expires)
		return sigs
	}
	o := &s.owners[row]
	rdata := append(make([][]byte, 0, 8), c.rdata...) // Sign sorts it
	sign := s.zone.Signer().Sign
	if s.how.now {
		sign = s.zone.Signer().SignNow
	}
	sigs, err := sign(sigs, []byte(o.name), c.typ, o.ttl, rdata, s.now)
	if err == nil {
		for _, data := range sigs {
			b.rr(data, o.ttl)
		}
		return sigs
	}
	if b.err == nil {
		b.err = fmt.Errorf("pool %s: %w", s.name, err)
	}
	if int64(expires) > s.now {
		b.add(was, expires)
	}
	return sigs
}

// before gives the RRSIG RRs that a field had in the table before.
func (s *signing) before(row int, c *column) []byte {
	if c.old < 0 || s.rows[row] < 0 {
		return nil
	}
	return s.old.signatures(uint32(s.rows[row]), uint32(c.old))
}

// judge tells when the first of some RRSIG RRs expires, 0 if there are none for
// the TTL, and whether all are fresh.
func (s *signing) judge(rrs []byte, ttl uint32) (expires uint32, fresh bool) {
	expires, fresh = math.MaxUint32, true
	for at := 0; at < len(rrs); at += rrHeader + u16(rrs, at+10) {
		if get32(rrs, at+sigOriginalTTL) != ttl {
			return 0, false
		}
		inception, expiration := get32(rrs, at+sigInception), get32(rrs, at+sigExpiration)
		expires = min(expires, expiration)
		fresh = fresh && s.zone.Signer().Fresh(inception, expiration, s.now)
	}
	if len(rrs) == 0 {
		return 0, false
	}
	return expires, fresh
}

func (b *piece) add(rrs []byte, expires uint32) {
	b.data = append(b.data, rrs...)
	b.expires = min(b.expires, expires)
}

// rr appends an RRSIG RR.
func (b *piece) rr(data []byte, ttl uint32) {
	b.data = append(b.data, 0xc0, headerSize, 0, typeRRSIG, 0, classIN)
	b.data = binary.BigEndian.AppendUint32(b.data, ttl)
	b.data = binary.BigEndian.AppendUint16(b.data, uint16(len(data)))
	b.data = append(b.data, data...)
	b.expires = min(b.expires, get32(data, sigExpiration-rrHeader))
}
