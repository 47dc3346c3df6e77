package zones

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/dnssec"
)

// FolderOptions say where zones come from and where they go.
type FolderOptions struct {
	Dir     string                 // the zones folder
	Log     *zap.Logger            // what Run does; nil: nothing is logged
	Zones   map[string]ZoneOptions // by presentation name, lower case, no final dot; the root is "."
	Geo     FindGeo                // nil: references of GEO records are not looked up
	Signer  FindSigner             // needed if some ZoneOptions say Sign
	Aside   bool                   // nothing will be served: zones to be signed stay unsigned, those signed elsewhere are verified
	Publish func(*Set, []Problem)  // every new state, never concurrently; must not call Load, Reload, Recheck or SetZones; may be nil
	Limits  Limits
	Scan    time.Duration // between looks at the whole folder; default 30 s
	Quiet   time.Duration // for which a file written in place must stand still; default 1 s
}

// ZoneOptions are a zone's own settings.
type ZoneOptions struct {
	SerialAuto bool           // the serial is the newest time of the zone's files, in seconds
	Sign       bool           // the zone is signed here
	Signing    dnssec.Options // how, if Sign
}

// FindSigner gives what signs a zone at this moment; origin is its apex in wire
// form, lower case. It must be safe for concurrent use.
type FindSigner func(origin string, o dnssec.Options) (*dnssec.Signer, error)

// Folder keeps the zones of a folder of master files loaded. A zone that fails
// keeps its last good version. Safe for concurrent use; Load comes first, and
// Run runs at most once.
type Folder struct {
	o       FolderOptions
	shown   string // the folder's own name, in front of file names in problems
	seed    maphash.Seed
	set     atomic.Pointer[Set]
	found   atomic.Pointer[[]Problem]
	watch   func(dir string) (watcher, error)
	results chan result
	wake    chan struct{} // Run shall look at what is ready

	mu         sync.Mutex                     // guards what follows, and calls of Publish
	generation int                            // of o.Geo and o.Zones
	jobs       int                            // started so far
	zones      map[string]*zoneState          // by origin
	files      map[string]*zoneState          // by name of a zone file
	includers  map[string]map[*zoneState]bool // by path of an included file
	bad        map[string]Problem             // zone files whose name is none
	alarms     map[string]Problem             // of the folder itself, by kind
	pending    map[string]pause               // files that may still be written to
	dueAt      time.Time                      // when one of them may have stood still; zero for none
	ready      []*zoneState                   // to be loaded
	changes    []Entry                        // loaded, not yet published
	removed    []string
	dirty      bool             // there is something to publish
	logged     map[Problem]bool // reported already
	starting   bool             // Load or Reload: zones with nothing to serve are not kept waiting
}

// zoneState is what is known of one zone.
type zoneState struct {
	origin   string
	names    []string  // the files that claim to be it; one, if all is well
	zone     *Zone     // the last good version
	files    []string  // by Pos.File, of that version
	content  uint64    // of that version
	deps     []dep     // what the last attempt read
	problems []Problem // of the last attempt
	queued   bool
	resign   int64 // Unix seconds at which it has to be signed anew; 0: never
	job      int   // the load in flight, 0 for none
	again    bool  // changed since that load began
}

// NewFolder makes a Folder that has nothing loaded yet. It fails if there is no
// such folder.
func NewFolder(o FolderOptions) (*Folder, error) {
	info, err := os.Stat(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("zones folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("zones folder %s: not a folder", o.Dir)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Scan = max(o.Scan, 0)
	if o.Scan == 0 {
		o.Scan = 30 * time.Second
	}
	if o.Quiet <= 0 {
		o.Quiet = time.Second
	}
	o.Limits = o.Limits.withDefaults()
	f := &Folder{
		o: o, shown: filepath.Base(o.Dir), seed: maphash.MakeSeed(), watch: newWatch,
		results: make(chan result), wake: make(chan struct{}, 1),
		zones: map[string]*zoneState{}, files: map[string]*zoneState{},
		includers: map[string]map[*zoneState]bool{}, bad: map[string]Problem{},
		alarms: map[string]Problem{}, pending: map[string]pause{},
	}
	f.set.Store(NewSet(nil))
	f.found.Store(new([]Problem))
	return f, nil
}

// Set is the newest set of zones.
func (f *Folder) Set() *Set { return f.set.Load() }

// Problems are those of the newest attempt at every zone, by file and line.
// Not to be written to.
func (f *Folder) Problems() []Problem { return *f.found.Load() }

// publish hands over what has changed.
func (f *Folder) publish() {
	set := f.set.Load().Replace(f.changes, f.removed)
	f.orphans()
	problems := f.collect()
	f.changes, f.removed, f.dirty = nil, nil, false
	f.set.Store(set)
	f.found.Store(&problems)
	if f.o.Publish != nil {
		f.o.Publish(set, problems)
	}
}

func (f *Folder) collect() []Problem {
	var problems []Problem
	for _, kind := range slices.Sorted(maps.Keys(f.alarms)) {
		problems = append(problems, f.alarms[kind])
	}
	problems = slices.AppendSeq(problems, maps.Values(f.bad))
	for _, st := range f.zones {
		problems = append(problems, st.problems...)
	}
	sortProblems(problems)
	return problems
}

// orphans warns of options for zones that have no file.
func (f *Folder) orphans() {
	missing := map[string]bool{}
	for name := range f.o.Zones {
		wire, err := appendName(nil, []byte(name), "\x00")
		if err != nil || f.zones[string(wire)] == nil {
			missing[name] = true
			f.alarm("zone "+name, Problem{Zone: name, File: f.shown, Warning: true,
				Text: fmt.Sprintf("there is no file for the zone %s, which the configuration has options for", name)})
		}
	}
	for kind := range f.alarms {
		if name, ok := strings.CutPrefix(kind, "zone "); ok && !missing[name] {
			f.calm(kind)
		}
	}
}

// log reports the problems that are new since the last time.
func (f *Folder) log() {
	for _, p := range f.Problems() {
		switch {
		case f.logged[p]:
		case p.Warning:
			f.o.Log.Warn(p.String())
		default:
			f.o.Log.Error(p.String())
		}
	}
	f.remember()
}

// remember notes that the problems of now are known.
func (f *Folder) remember() {
	problems := f.Problems()
	f.logged = make(map[Problem]bool, len(problems))
	for _, p := range problems {
		f.logged[p] = true
	}
}

// Recheck puts other pools behind the GEO records: every reference is looked
// up anew. If some reference is an error nothing changes and the problems are
// returned; else find is used from now on, and zones that had failed are tried
// again. What counts of a zone whose file was edited since, or is gone, is the
// file: so a pool and the records that name it may change together. Reload
// follows, and takes those files.
func (f *Folder) Recheck(find FindGeo) []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	if problems := f.allMisfits(find); len(problems) > 0 {
		return problems
	}
	old := f.o.Geo
	f.o.Geo = find
	f.generation++
	for _, st := range f.zones {
		if st.job != 0 || hasErrors(st.problems) || st.otherTypes(old, find) {
			f.queue(st)
		}
	}
	f.poke()
	return nil
}

// Misfits are the problems that Recheck would return; nothing changes.
func (f *Folder) Misfits(find FindGeo) []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.allMisfits(find)
}

func (f *Folder) allMisfits(find FindGeo) []Problem {
	var problems []Problem
	for _, st := range f.zones {
		problems = append(problems, f.misfits(st, find)...)
	}
	sortProblems(problems)
	return problems
}

// misfits are the references of a zone that other pools do not bear out.
//
//	version served  the file        ->
//	fits            any             none
//	does not        gone            none: the reload ends the zone
//	does not        fits            none: the reload takes it
//	does not        does not        what is wrong with the file
func (f *Folder) misfits(st *zoneState, find FindGeo) []Problem {
	if st.zone == nil {
		return nil
	}
	rep := &report{zone: shortText(st.origin), files: st.files, limit: f.o.Limits.Problems}
	checkRefs(st.zone, find, rep)
	switch {
	case rep.errors == 0, len(st.names) == 0, f.stat(st.names[0]).missing():
		return nil
	case len(st.names) > 1:
		return rep.problems()
	}
	j := f.jobOf(st)
	j.geo = find
	switch r := f.load(context.Background(), j); {
	case r.zone == nil:
		return r.problems
	case r.unstable:
		return rep.problems()
	}
	return nil
}

// SetZones replaces the options of zones; those they change are loaded anew.
func (f *Folder) SetZones(zones map[string]ZoneOptions) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.o.Zones
	f.o.Zones = zones
	f.generation++
	for _, st := range f.zones {
		if name := shortText(st.origin); old[name] != zones[name] {
			f.queue(st)
		}
	}
	f.dirty = true
	f.poke()
}

func (f *Folder) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// shownFile is a file of the folder as problems name it.
func (f *Folder) shownFile(name string) string { return path.Join(f.shown, name) }

// fileProblem is an error of a whole file.
func (f *Folder) fileProblem(origin, name string, err error) Problem {
	var where *os.PathError
	if errors.As(err, &where) {
		err = where.Err // the path is named already
	}
	p := Problem{File: f.shownFile(name), Text: err.Error()}
	if origin != "" {
		p.Zone = shortText(origin)
	}
	return p
}
