package geo_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/geo"
)

// TestDocumentedBlocks reads every TOML block of docs/geo.md as a config, and
// finds its cities.
func TestDocumentedBlocks(t *testing.T) {
	page, err := os.ReadFile("../docs/geo.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```toml\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if fences := strings.Count(string(page), "```toml"); len(blocks) < 4 || len(blocks) != fences {
		t.Fatalf("%d of %d TOML blocks found", len(blocks), fences)
	}
	for _, b := range blocks {
		if _, err := config.Parse("geo.toml", []byte(b[1])); err != nil {
			t.Errorf("%v\n%s", err, b[1])
		}
		for _, at := range regexp.MustCompile(`at = "(.*?)"`).FindAllStringSubmatch(b[1], -1) {
			if _, err := geo.FindCity(at[1]); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDocumentedCities finds every city that the page says can be found.
func TestDocumentedCities(t *testing.T) {
	for _, q := range []string{
		"Ashburn", "Council Bluffs", "Roubaix", "Luleå", "sao paulo", "Zuerich", "St. Petersburg", "Cologne", "Bombay",
		"Saigon", "Birmingham, GB", "Springfield, US-IL", "London", "London, CA", "Kansas City",
	} {
		if _, err := geo.FindCity(q); err != nil {
			t.Error(err)
		}
	}
}
