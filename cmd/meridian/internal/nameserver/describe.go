package nameserver

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/meridian-dns/meridian/geo"
)

// describeGeo tells in a few words where places come from.
func describeGeo(p *Plan) string {
	var words []string
	for _, s := range p.Geo.Sources() {
		words = append(words, DescribeSource(s))
	}
	return "geo: " + strings.Join(words, ", ")
}

// DescribeSource names a geo database and its date.
func DescribeSource(s geo.Source) string {
	name := "embedded world"
	if s.Path != "" {
		name = filepath.Base(s.Path)
	}
	if s.Built.IsZero() {
		return name
	}
	return name + " of " + s.Built.Format("2006-01-02")
}

// count is a number with its noun: "1 zone", "3 zones".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
