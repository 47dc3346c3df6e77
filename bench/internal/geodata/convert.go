// Package geodata gets the city database that all servers under test steer by, and rewrites it for those of them that
// do not understand its layout.
//
// Nothing here is safe for concurrent use on the same folder.
package geodata

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

// flat is a record of the npm packages, as far as it matters.
type flat struct {
	Country   string  `maxminddb:"country_code"`
	City      string  `maxminddb:"city"`
	Latitude  float64 `maxminddb:"latitude"`
	Longitude float64 `maxminddb:"longitude"`
}

// nested gives the record as GeoIP2 City would hold it.
func (f flat) nested() mmdbtype.Map {
	m := mmdbtype.Map{
		"location": mmdbtype.Map{"latitude": mmdbtype.Float64(f.Latitude), "longitude": mmdbtype.Float64(f.Longitude)},
	}
	if f.Country != "" {
		m["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(f.Country)}
	}
	if f.City != "" {
		m["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(f.City)}}
	}
	return m
}

// byIdentity keys records by their place in memory: the converter makes each distinct one once.
type byIdentity struct{}

func (byIdentity) Key(v mmdbtype.DataType) ([]byte, error) {
	return fmt.Appendf(nil, "%x", reflect.ValueOf(v).Pointer()), nil
}

// converter rewrites records and remembers them by their offset in the source.
type converter struct {
	tree *mmdbwriter.Tree
	seen map[uintptr]mmdbtype.Map
}

// Convert writes the networks of the flat IPv4 database src to dst in the layout of GeoIP2 City, and tells how many
// they are. An existing dst is left as it is.
func Convert(src, dst string) error {
	if _, err := os.Stat(dst); err == nil {
		return nil
	}
	db, err := maxminddb.Open(src)
	if err != nil {
		return fmt.Errorf("open %s: %w", src, err)
	}
	defer db.Close()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "GeoIP2-City", IPVersion: 4, RecordSize: 28, IncludeReservedNetworks: true, KeyGenerator: byIdentity{},
	})
	if err != nil {
		return err
	}
	c := &converter{tree, map[uintptr]mmdbtype.Map{}}
	for result := range db.Networks() {
		if err := c.insert(result); err != nil {
			return fmt.Errorf("convert %s at %s: %w", src, result.Prefix(), err)
		}
	}
	return writeTree(tree, dst)
}

func (c *converter) insert(r maxminddb.Result) error {
	m, ok := c.seen[r.Offset()]
	if !ok {
		var f flat
		if err := r.Decode(&f); err != nil {
			return err
		}
		m = f.nested()
		c.seen[r.Offset()] = m
	}
	return c.tree.Insert(network(r.Prefix()), m)
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// writeTree writes aside and renames, so that a file that exists is whole.
func writeTree(tree *mmdbwriter.Tree, dst string) error {
	f, err := os.Create(dst + ".new")
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := tree.WriteTo(w); err != nil {
		return fmt.Errorf("write %s: %w", dst, err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return os.Rename(dst+".new", dst)
}
