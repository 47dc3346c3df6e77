package zones

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// event is something that happened in the folder.
type event struct {
	path string // below the folder, with slashes
	kind eventKind
}

type eventKind uint8

const (
	touched  eventKind = iota // written to, created, removed or renamed away
	replaced                  // renamed into place, so it is whole
	lost                      // events were lost, or the tree of folders has changed
)

// watcher tells what happens in folders. Events is closed when it fails.
type watcher interface {
	Events() <-chan event
	Add(dir string) error // below the root, with slashes; "." is the root itself
	Close() error
}

const (
	batch   = 100 * time.Millisecond // between publications
	pollFor = 2 * time.Second        // between looks at the folder without a watcher
)

// runner is the state of one Run.
type runner struct {
	f         *Folder
	w         watcher // nil: polling
	root      fs.FileInfo
	dirs      map[string]bool // watched
	inFlight  int
	large     int  // of those in flight
	heavy     bool // a large zone was loaded since the last publication
	scanAt    time.Time
	published time.Time
}

// Run keeps the zones up to date until ctx ends: a file that is renamed into
// place is loaded at once, one that is written in place when it has stood
// still. If the folder cannot be watched it is looked at every two seconds. It
// returns when every load it began has ended.
func (f *Folder) Run(ctx context.Context) error {
	r := &runner{f: f}
	defer r.unwatch()
	for ctx.Err() == nil {
		r.step(ctx)
	}
	for ; r.inFlight > 0; r.inFlight-- {
		<-f.results
	}
	return nil
}

// step does what is due and then waits for one thing to happen.
func (r *runner) step(ctx context.Context) {
	timer := time.NewTimer(time.Until(r.work(ctx)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-r.f.wake:
	case e, ok := <-r.events():
		r.event(e, ok)
	case done := <-r.f.results:
		r.done(done)
	}
}

func (r *runner) events() <-chan event {
	if r.w == nil {
		return nil
	}
	return r.w.Events()
}

// work does what is due, and tells when it next has to.
func (r *runner) work(ctx context.Context) time.Time {
	f := r.f
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if !r.scanAt.After(now) {
		r.scan()
	}
	pendingAt := f.due()
	resignAt := f.resignDue(now)
	for r.inFlight < workers() && r.begin(ctx) {
	}
	next := r.scanAt
	for _, at := range []time.Time{pendingAt, resignAt} {
		if !at.IsZero() {
			next = earlier(next, at)
		}
	}
	if f.dirty {
		if at := r.published.Add(batch); at.After(now) {
			return earlier(next, at)
		}
		r.published = now
		f.publish()
		f.log()
		r.giveBack()
	}
	return next
}

// begin starts a load, if there is one to start. Large zones do not take all
// the places: an edit of a small one overtakes them.
func (r *runner) begin(ctx context.Context) bool {
	j, ok := r.f.next(r.large < workers()-1)
	if !ok {
		return false
	}
	r.inFlight++
	if j.large = r.f.isLarge(j.st); j.large {
		r.large++
	}
	go func() { r.f.results <- r.f.loadBeside(ctx, j) }()
	return true
}

// giveBack returns the memory that the load of a large zone took, and that of
// its old version: by itself the collector may let minutes pass. Queries have a
// moment to let go of the old version.
func (r *runner) giveBack() {
	if r.heavy {
		r.heavy = false
		time.AfterFunc(time.Second, debug.FreeOSMemory)
	}
}

// scan looks at the whole folder for what no event told of.
func (r *runner) scan() {
	f := r.f
	r.rewatch()
	f.list(r.pend, r.pend)
	for _, st := range f.zones {
		if st.queued || st.job != 0 {
			continue // an event was first
		}
		for _, d := range st.deps {
			if !f.stat(d.path).same(d.stamp) {
				r.pend(d.path)
			}
		}
	}
	every := f.o.Scan
	if r.w == nil {
		every = min(every, pollFor)
	}
	r.scanAt = time.Now().Add(every)
}

// pend makes a file wait, unless it waits already.
func (r *runner) pend(name string) {
	if _, ok := r.f.pending[name]; !ok {
		r.f.pend(name)
	}
}

func (r *runner) event(e event, ok bool) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	switch {
	case !ok:
		r.unwatch()
		r.soon()
	case e.kind == lost:
		r.soon()
	case !isTopZone(e.path) && r.f.includers[e.path] == nil:
		r.stranger(e)
	case e.kind == replaced:
		delete(r.f.pending, e.path)
		r.f.settled(e.path)
	default:
		r.f.pend(e.path)
	}
}

// soon has the whole folder looked at.
func (r *runner) soon() { r.scanAt = earlier(r.scanAt, time.Now().Add(batch)) }

// stranger looks at a name that no zone has anything to do with. A link that
// is switched may stand for any number of zone files, as in the volumes of
// Kubernetes.
func (r *runner) stranger(e event) {
	if e.kind != replaced {
		return
	}
	info, err := os.Lstat(filepath.Join(r.f.o.Dir, filepath.FromSlash(e.path)))
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		r.soon()
	}
}

func (r *runner) done(res result) {
	f := r.f
	r.inFlight--
	if res.large {
		r.large--
		r.heavy = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apply(res)
	r.watchDirs(res.st.deps)
	if res.zone != nil && res.st.zone == res.zone {
		f.o.Log.Info("zone loaded", zap.String("zone", shortText(res.st.origin)), zap.Uint32("serial", res.zone.Serial()),
			zap.Int("records", res.records), zap.Duration("took", res.took))
	}
}

// rewatch watches the folder and those of included files, anew where another
// folder has taken the place of one.
func (r *runner) rewatch() {
	f := r.f
	root, err := os.Stat(f.o.Dir)
	if r.w != nil && (err != nil || !os.SameFile(root, r.root)) {
		r.unwatch()
	}
	if err == nil && r.w == nil {
		r.w, err = f.watch(f.o.Dir)
	}
	r.root, r.dirs = root, map[string]bool{}
	if err == nil {
		err = r.watchDir(".")
	}
	if err != nil {
		r.unwatch()
		r.alarm(err, "the folder cannot be watched", min(f.o.Scan, pollFor))
		return
	}
	for _, st := range f.zones {
		err = cmp.Or(err, r.watchDirs(st.deps))
	}
	if err == nil {
		f.calm("watch")
	}
}

func (r *runner) alarm(err error, what string, every time.Duration) {
	p := r.f.fileProblem("", "", err)
	p.Text = fmt.Sprintf("%s and is looked at every %v instead: %s", what, every, p.Text)
	p.Warning = true
	r.f.alarm("watch", p)
}

func (r *runner) unwatch() {
	if r.w != nil {
		r.w.Close()
		r.w = nil
	}
}

// watchDirs watches the folders that files stand in.
func (r *runner) watchDirs(deps []dep) error {
	if r.w == nil {
		return nil
	}
	for _, d := range deps {
		if err := r.watchDir(path.Dir(d.path)); err != nil {
			r.alarm(err, "a folder of included files cannot be watched", r.f.o.Scan)
			return err
		}
	}
	return nil
}

// watchDir watches one folder. One that is not there yet is told of by the
// folder above it.
func (r *runner) watchDir(dir string) error {
	if r.dirs[dir] {
		return nil
	}
	err := r.w.Add(dir)
	if errors.Is(err, fs.ErrNotExist) && dir != "." {
		return nil
	}
	r.dirs[dir] = true
	return err
}
