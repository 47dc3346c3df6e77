package geo

import (
	_ "embed"
	"fmt"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

//go:generate go run ./internal/genworld -out world.mmdb

// world is a database in the flat layout of the npm packages, coarse and
// world-wide. Its metadata tells when the data was collected and by whom.
//
//go:embed world.mmdb
var world []byte

// EmbeddedAttribution is what the licence of the embedded world asks to be
// shown wherever it is used.
const EmbeddedAttribution = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"

// embeddedWorld returns the embedded database. The bytes must not be changed.
func embeddedWorld() []byte { return world }

// EmbeddedBuilt tells when the source of the embedded world was built.
func EmbeddedBuilt() (time.Time, error) {
	r, err := maxminddb.OpenBytes(embeddedWorld())
	if err != nil {
		return time.Time{}, fmt.Errorf("embedded world: %w", err)
	}
	return r.Metadata.BuildTime().UTC(), nil
}
