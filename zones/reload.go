package zones

import (
	"cmp"
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

var (
	errGone    = errors.New("the file is gone; the zone is served as it was until a reload")
	errUnready = errors.New("the file, or one that it includes, is still being written to; it is loaded when it stands still")
)

// Load loads the whole folder and publishes it: first every zone as loading,
// then the result. It returns what is wrong. A file written within the last
// Quiet that does not look whole is waited for, at most three times as long;
// what still changes then is left to Run. If ctx ends early, zones that are not
// read yet stay loading.
func (f *Folder) Load(ctx context.Context) []Problem { return f.reload(ctx, true) }

// Reload is Load for a folder that has zones loaded: it reads what changed and
// what had failed, and ends the serving of zones whose files are gone. What has
// a good version to serve waits for every file written within the last Quiet.
func (f *Folder) Reload(ctx context.Context) []Problem { return f.reload(ctx, false) }

// reload loads what has to be; eager says that nothing is served yet.
func (f *Folder) reload(ctx context.Context, eager bool) []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starting = true
	defer func() { f.starting = false }()
	f.list(f.claim, f.vanish)
	f.forget()
	if f.set.Load().Len() == 0 {
		f.publish()
	}
	f.overtake()
	f.queueChanged(f.pendIfFresh)
	f.queueSigned()
	f.loadReady(ctx, eager)
	for round := 0; round < 3 && len(f.pending) > 0; round++ {
		f.settle(ctx)
		f.loadReady(ctx, eager)
	}
	f.unready()
	f.publish()
	f.remember()
	return f.Problems()
}

// unready says which zones are not loaded because a file is still written to.
func (f *Folder) unready() {
	for _, st := range f.zones {
		if len(st.problems) == 0 && f.waits(st) {
			p := f.fileProblem(st.origin, st.names[0], errUnready)
			p.Warning = true
			st.problems = []Problem{p}
		}
	}
}

// list compares the folder with the zone files that are known.
func (f *Folder) list(found, gone func(name string)) {
	entries, err := os.ReadDir(f.o.Dir)
	if err != nil {
		f.alarm("folder", f.fileProblem("", "", err))
		return
	}
	f.calm("folder")
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		if name := e.Name(); isZoneFile(name) {
			there[name] = true
			if f.files[name] == nil && f.bad[name].Text == "" {
				found(name)
			}
		}
	}
	for name := range f.files {
		if !there[name] {
			gone(name)
		}
	}
	for name := range f.bad {
		if !there[name] {
			gone(name)
		}
	}
}

// alarm notes a problem of the folder as a whole; calm ends it.
func (f *Folder) alarm(kind string, p Problem) {
	if f.alarms[kind] != p {
		f.alarms[kind] = p
		f.dirty = true
	}
}

func (f *Folder) calm(kind string) {
	if _, ok := f.alarms[kind]; ok {
		delete(f.alarms, kind)
		f.dirty = true
	}
}

// queueChanged queues the zones whose files differ from what was read last,
// and those that had failed. The files of those that have something to serve
// meanwhile are shown to touched.
func (f *Folder) queueChanged(touched func(name string)) {
	for _, st := range f.zones {
		if !hasErrors(st.problems) && !st.queued && !f.changed(st) {
			continue
		}
		f.queue(st)
		if st.zone == nil {
			continue
		}
		for _, name := range st.names {
			touched(name)
		}
		for _, d := range st.deps {
			touched(d.path)
		}
	}
}

// overtake queues the zones that Run is loading this moment: what a reload
// publishes is to be as new as the pools that it was called for, and no load
// begun earlier is.
func (f *Folder) overtake() {
	for _, st := range f.zones {
		if st.job != 0 {
			st.job, st.again = 0, false
			f.queue(st)
		}
	}
}

func (f *Folder) changed(st *zoneState) bool {
	return slices.ContainsFunc(st.deps, func(d dep) bool { return !f.stat(d.path).same(d.stamp) })
}

func (f *Folder) pendIfFresh(name string) {
	if s := f.stat(name); f.fresh(s) {
		f.wait(name, pause{s, earlier(s.info.ModTime(), time.Now())})
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// settle waits until the pending files may have stood still, and queues what
// depends on those that have.
func (f *Folder) settle(ctx context.Context) {
	last := time.Time{}
	for _, p := range f.pending {
		if p.since.After(last) {
			last = p.since
		}
	}
	if wait := time.Until(last.Add(f.o.Quiet)); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
	f.due()
}

// due queues what depends on pending files that have stood still, and tells
// when to look again; the zero time if none is pending.
func (f *Folder) due() time.Time {
	now := time.Now()
	if f.dueAt.IsZero() || f.dueAt.After(now) {
		return f.dueAt
	}
	f.dueAt = time.Time{}
	for name, p := range f.pending {
		if p.since.Add(f.o.Quiet).After(now) {
			f.wait(name, p)
		} else if s := f.stat(name); s.same(p.stamp) {
			delete(f.pending, name)
			f.settled(name)
		} else {
			f.wait(name, pause{s, now})
		}
	}
	return f.dueAt
}

// loadReady loads what is queued, several zones at a time, and waits for it.
func (f *Folder) loadReady(ctx context.Context, eager bool) {
	var jobs []job
	for j, ok := f.next(true); ok; j, ok = f.next(true) {
		j.large = !eager && f.isLarge(j.st)
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b job) int { return cmp.Compare(a.name, b.name) })
	results := make([]result, len(jobs))
	var wg sync.WaitGroup
	todo := make(chan int)
	for range min(workers(), len(jobs)) {
		wg.Go(func() {
			for i := range todo {
				results[i] = f.loadBeside(ctx, jobs[i])
			}
		})
	}
	for i := range jobs {
		todo <- i
	}
	close(todo)
	wg.Wait()
	for _, r := range results {
		f.apply(r)
	}
}

// workers is how many zones are loaded at a time, at least two: Run keeps one
// of them for those that take no time.
func workers() int { return max(2, runtime.NumCPU()) }
