package nameserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// Plan is a configuration made ready to serve. Immutable.
type Plan struct {
	Config *config.Config
	Geo    *geo.Database  // nil if nothing needs one
	Part   *geo.Partition // nil if there are no pools
	Pools  []steer.Pool   // in the order of the file; a Slot in them is an index into Targets
	// Targets are the addresses and names to be probed, each once.
	Targets []healthcheck.Target
	// Groups are what several checks of one address come to; their slots are indices into Targets.
	Groups []healthcheck.Group
	Set    *steer.Set

	owned  sync.Once       // for the first call of owner
	owners []*steer.Server // by index into Targets
	seats  seats
	files  fileMarks // of the geo databases, taken before they were read
	want   geo.Want
}

// LoadConfig reads a configuration. Its error lists what is wrong, a line each.
func LoadConfig(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no configuration at %s; name one with --config FILE, or see it work with: meridian demo", path)
	}
	return cfg, err
}

// Builder makes what is big in a plan, here or in another process.
type Builder interface {
	// Open reads and verifies databases.
	Open(context.Context, geo.Options) (*geo.Database, error)
	// Cut divides the address space. The database is one that the builder opened.
	Cut(context.Context, *geo.Database, geo.Want) (*geo.Partition, error)
	// Rank makes the tables of pools that steer.Lacking gave, over a partition that the builder cut. Those it leaves
	// out are made here.
	Rank(context.Context, *geo.Partition, []steer.Pool) (steer.Tables, error)
}

// Prepare makes a plan. What has not changed since prev, which may be nil, is taken over: geo files are not read again
// and tables not built again. The error is a list, one line for each thing that is wrong, with the place in the file.
func Prepare(ctx context.Context, b Builder, cfg *config.Config, prev *Plan) (*Plan, error) {
	p := &Plan{Config: cfg}
	if err := p.openGeo(ctx, b, prev); err != nil {
		return nil, err
	}
	if err := p.buildPools(); err != nil {
		return nil, err
	}
	p.numberServers(prev)
	if err := p.cut(ctx, b, prev); err != nil {
		return nil, err
	}
	if prev != nil && prev.Part == p.Part && reflect.DeepEqual(prev.Pools, p.Pools) {
		p.Set = prev.Set
		return p, nil
	}
	return p, p.compile(ctx, b, prev)
}

// openGeo reads the geo databases.
func (p *Plan) openGeo(ctx context.Context, b Builder, prev *Plan) error {
	g := p.Config.Geo
	p.files = markFiles(append(append([]string(nil), g.City...), g.ASN...))
	if !needsGeo(p.Config) {
		return nil
	}
	if prev != nil && prev.Geo != nil && reflect.DeepEqual(prev.Config.Geo, g) && p.files.same(prev.files) {
		p.Geo = prev.Geo
		return nil
	}
	db, err := b.Open(ctx, geo.Options{City: g.City, ASN: g.ASN, Fields: g.Fields})
	if err != nil {
		return err // it names the file
	}
	p.Geo = db
	return nil
}

// needsGeo tells whether there is anything to look up places for, or to judge by what a database holds. The embedded
// world takes a second and 50 MB that a nameserver without pools can do without; files that are named are verified in
// any case.
func needsGeo(cfg *config.Config) bool {
	g := cfg.Geo
	return len(cfg.Pools) > 0 || len(g.City) > 0 || len(g.ASN) > 0 || len(g.Fields) > 0 || len(g.Groups) > 0
}

// attributes are what the database can tell.
func (p *Plan) attributes() geo.Attributes {
	if p.Geo == nil {
		return geo.Attributes{}
	}
	return p.Geo.Has()
}

// sources are the files of the database.
func (p *Plan) sources() []geo.Source {
	if p.Geo == nil {
		return nil
	}
	return p.Geo.Sources()
}

// cut divides the address space as the rules need it.
func (p *Plan) cut(ctx context.Context, b Builder, prev *Plan) error {
	if len(p.Pools) == 0 {
		return nil
	}
	p.want = steer.Want(p.Pools)
	if prev != nil && prev.Part != nil && prev.Geo == p.Geo && reflect.DeepEqual(prev.want, p.want) {
		p.Part = prev.Part
		return nil
	}
	part, err := b.Cut(ctx, p.Geo, p.want)
	if err != nil {
		return fmt.Errorf("pools: %w", err)
	}
	p.Part = part
	return nil
}

// compile ranks the servers of the pools. Tables of pools that are as they were are taken over.
func (p *Plan) compile(ctx context.Context, b Builder, prev *Plan) error {
	var have steer.Tables
	if prev != nil && prev.Set != nil {
		have = prev.Set.Tables()
	}
	lacking, err := steer.Lacking(p.Geo, p.Part, p.Pools, have)
	if err != nil {
		return p.located(err)
	}
	if len(lacking) > 0 {
		made, err := b.Rank(ctx, p.Part, lacking)
		if err != nil {
			return p.located(err)
		}
		have = have.And(made)
	}
	if p.Set, err = steer.CompileWith(p.Geo, p.Part, p.Pools, have); err != nil {
		return p.located(err)
	}
	return nil
}

// located puts the places of the pools before the errors of steer.
func (p *Plan) located(err error) error {
	list := []error{err}
	if all, joined := err.(interface{ Unwrap() []error }); joined {
		list = all.Unwrap()
	}
	var errs []error
	for _, err := range list {
		var of *steer.PoolError
		pos, prefix := p.Config.Path, ""
		if errors.As(err, &of) {
			i := slices.IndexFunc(p.Pools, func(q steer.Pool) bool { return q.Name == of.Name })
			pos, prefix = p.Config.Pools[i].Pos, "pool "+of.Name+": "
		}
		errs = append(errs, at(pos, err, prefix))
	}
	return errors.Join(errs...)
}

// at puts a position before every line of an error, in the place of a prefix that says the same.
func at(pos string, err error, prefix string) error {
	var errs []error
	for line := range strings.SplitSeq(err.Error(), "\n") {
		errs = append(errs, errors.New(pos+": "+strings.TrimPrefix(line, prefix)))
	}
	return errors.Join(errs...)
}

// Hints tells what the author of a configuration may not expect of it, each with its place in the file.
func (p *Plan) Hints() []string {
	var hints []string
	for i := range p.Pools {
		pool := &p.Config.Pools[i]
		for _, h := range p.Pools[i].Hints() {
			hints = append(hints, pool.Pos+": "+h)
		}
		if p.unwatched(pool) {
			hints = append(hints, pool.Pos+": no check, so its servers count as up whatever happens to them")
		}
	}
	return append(hints, p.idle()...)
}

// unwatched tells whether a server of the pool has no check.
func (p *Plan) unwatched(pool *config.Pool) bool {
	return slices.ContainsFunc(pool.Servers, func(s int) bool { return len(p.Config.Watched(pool, s).Checks) == 0 })
}

// idle lists servers that no pool uses.
func (p *Plan) idle() []string {
	used := make([]bool, len(p.Config.Servers))
	for _, pool := range p.Config.Pools {
		for _, s := range append(append([]int(nil), pool.Servers...), pool.Fallback...) {
			used[s] = true
		}
	}
	var hints []string
	for i, s := range p.Config.Servers {
		if !used[i] {
			hints = append(hints, s.AtPos+": no pool uses server "+s.Name)
		}
	}
	return hints
}
