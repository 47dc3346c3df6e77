package build

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/internal/background"
	"github.com/meridian-dns/meridian/internal/flat"
	"github.com/meridian-dns/meridian/steer"
)

// Command is the name of the hidden command that runs Work.
const Command = "build"

// self is the program that runs, even if another version of it has been installed since.
const self = "/proc/self/exe"

// Child works in processes of their own.
type Child struct {
	// Eager says that nothing is to be disturbed yet: the work is not done at idle priority.
	Eager bool
}

// errAlone says that there can be no child: no /proc, or no room for another process.
var errAlone = errors.New("no process of its own")

// Open reads and verifies databases.
func (c Child) Open(ctx context.Context, o geo.Options) (*geo.Database, error) {
	regions, _, err := c.run(ctx, &job{Open: &o}, nil)
	if errors.Is(err, errAlone) {
		return Here{}.Open(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	return geo.ReadDatabase(regions[0])
}

// Cut divides the address space.
func (c Child) Cut(ctx context.Context, db *geo.Database, want geo.Want) (*geo.Partition, error) {
	regions, _, err := c.over(ctx, &job{Want: &want}, db.Region())
	if errors.Is(err, errAlone) {
		return Here{}.Cut(ctx, db, want)
	}
	if err != nil {
		return nil, err
	}
	return geo.ReadPartition(regions[0])
}

// Rank makes the tables of pools that steer.Lacking returned. An error is a *steer.PoolError, or that of a child.
func (c Child) Rank(ctx context.Context, part *geo.Partition, pools []steer.Pool) (steer.Tables, error) {
	regions, r, err := c.over(ctx, &job{Pools: pools}, part.Region())
	if errors.Is(err, errAlone) {
		return Here{}.Rank(ctx, part, pools)
	}
	if err != nil && r.InPool {
		err = &steer.PoolError{Pool: r.Pool, Name: pools[r.Pool].Name, Err: err}
	}
	if err != nil {
		return steer.Tables{}, err
	}
	return steer.ReadTables(part, pools, regions)
}

// over has a child do a job over a region. What was made in this process lies in none.
func (c Child) over(ctx context.Context, j *job, region *flat.Region) ([]*flat.Region, *result, error) {
	if region == nil {
		return nil, &result{}, errAlone
	}
	return c.run(ctx, j, region)
}

// run has a child do a job over a region, and maps what it made.
func (c Child) run(ctx context.Context, j *job, over *flat.Region) ([]*flat.Region, *result, error) {
	r := &result{}
	out, err := flat.NewFile("meridian-" + j.name())
	if err != nil {
		return nil, r, fmt.Errorf("%w: %w", errAlone, err)
	}
	files := []*os.File{out}
	if over != nil {
		var f *os.File
		f, j.Over = over.File()
		files = append(files, f)
	}
	j.Idle = !c.Eager
	if c.Eager {
		err = c.start(ctx, j, files, r)
	} else {
		background.Run(func() { err = c.start(ctx, j, files, r) })
	}
	if err != nil {
		return nil, r, fmt.Errorf("%s: %w", j.doing(), err)
	}
	if r.Error != "" {
		return nil, r, errors.New(r.Error)
	}
	var regions []*flat.Region
	for _, p := range r.Pieces {
		region, err := flat.Map(out, p)
		if err != nil {
			return nil, r, err
		}
		region.Populate()
		regions = append(regions, region)
	}
	if len(regions) == 0 {
		return nil, r, fmt.Errorf("%s: nothing was made", j.doing())
	}
	return regions, r, nil
}

// start runs the child until it has told its result. The child reads its input to the end, which is this process's:
// so it does not outlive it.
func (c Child) start(ctx context.Context, j *job, files []*os.File, r *result) error {
	var request, said bytes.Buffer
	if err := gob.NewEncoder(&request).Encode(j); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, Command)
	cmd.Args[0] = "meridian"
	cmd.Env = withoutLimit(os.Environ())
	cmd.ExtraFiles = files
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	told, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	switch err := cmd.Start(); {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", errAlone, err)
	}
	in.Write(request.Bytes()) // a child that does not read it tells nothing
	failed := gob.NewDecoder(told).Decode(r)
	io.Copy(io.Discard, told) // it ends before its input does
	in.Close()
	err = cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("the process that does it ended early (%w)%s", err, lastWords(said.String()))
	}
	return nil
}

// withoutLimit drops the limit on the memory of the nameserver: the child needs much for a short time, and would
// collect garbage again and again under a limit that fits what serving needs.
func withoutLimit(env []string) []string {
	var rest []string
	for _, v := range env {
		if !strings.HasPrefix(v, "GOMEMLIMIT=") {
			rest = append(rest, v)
		}
	}
	return rest
}

// lastWords is the first line that a child printed before it died, where the Go runtime says why.
func lastWords(said string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}
