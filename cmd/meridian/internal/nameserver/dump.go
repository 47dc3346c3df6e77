package nameserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
)

// Dump writes a zone, named in presentation form, as Start would serve it: as a master file. It opens no socket and
// changes nothing. The error of a zone that cannot be served lists what is wrong, a line each.
func Dump(ctx context.Context, path, zone string, w io.Writer) error {
	cfg, err := LoadConfig(path)
	if err != nil {
		return err
	}
	plan, err := Prepare(ctx, build.Here{}, cfg, nil)
	if err != nil {
		return err
	}
	folder, keys, err := openAside(cfg, geoInfo(plan.Set), true)
	if err != nil {
		return err
	}
	defer keys.cache.Close()
	zone = strings.ToLower(zone)
	if zone != "." {
		zone = strings.TrimSuffix(zone, ".")
	}
	problems := folder.Load(ctx)
	entry, ok := folder.Set().Index(zoneWire(zone))
	if !ok {
		return fmt.Errorf("there is no zone %s in %s", zone, cfg.Zones)
	}
	if z := folder.Set().Entry(entry).Zone; z != nil {
		return z.Dump(w)
	}
	var errs []error
	for _, p := range problems {
		if !p.Warning && p.Zone == zone {
			errs = append(errs, errors.New(p.String()))
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}
