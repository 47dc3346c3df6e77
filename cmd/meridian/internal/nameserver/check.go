package nameserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/querylog"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/zones"
)

// Report is what loading everything aside came to.
type Report struct {
	Errors   []string // "file:line: what and why"
	Warnings []string // likewise, with "warning: " in front of what
	Summary  string   // what would be served; "" if there are errors in the configuration
	// View answers as a nameserver would whose targets have not been probed yet; nil if the configuration has errors.
	View *resolver.View
	Plan *Plan // nil if the configuration has errors
}

// Check loads all that Start would, opens no socket and writes nothing.
func Check(ctx context.Context, path string) (*Report, error) {
	r := &Report{}
	cfg, err := LoadConfig(path)
	if err != nil {
		var wrong config.Problems
		if !errors.As(err, &wrong) {
			return nil, err
		}
		r.fail(err)
		return r, nil
	}
	if q := cfg.QueryLog; q.File != "" {
		if err := querylog.Usable(q.File); err != nil {
			r.fail(fmt.Errorf("%s: query_log.file: %w", cfg.Path, err))
		}
	}
	info := named(cfg)
	if r.Plan, err = Prepare(ctx, build.Here{}, cfg, nil); err != nil {
		r.fail(err)
		r.Plan = nil
	} else {
		info = geoInfo(r.Plan.Set)
		for _, h := range r.Plan.Hints() {
			r.warn(h)
		}
	}
	return r, r.checkZones(ctx, cfg, info)
}

// named knows pools by name only, for when more is not to be had: so that all errors show at once.
func named(cfg *config.Config) func(string) (zones.GeoInfo, error) {
	return func(ref string) (zones.GeoInfo, error) {
		name, _, _ := strings.Cut(ref, "/")
		for _, p := range cfg.Pools {
			if p.Name == name {
				return zones.GeoInfo{A: true, AAAA: true}, nil
			}
		}
		return zones.GeoInfo{}, fmt.Errorf("no pool is named %q", name)
	}
}

// Tally counts what is wrong: "1 error, 2 warnings".
func (r *Report) Tally() string {
	return count(len(r.Errors), "error") + ", " + count(len(r.Warnings), "warning")
}

func (r *Report) fail(err error) {
	r.Errors = append(r.Errors, strings.Split(err.Error(), "\n")...)
}

// warn puts the mark of a warning between the place and the text.
func (r *Report) warn(hint string) {
	place, text, _ := strings.Cut(hint, ": ")
	r.Warnings = append(r.Warnings, place+": warning: "+text)
}

func (r *Report) checkZones(ctx context.Context, cfg *config.Config, info func(string) (zones.GeoInfo, error)) error {
	folder, keys, err := openAside(cfg, info, false)
	if err != nil {
		r.fail(err)
		return nil
	}
	defer keys.cache.Close()
	for _, p := range folder.Load(ctx) {
		if p.Warning {
			r.Warnings = append(r.Warnings, p.String())
		} else {
			r.Errors = append(r.Errors, p.String())
		}
	}
	set := folder.Set()
	r.checkKeys(ctx, cfg, set, keys)
	if r.Plan != nil {
		r.View = resolver.NewView(nil, set, r.Plan.Set.With(nil, nil), &resolver.Options{})
		r.Summary = r.summary(set)
	}
	return ctx.Err()
}

// openAside opens the zones folder, the keys and the signatures kept for reading alone. Unless zones are to be signed, it
// is looked at only whether they can be.
func openAside(cfg *config.Config, info func(string) (zones.GeoInfo, error), sign bool) (*zones.Folder, *keyrings, error) {
	cache, err := dnssec.ReadCache(signatureFolder(cfg.State))
	if err != nil {
		return nil, nil, err
	}
	o := folderOptions(cfg, info)
	keys := newKeyrings(cfg, cache)
	o.Signer, o.Aside = keys.signer, !sign
	o.Quiet = 1 // what stands in the files now is what counts
	folder, err := zones.NewFolder(o)
	return folder, keys, err
}

func (r *Report) summary(set *zones.Set) string {
	names := 0
	for i := range set.Len() {
		if z := set.Entry(i).Zone; z != nil {
			names += z.Nodes()
		}
	}
	cfg := r.Plan.Config
	return fmt.Sprintf("%s with %s, %s, %s, %s; %s", describeZones(set), count(names, "name"),
		count(len(cfg.Pools), "pool"), count(len(cfg.Servers), "server"),
		count(len(r.Plan.Targets), "target")+" to probe", describeGeo(r.Plan))
}
