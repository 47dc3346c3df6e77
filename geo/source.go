package geo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// maxFile is the largest file that is read. The largest databases sold are
// about half of it.
const maxFile = 2 << 30

// source is one verified file. It is immutable.
type source struct {
	path    string // "" for the embedded world
	name    string // for errors
	meta    maxminddb.Metadata
	tree    tree
	section []byte // the data section
	schema  *schema
	offsets *offsets
	places  []Place  // the distinct places of all records, ASN included
	place   []uint32 // by number of the record: index into places
	seen    [fieldCount]bool
	own     bool    // some record has coordinates of its own
	has     [2]bool // by family: there is data outside masked space
}

func openSource(path string, s *schema) (*source, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("geo database %s: %w", path, err)
	}
	src, err := newSource(path, data, s)
	if err != nil {
		return nil, fmt.Errorf("geo database %s: %w", path, err)
	}
	src.path = path
	return src, nil
}

// readPiece is how much is read in one go. A kernel that does not interrupt its own work would keep whoever shares the
// processor waiting while it copies a file of many MB, idle priority or not.
const readPiece = 128 << 10

// readFile reads a whole regular file that nobody changes meanwhile.
func readFile(path string) ([]byte, error) {
	before, err := os.Stat(path) // opening a pipe would wait for its writer
	if err != nil {
		return nil, withoutPath(err)
	}
	switch size := before.Size(); {
	case before.IsDir():
		return nil, errors.New("is a directory")
	case !before.Mode().IsRegular():
		return nil, errors.New("is no regular file")
	case size == 0:
		return nil, errors.New("file is empty")
	case size > maxFile:
		return nil, fmt.Errorf("file of %d bytes is over the limit of %d", size, maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data := make([]byte, before.Size())
	for rest := data; len(rest) > 0; {
		n, err := io.ReadFull(f, rest[:min(readPiece, len(rest))])
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		rest = rest[n:]
	}
	after, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return nil, errors.New("changed while it was read")
	}
	return data, nil
}

// withoutPath drops the path that the caller names anyway.
func withoutPath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// newSource verifies a file's bytes, which stay in use, and reads all records.
func newSource(name string, file []byte, s *schema) (src *source, err error) {
	defer func() {
		if p := recover(); p != nil {
			src, err = nil, fmt.Errorf("corrupt: %v", p)
		}
	}()
	r, err := maxminddb.OpenBytes(file, maxminddb.DisableStringCache())
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, disguise(file))
	}
	complete(&r.Metadata)
	src = &source{name: name, meta: r.Metadata, schema: s}
	m := r.Metadata
	if src.tree, err = newTree(file, m.NodeCount, m.RecordSize, m.IPVersion); err != nil {
		return nil, fmt.Errorf("bad metadata: %w", err)
	}
	src.section = dataSection(file, &src.tree)
	if src.offsets, err = src.tree.collect(len(src.section)); err != nil {
		return nil, err
	}
	// First our own pass, which is bounded: the library decodes every record
	// for itself and would take hours over a file made for that.
	if err := src.decode(1<<20 + 16*len(file)); err != nil {
		return nil, err
	}
	if err := r.Verify(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return src, src.walk()
}

// complete fills in what the format asks for and what makers of good files
// leave out: it means nothing here, but Verify insists.
func complete(m *maxminddb.Metadata) {
	if m.DatabaseType == "" {
		m.DatabaseType = "unnamed"
	}
	if len(m.Description) == 0 {
		m.Description = map[string]string{"en": m.DatabaseType}
	}
}

// dataSection lies between the separator and the last metadata marker.
func dataSection(file []byte, t *tree) []byte {
	end := bytes.LastIndex(file, []byte("\xab\xcd\xefMaxMind.com"))
	return file[len(t.data)+separator : end]
}

// disguise recognises files that are often taken for a database.
func disguise(file []byte) string {
	for magic, what := range map[string]string{
		"\x1f\x8b":         "a gzip file, unpack it first",
		"PK\x03\x04":       "a zip file, unpack it first",
		"7z\xbc\xaf":       "a 7z file, unpack it first",
		"\xfd7zXZ":         "an xz file, unpack it first",
		"version https://": "a pointer of Git LFS",
	} {
		if bytes.HasPrefix(file, []byte(magic)) {
			return ": this is " + what
		}
	}
	return ""
}

// decode reads every record once and keeps its place.
func (src *source) decode(budget int) error {
	d := newDecoder(src.schema, src.section, budget)
	numbers := map[Place]uint32{}
	src.place = make([]uint32, 0, src.offsets.count)
	return src.offsets.each(func(at uint) error {
		r, err := d.record(at)
		if err != nil {
			return err
		}
		p, approximate := r.place()
		n, ok := numbers[p]
		if !ok {
			n = uint32(len(src.places))
			numbers[p] = n
			src.places = append(src.places, p)
		}
		src.place = append(src.place, n)
		src.own = src.own || p.Located && !approximate
		for f := range fieldCount {
			src.seen[f] = src.seen[f] || d.seen(f)
		}
		return nil
	})
}

// walk holds that a walk of the tree takes time in proportion to the file, and
// finds out which families have data outside masked space.
func (src *source) walk() error {
	for _, f := range []family{ipv4, ipv6} {
		c := src.tree.cursor(f)
		if c == nil {
			continue
		}
		for _, s := range segments(f, nil) {
			if s.masked {
				continue
			}
			some, err := src.walkSpan(c, s.span)
			if err != nil {
				return err
			}
			src.has[f] = src.has[f] || some
		}
	}
	return nil
}

func (src *source) walkSpan(c *cursor, s span) (some bool, err error) {
	for p := s.first; ; {
		leaf, last, err := c.at(p)
		if err != nil {
			return false, err
		}
		some = some || src.lookup(leaf) != (Place{})
		if !last.less(s.last) {
			return some, nil
		}
		p = last.next()
	}
}

// lookup is the place of a leaf of the search tree, zero without data.
func (src *source) lookup(leaf uint32) Place {
	if leaf <= src.tree.nodes {
		return Place{}
	}
	return src.places[src.number(leaf)]
}

// number is the index into places of a leaf that holds data.
func (src *source) number(leaf uint32) uint32 {
	at, _ := src.tree.offset(leaf)
	return src.place[src.offsets.number(at)]
}

// needs checks that the file tells what it was given for.
func (src *source) needs(role string, ok bool, what string) error {
	if ok {
		return nil
	}
	hint := ""
	if role == "city" && src.seen[fieldASN] {
		hint = "; it holds AS numbers: give it as asn"
	}
	if role == "asn" && src.hasCity() {
		hint = "; it holds places: give it as city"
	}
	return fmt.Errorf("geo database %s: no record holds %s (type %q)%s", src.name, what, src.meta.DatabaseType, hint)
}

// hasCity tells whether some place is more than an AS number.
func (src *source) hasCity() bool {
	return src.some(func(p Place) bool {
		return p.Located || p.Country != (Code{}) || p.Continent != (Code{})
	})
}

func (src *source) hasASN() bool { return src.some(func(p Place) bool { return p.ASN != 0 }) }

func (src *source) some(is func(Place) bool) bool {
	for _, p := range src.places {
		if is(p) {
			return true
		}
	}
	return false
}

// built is the time of the build, zero if the file gives none that can be.
func (src *source) built() time.Time {
	if src.meta.BuildEpoch == 0 || src.meta.BuildEpoch > 253402300799 { // end of the year 9999
		return time.Time{}
	}
	return src.meta.BuildTime().UTC()
}

// attribution is the credit that the maker's licence asks for, "" if the file
// does not say who made it.
func (src *source) attribution() string {
	about := strings.ToLower(src.meta.DatabaseType + " " + src.meta.Description["en"] + " " + filepath.Base(src.path))
	for _, credit := range []struct{ mark, text string }{
		{"dbip", "IP Geolocation by DB-IP (https://db-ip.com)"},
		{"db-ip", "IP Geolocation by DB-IP (https://db-ip.com)"},
		{"ipinfo", "IP address data powered by IPinfo (https://ipinfo.io)"},
		{"geolite", "This product includes GeoLite data created by MaxMind, available from https://www.maxmind.com"},
	} {
		if strings.Contains(about, credit.mark) {
			return credit.text
		}
	}
	return ""
}
