// Command genatlas makes cmd/meridian/internal/coverage/atlas.bin, the outlines of countries that Meridian draws maps
// with, from those of Natural Earth at 1:50 million.
//
// Borders are simplified as borders, so that what two countries share they still share; islands too small to be seen
// are left out, and so is Antarctica; parts of a state that have a code of their own in ISO 3166-1 get it. The same
// source makes the same bytes.
//
//	go run ./geo/internal/genatlas -out cmd/meridian/internal/coverage/atlas.bin
//
// fetches the source with npm; -from names a folder that holds it already.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meridian-dns/meridian/geo/internal/npm"
)

const (
	sourcePackage = "world-atlas@2.0.2"
	sourceFile    = "countries-50m.json"
	// maxSize bounds what every Meridian binary has to carry.
	maxSize = 150_000
)

type options struct {
	from, out  string
	detail     float64
	leastIslet float64
}

func main() {
	var o options
	flag.StringVar(&o.from, "from", "", "folder with the source file; empty: fetch it with npm")
	flag.StringVar(&o.out, "out", "atlas.bin", "file to write")
	flag.Float64Var(&o.detail, "detail", 0.012, "square degrees that a point must count for")
	flag.Float64Var(&o.leastIslet, "islet", 0.04, "square degrees of the smallest island")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "genatlas:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	return npm.In(o.from, sourcePackage, func(dir string) error {
		o.from = dir
		return generate(o)
	})
}

func generate(o options) error {
	text, err := os.ReadFile(filepath.Join(o.from, sourceFile))
	if err != nil {
		return err
	}
	a, err := readTopology(text)
	if err != nil {
		return fmt.Errorf("%s: %w", sourceFile, err)
	}
	a.simplify(o.detail, o.leastIslet)
	data, err := a.encode()
	if err != nil {
		return err
	}
	fmt.Printf("%d countries, %d arcs of %d points, %d bytes\n", len(a.countries), len(a.arcs), a.points(), len(data))
	if len(data) > maxSize {
		return fmt.Errorf("%d bytes are more than the %d allowed", len(data), maxSize)
	}
	if err := os.WriteFile(o.out+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(o.out+".new", o.out)
}
