package zones

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// site is a zones folder under test. In a synctest bubble its files have the
// bubble's time, and its events are sent by hand.
type site struct {
	*Folder
	t         *testing.T
	events    chan event
	logs      *observer.ObservedLogs
	published atomic.Int32
	blind     atomic.Bool // the folder cannot be watched
}

func newSite(t *testing.T, change func(*FolderOptions)) *site {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	s := &site{t: t, events: make(chan event), logs: logs}
	o := FolderOptions{
		Dir: t.TempDir(), Log: zap.New(core), Geo: somePools,
		Publish: func(*Set, []Problem) { s.published.Add(1) },
	}
	if change != nil {
		change(&o)
	}
	f, err := NewFolder(o)
	if err != nil {
		t.Fatal(err)
	}
	f.watch = func(string) (watcher, error) {
		if s.blind.Load() {
			return nil, errors.New("too many open files")
		}
		return s, nil
	}
	s.Folder = f
	return s
}

func (s *site) Events() <-chan event { return s.events }
func (s *site) Add(string) error     { return nil }
func (s *site) Close() error         { return nil }

// checked loads the zones of a folder without publishing them, and returns what
// is wrong.
func checked(dir string, o FolderOptions) []Problem {
	o.Dir, o.Publish = dir, nil
	f, err := NewFolder(o)
	if err != nil {
		return []Problem{{File: filepath.Base(dir), Text: err.Error()}}
	}
	f.o.Quiet = 0
	return f.Load(context.Background())
}

// zoneText is a zone with a serial and some more lines.
func zoneText(serial int, more ...string) string {
	return fmt.Sprintf("$TTL 60\n@ SOA ns.test. a.test. %d 7200 3600 1209600 60\n@ NS ns.test.\n%s\n", serial, strings.Join(more, "\n"))
}

func (s *site) path(name string) string { return filepath.Join(s.o.Dir, name) }

// write replaces a file; its time is now.
func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	s.date(name, time.Now())
}

// old writes a file that has stood still for long.
func (s *site) old(name, text string) {
	s.t.Helper()
	s.write(name, text)
	s.date(name, time.Now().Add(-time.Hour))
}

func (s *site) date(name string, at time.Time) {
	s.t.Helper()
	if err := os.Chtimes(s.path(name), at, at); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.Remove(s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// start loads the folder and runs it until the test ends.
func (s *site) start() {
	s.t.Helper()
	s.Load(s.t.Context())
	s.run()
}

func (s *site) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(done)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// serial is that of a zone, 0 if none is served, -1 if it is not known.
func (s *site) serial(origin string) int {
	name, _ := appendName(nil, []byte(origin), "\x00")
	i, ok := s.Set().Index(string(name))
	if !ok {
		return -1
	}
	if z := s.Set().Entry(i).Zone; z != nil {
		return int(z.Serial())
	}
	return 0
}

func (s *site) wantSerial(origin string, want int) {
	s.t.Helper()
	if got := s.serial(origin); got != want {
		s.t.Errorf("%s has serial %d, want %d", origin, got, want)
	}
}

// wantProblems compares all problems, with the folder's name written "zones".
func (s *site) wantProblems(want ...string) {
	s.t.Helper()
	var got []string
	for _, p := range s.Problems() {
		got = append(got, strings.Replace(p.String(), s.shown, "zones", 1))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// after lets bubble time pass, and all that is due then happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestLoadServesWhatIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first *Set
		s := newSite(t, func(o *FolderOptions) {
			o.Publish = func(s *Set, _ []Problem) {
				if first == nil {
					first = s
				}
			}
		})
		s.old("a.test.zone", zoneText(1))
		s.old("b.test.zone", zoneText(1, "www A nowhere"))
		s.old("root.zone", zoneText(3, "ns.test. A 192.0.2.1"))
		s.old("notes.txt", "no zone")
		s.old(".#a.test.zone", "an editor's")
		s.old("a.test.zone~", "an editor's")
		s.old("two words.zone", zoneText(1))
		start := time.Now()
		problems := s.Load(t.Context())
		if time.Since(start) != 0 || len(problems) != 2 {
			t.Errorf("took %v, %d problems", time.Since(start), len(problems))
		}
		s.wantSerial("a.test.", 1)
		s.wantSerial("b.test.", 0)
		s.wantSerial(".", 3)
		s.wantProblems(
			`zones/b.test.zone:4: A: "nowhere" is not an IPv4 address`,
			`zones/two words.zone: the character ' ' is written %20 in the name of a zone file`)
		if first.Len() != 3 || !first.Entry(0).Loading {
			t.Errorf("before all was loaded %d zones were published", first.Len())
		}
	})
}

func TestLoadWaitsForFilesBeingWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.write("a.test.zone", "$TTL 60\n")
		s.write("b.test.zone", zoneText(1, "$INCLUDE inc/more"))
		s.write("inc/more", "www A 192.0.2")
		time.AfterFunc(300*time.Millisecond, func() { s.write("inc/more", "www A 192.0.2.1\n") })
		start := time.Now()
		time.AfterFunc(500*time.Millisecond, func() { s.write("a.test.zone", zoneText(2)) })
		s.Load(t.Context())
		if took := time.Since(start); took != 2*time.Second+tick {
			t.Errorf("took %v", took)
		}
		s.wantSerial("a.test.", 2)
		s.wantSerial("b.test.", 1)
		s.wantProblems()
	})
}

func TestLoadGivesUpOnAFileThatKeepsChanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		cut := func(serial int) string { return strings.TrimSpace(zoneText(serial, "www A 192.0.2.1")) }
		s.write("a.test.zone", cut(0))
		stop := make(chan struct{})
		go func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(400 * time.Millisecond):
					s.write("a.test.zone", cut(i))
				}
			}
		}()
		s.Load(t.Context())
		close(stop)
		synctest.Wait()
		s.wantSerial("a.test.", 0)
		if i, _ := s.Set().Index("\x01a\x04test\x00"); !s.Set().Entry(i).Loading {
			t.Error("the zone is not marked as loading")
		}
		s.wantProblems("zones/a.test.zone: warning: the file, or one that it includes, is still being written to; it is loaded when it stands still")
		s.run()
		after(time.Second)
		if s.serial("a.test.") < 1 {
			t.Error("the file stands still and is not loaded")
		}
		s.wantProblems("zones/a.test.zone:4: warning: the last line does not end with a newline: is the file whole?")
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	s := newSite(t, nil)
	s.old("a.test.zone", zoneText(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Load(ctx)
	s.wantSerial("a.test.", 0)
	s.Reload(t.Context())
	s.wantSerial("a.test.", 1)
}

func TestCheckPublishesNothingAndDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.write("a.test.zone", zoneText(1, "www GEO nowhere"))
		start := time.Now()
		problems := checked(s.o.Dir, s.o)
		if len(problems) != 1 || problems[0].Line != 4 || problems[0].Warning || s.published.Load() != 0 || time.Since(start) != 0 {
			t.Errorf("%v, published %d, took %v", problems, s.published.Load(), time.Since(start))
		}
	})
	if problems := checked(filepath.Join(t.TempDir(), "none"), FolderOptions{}); len(problems) != 1 || !strings.Contains(problems[0].String(), "no such file") {
		t.Errorf("a folder that is not there: %v", problems)
	}
}

func TestRefusedFiles(t *testing.T) {
	s := newSite(t, func(o *FolderOptions) { o.Quiet = time.Millisecond })
	s.old("a.test.zone", zoneText(1))
	s.old("A.test.zone", zoneText(2))
	s.old("%61.test.zone", zoneText(3))
	if err := os.Mkdir(s.path("folder.zone"), 0o755); err != nil {
		t.Fatal(err)
	}
	makePipe(t, s.path("pipe.zone"))
	if err := os.Symlink(s.path("nothing"), s.path("dangling.zone")); err != nil {
		t.Fatal(err)
	}
	s.Load(t.Context())
	s.wantProblems(
		"zones/A.test.zone: the zone a.test has another file, %61.test.zone; neither is loaded",
		"zones/a.test.zone: the zone a.test has another file, %61.test.zone; neither is loaded",
		"zones/dangling.zone: no such file or directory",
		"zones/folder.zone: not a regular file",
		"zones/pipe.zone: not a regular file")
	s.wantSerial("a.test.", 0)
	s.remove("A.test.zone")
	s.remove("%61.test.zone")
	s.Reload(t.Context())
	s.wantSerial("a.test.", 1)
}

func TestIncludesStayInTheFolder(t *testing.T) {
	s := newSite(t, func(o *FolderOptions) { o.Quiet = time.Millisecond })
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("www A 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, s.path("link")); err != nil {
		t.Fatal(err)
	}
	makePipe(t, s.path("pipe"))
	s.old("inner", "www A 192.0.2.1\n")
	if err := os.Symlink("inner", s.path("within")); err != nil {
		t.Fatal(err)
	}
	s.old("a.test.zone", zoneText(1, "$INCLUDE link", "$INCLUDE pipe", "$INCLUDE within sub"))
	s.Load(t.Context())
	s.wantProblems(
		"zones/a.test.zone:4: $INCLUDE link: path escapes from parent",
		"zones/a.test.zone:5: $INCLUDE pipe: not a regular file")
}

func TestOptionsWithoutAZone(t *testing.T) {
	s := newSite(t, func(o *FolderOptions) {
		o.Zones = map[string]ZoneOptions{"a.test": {}, "b.test": {}, ".": {}}
	})
	s.old("a.test.zone", zoneText(1))
	s.old("root.zone", zoneText(1, "ns.test. A 192.0.2.1"))
	s.Load(t.Context())
	s.wantProblems("zones: warning: there is no file for the zone b.test, which the configuration has options for")
	s.old("b.test.zone", zoneText(1))
	s.Reload(t.Context())
	s.wantProblems()
}

// TestReloadTellsOfZonesItEnds holds that a zone does not leave in silence.
func TestReloadTellsOfZonesItEnds(t *testing.T) {
	s := newSite(t, nil)
	s.old("a.test.zone", zoneText(1))
	s.old("b.test.zone", zoneText(1))
	s.Load(t.Context())
	s.remove("a.test.zone")
	s.Reload(t.Context())
	s.wantSerial("a.test.", -1)
	logs := s.logs.FilterMessage("zone is no longer served: its file is gone").All()
	if len(logs) != 1 || logs[0].ContextMap()["zone"] != "a.test" {
		t.Errorf("%v", s.logs.All())
	}
}
