package zones

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/internal/background"
)

// stamp tells versions of a file apart; the zero stamp is that of a file that
// is not there.
type stamp struct{ info fs.FileInfo }

func (s stamp) missing() bool { return s.info == nil }

func (s stamp) same(o stamp) bool {
	if s.missing() || o.missing() {
		return s.missing() == o.missing()
	}
	return s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime()) && os.SameFile(s.info, o.info)
}

// size is in octets.
func (s stamp) size() int64 {
	if s.missing() {
		return 0
	}
	return s.info.Size()
}

// tick is more than the grain of the times that file systems keep.
const tick = 20 * time.Millisecond

// stat looks at a file of the folder. Zone files may be links that lead out of
// it, other files may not.
func (f *Folder) stat(name string) stamp {
	info, err := fs.FileInfo(nil), error(nil)
	if isTopZone(name) {
		info, err = os.Stat(filepath.Join(f.o.Dir, name))
	} else if root, failed := os.OpenRoot(f.o.Dir); failed != nil {
		err = failed
	} else {
		defer root.Close()
		info, err = root.Stat(filepath.FromSlash(name))
	}
	if err != nil {
		return stamp{}
	}
	return stamp{info}
}

// isTopZone tells the paths of zone files.
func isTopZone(name string) bool { return path.Dir(name) == "." && isZoneFile(name) }

// dep is a file that a zone was read from, or would have been had it been
// there or readable.
type dep struct {
	path  string // below the folder, with slashes
	stamp stamp
}

// job is one load of one zone.
type job struct {
	st         *zoneState
	id         int
	name       string
	options    ZoneOptions
	geo        FindGeo
	sign       signer
	prev       *Zone // served before
	generation int
	floor      uint32 // the last serial served
	large      bool   // only of those beside which zones are served
	begins     bool   // at a start or reload, with nothing to serve yet
}

// result is what became of a job.
type result struct {
	job
	built
	deps     []dep
	unstable bool // a file changed while it was read
	took     time.Duration
}

// partial tells whether a file looks as if its end were still to come.
func (r *result) partial() bool { return r.cut || hasErrors(r.problems) }

// newJob begins a load of a zone that has one file.
func (f *Folder) newJob(st *zoneState) job {
	f.jobs++
	st.job, st.queued, st.again = f.jobs, false, false
	j := f.jobOf(st)
	j.id, j.generation, j.begins = f.jobs, f.generation, f.starting && st.zone == nil
	return j
}

// jobOf says how a zone that has one file is loaded.
func (f *Folder) jobOf(st *zoneState) job {
	j := job{st: st, name: st.names[0], options: f.o.Zones[shortText(st.origin)], geo: f.o.Geo}
	if st.zone != nil {
		j.floor = st.zone.Serial()
	}
	if find := f.o.Signer; j.options.Sign && find != nil {
		j.prev = st.zone
		j.sign = func() (*dnssec.Signer, error) { return find(st.origin, j.options.Signing) }
	}
	return j
}

var errNoFile = errors.New("not a regular file")

// load reads, checks and compiles one zone. It takes no lock.
func (f *Folder) load(ctx context.Context, j job) result {
	start := time.Now()
	r := result{job: j}
	in := &input{ctx: ctx, dir: f.o.Dir, stat: f.stat}
	if j.begins {
		in.tick = min(tick, f.o.Quiet)
	}
	defer in.close()
	file, size, err := in.openZone(j.name)
	if err != nil {
		r.problems = []Problem{f.fileProblem(j.st.origin, j.name, err)}
	} else {
		defer file.Close()
		r.built = build(text{
			origin: j.st.origin, files: []string{f.shownFile(j.name)}, src: file, size: size,
			open: in.include, geo: j.geo, limits: f.o.Limits, serial: in.serial(j),
			sign: j.sign, aside: f.o.Aside, prev: j.prev,
		}, f.seed)
	}
	r.deps = in.deps
	for _, d := range r.deps {
		r.unstable = r.unstable || !f.stat(d.path).same(d.stamp)
	}
	r.unstable = r.unstable || ctx.Err() != nil
	r.took = time.Since(start)
	return r
}

// loadBeside is load while zones are served: work on a large one lets queries go
// before it.
func (f *Folder) loadBeside(ctx context.Context, j job) (r result) {
	if !j.large {
		return f.load(ctx, j)
	}
	background.Run(func() { r = f.load(ctx, j) })
	return r
}

// input is the files of one zone being read.
type input struct {
	ctx  context.Context
	dir  string
	stat func(name string) stamp
	tick time.Duration // how old a file has to be
	root *os.Root
	deps []dep
}

func (in *input) close() {
	if in.root != nil {
		in.root.Close()
	}
}

// nonblocking keeps the opening of a pipe from waiting for its writer.
const nonblocking = os.O_RDONLY | syscall.O_NONBLOCK

func (in *input) openZone(name string) (io.ReadCloser, int64, error) {
	file, err := os.OpenFile(filepath.Join(in.dir, name), nonblocking, 0)
	return in.opened(name, file, err)
}

// include opens a file below the folder; links that lead out of it are
// refused.
func (in *input) include(name string) (io.ReadCloser, int64, error) {
	r, size, err := in.openIncluded(name)
	var where *fs.PathError
	if errors.As(err, &where) {
		err = where.Err // the name is in the message already
	}
	return r, size, err
}

func (in *input) openIncluded(name string) (io.ReadCloser, int64, error) {
	if isTopZone(name) {
		return in.openZone(name)
	}
	if in.root == nil {
		root, err := os.OpenRoot(in.dir)
		if err != nil {
			return nil, 0, err
		}
		in.root = root
	}
	file, err := in.root.OpenFile(filepath.FromSlash(name), nonblocking, 0)
	return in.opened(name, file, err)
}

func (in *input) opened(name string, file *os.File, err error) (io.ReadCloser, int64, error) {
	if err != nil {
		in.deps = append(in.deps, dep{name, in.stat(name)})
		return nil, 0, err
	}
	info, err := in.still(file)
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	in.deps = append(in.deps, dep{name, stamp{info}})
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return &cancelable{in.ctx, file}, info.Size(), nil
}

// still waits until a file that was written to this moment can no longer change
// without that showing in its stamp, and gives the stamp of then. Others have
// stood still already.
func (in *input) still(file *os.File) (fs.FileInfo, error) {
	info, err := file.Stat()
	if err != nil || in.tick == 0 {
		return info, err
	}
	if age := time.Since(info.ModTime()); age >= 0 && age < in.tick {
		time.Sleep(in.tick - age)
		return file.Stat()
	}
	return info, nil
}

// cancelable ends the reading of a long file when nobody wants it any more.
type cancelable struct {
	ctx context.Context
	*os.File
}

func (c *cancelable) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, fmt.Errorf("not read: %w", err)
	}
	return c.File.Read(b)
}

// serial makes the serial of a zone that has none of its own: the newest time
// of its files, but no step back.
func (in *input) serial(j job) func() uint32 {
	if !j.options.SerialAuto {
		return nil
	}
	return func() uint32 {
		serial := j.floor
		for _, d := range in.deps {
			if !d.stamp.missing() {
				serial = max(serial, uint32(max(d.stamp.info.ModTime().Unix(), 0)))
			}
		}
		return serial
	}
}
