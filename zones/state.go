package zones

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// pause is a file that is not read before it stands still.
type pause struct {
	stamp stamp
	since time.Time // it looks like this
}

// pend makes a file wait until it has stood still.
func (f *Folder) pend(name string) {
	f.wait(name, pause{f.stat(name), time.Now()})
}

func (f *Folder) wait(name string, p pause) {
	f.pending[name] = p
	if at := p.since.Add(f.o.Quiet); f.dueAt.IsZero() || at.Before(f.dueAt) {
		f.dueAt = at
	}
}

// fresh tells whether a file was written so lately that it may not be whole.
func (f *Folder) fresh(s stamp) bool {
	return !s.missing() && time.Since(s.info.ModTime()) < f.o.Quiet
}

// settled takes notice of a file that has changed and stands still.
func (f *Folder) settled(name string) {
	if isZoneFile(name) {
		if f.stat(name).missing() {
			f.vanish(name)
		} else {
			f.claim(name)
		}
		if st := f.files[name]; st != nil {
			f.queue(st)
		}
	}
	for st := range f.includers[name] {
		f.queue(st)
	}
}

// claim notes a zone file.
func (f *Folder) claim(name string) {
	if st := f.files[name]; st != nil || f.bad[name].Text != "" {
		return
	}
	origin, err := OriginOf(name)
	if err != nil {
		f.bad[name] = f.fileProblem("", name, err)
		f.dirty = true
		return
	}
	st := f.zones[origin]
	if st == nil {
		st = &zoneState{origin: origin}
		f.zones[origin] = st
		f.changes = append(f.changes, Entry{Origin: origin, Loading: true})
	}
	f.files[name] = st
	st.names = append(st.names, name)
	slices.Sort(st.names)
	f.queue(st)
}

// vanish notes that a zone file is gone. Its zone serves on, with an alarm,
// until a reload; one that has nothing to serve goes at once.
func (f *Folder) vanish(name string) {
	f.dirty = true
	delete(f.bad, name)
	st := f.files[name]
	if st == nil {
		return
	}
	delete(f.files, name)
	st.names = slices.DeleteFunc(st.names, func(n string) bool { return n == name })
	if len(st.names) > 0 {
		f.queue(st)
		return
	}
	st.job, st.again = 0, false
	if st.zone == nil {
		f.drop(st)
		return
	}
	p := f.fileProblem(st.origin, name, errGone)
	p.Warning = true
	st.problems = []Problem{p}
}

// forget ends the serving of zones whose files are gone.
func (f *Folder) forget() {
	for _, st := range f.zones {
		if len(st.names) == 0 {
			f.o.Log.Warn("zone is no longer served: its file is gone", zap.String("zone", shortText(st.origin)))
			f.drop(st)
		}
	}
}

func (f *Folder) drop(st *zoneState) {
	f.setDeps(st, nil)
	delete(f.zones, st.origin)
	f.removed = append(f.removed, st.origin)
	f.dirty = true
}

// queue asks for a zone to be loaded.
func (f *Folder) queue(st *zoneState) {
	if st.job != 0 {
		st.again = true
	} else if !st.queued {
		st.queued = true
		f.ready = append(f.ready, st)
	}
}

// next takes a zone from the queue that can be loaded now; a large one stays in
// it where none is wanted. One that waits for a file to stand still is queued
// again by that file.
func (f *Folder) next(large bool) (job, bool) {
	for i := 0; i < len(f.ready); {
		st := f.ready[i]
		loadable := len(st.names) == 1 && !f.waits(st)
		if loadable && !large && f.isLarge(st) {
			i++
			continue
		}
		if i == 0 {
			f.ready = f.ready[1:]
		} else {
			f.ready = slices.Delete(f.ready, i, i+1)
		}
		st.queued = false
		if loadable {
			return f.newJob(st), true
		}
		if len(st.names) > 1 && !f.waits(st) {
			f.conflict(st)
		}
	}
	return job{}, false
}

// largeText is the octets of text from which a zone counts as large: its load
// takes long enough that others shall not wait for it.
const largeText = 1 << 20

func (f *Folder) isLarge(st *zoneState) bool {
	size := f.stat(st.names[0]).size()
	for _, d := range st.deps {
		if d.path != st.names[0] {
			size += d.stamp.size()
		}
	}
	return size >= largeText
}

func (f *Folder) waits(st *zoneState) bool {
	for _, name := range st.names {
		if _, ok := f.pending[name]; ok {
			return true
		}
	}
	return slices.ContainsFunc(st.deps, func(d dep) bool {
		_, ok := f.pending[d.path]
		return ok
	})
}

// conflict reports a zone with several files. Which one is meant nobody can
// tell, so what was served before is served on.
func (f *Folder) conflict(st *zoneState) {
	st.problems = nil
	for _, name := range st.names[1:] {
		st.problems = append(st.problems, f.fileProblem(st.origin, name,
			fmt.Errorf("the zone %s has another file, %s; neither is loaded", shortText(st.origin), st.names[0])))
	}
	f.failed(st)
}

// failed takes notice of a zone whose newest version cannot be served.
func (f *Folder) failed(st *zoneState) {
	f.dirty = true
	if st.zone == nil {
		f.changes = append(f.changes, Entry{Origin: st.origin})
	}
}

// apply takes notice of a finished load.
//
//	changed meanwhile  files as read  ->
//	yes                no             loaded again
//	yes                yes            served, and loaded again
//	no                 no             loaded again when its files stand still
//	no                 yes            served
func (f *Folder) apply(r result) {
	st := r.st
	if st.job != r.id {
		return // overtaken by another load, or the zone is gone
	}
	again := st.again || r.generation != f.generation
	st.job = 0
	old := st.deps
	f.setDeps(st, r.deps)
	if again {
		f.queue(st)
	}
	switch {
	case again && r.unstable, !again && f.unsettled(r, old):
		st.deps = unread(st.deps)
	case r.generation == f.generation:
		f.take(r)
	}
}

// take serves a finished load, or reports what is wrong with it.
func (f *Folder) take(r result) {
	st := r.st
	st.problems = r.problems
	if r.zone == nil {
		f.failed(st)
		return
	}
	f.compareSerial(r)
	st.zone, st.files, st.content = r.zone, r.files, r.content
	st.resign = r.zone.resign()
	f.changes = append(f.changes, Entry{Origin: st.origin, Zone: r.zone, Loaded: time.Now()})
	f.dirty = true
}

// unsettled makes a load wait for files that changed under it, and for those
// that were written so lately that they may not be whole:
//
//	at a start, nothing to serve  ->  waits for
//	yes                               all of them, if the zone does not look whole
//	no                                those that this load is the first to read
func (f *Folder) unsettled(r result, old []dep) bool {
	waits := r.unstable
	for _, d := range r.deps {
		known := d.path == r.name || slices.ContainsFunc(old, func(o dep) bool { return o.path == d.path })
		doubted := !known
		if r.begins {
			doubted = r.partial()
		}
		if now := f.stat(d.path); !now.same(d.stamp) || doubted && f.fresh(now) {
			f.pend(d.path)
			waits = true
		}
	}
	return waits
}

// unread gives the same files, of which no version was taken.
func unread(deps []dep) []dep {
	paths := make([]dep, len(deps))
	for i, d := range deps {
		paths[i].path = d.path
	}
	return paths
}

// setDeps notes which files a zone depends on.
func (f *Folder) setDeps(st *zoneState, deps []dep) {
	for _, d := range st.deps {
		if users := f.includers[d.path]; users != nil {
			if delete(users, st); len(users) == 0 {
				delete(f.includers, d.path)
			}
		}
	}
	st.deps = deps
	for _, d := range deps {
		if f.files[d.path] == st {
			continue
		}
		if f.includers[d.path] == nil {
			f.includers[d.path] = map[*zoneState]bool{}
		}
		f.includers[d.path][st] = true
	}
}

// compareSerial warns when a zone was edited and its serial was not raised:
// secondary servers will not notice the edit.
func (f *Folder) compareSerial(r result) {
	st := r.st
	if st.zone == nil || r.options.SerialAuto || r.content == st.content || newerSerial(r.zone.Serial(), st.zone.Serial()) {
		return
	}
	st.problems = append(st.problems, Problem{
		Zone: shortText(st.origin), File: r.files[r.soa.File], Line: int(r.soa.Line), Warning: true,
		Text: fmt.Sprintf("the SOA serial %d was not raised after an edit; it was %d before", r.zone.Serial(), st.zone.Serial()),
	})
	sortProblems(st.problems)
}
