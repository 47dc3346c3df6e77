package zones

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func makePipe(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRenamedIntoPlaceIsLoadedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Minute)
		s.write("a.test.zone", zoneText(2))
		s.events <- event{"a.test.zone", replaced}
		after(0)
		s.wantSerial("a.test.", 2)
		s.write("new.test.zone", zoneText(5))
		s.events <- event{"new.test.zone", replaced}
		after(batch)
		s.wantSerial("new.test.", 5)
	})
}

func TestWrittenInPlaceWaitsUntilItStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(10 * time.Second)
		s.write("a.test.zone", "; half\n")
		s.events <- event{"a.test.zone", touched}
		after(600 * time.Millisecond)
		s.write("a.test.zone", zoneText(2))
		s.events <- event{"a.test.zone", touched}
		after(999 * time.Millisecond)
		s.wantSerial("a.test.", 1)
		after(time.Millisecond)
		s.wantSerial("a.test.", 2)
		s.wantProblems()
	})
}

// Without an event for every write, size and time tell.
func TestGrowingFileIsNotLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(10 * time.Second)
		s.write("a.test.zone", zoneText(2))
		s.events <- event{"a.test.zone", touched}
		after(900 * time.Millisecond)
		s.write("a.test.zone", zoneText(3))
		after(time.Second)
		s.wantSerial("a.test.", 1)
		after(100 * time.Millisecond)
		s.wantSerial("a.test.", 3)
	})
}

func TestBrokenFileKeepsTheOldZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Second)
		s.write("a.test.zone", zoneText(2, "www A nowhere"))
		s.events <- event{"a.test.zone", replaced}
		after(5 * time.Minute) // ten scans later it still is one report
		s.wantSerial("a.test.", 1)
		s.wantProblems(`zones/a.test.zone:4: A: "nowhere" is not an IPv4 address`)
		if n := s.logs.FilterLevelExact(zap.ErrorLevel).Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}
		if n := s.published.Load(); n != 3 {
			t.Errorf("published %d times, want 3: loading, loaded, broken", n)
		}
		s.write("a.test.zone", zoneText(3))
		s.events <- event{"a.test.zone", replaced}
		after(0)
		s.wantSerial("a.test.", 3)
		s.wantProblems()
	})
}

func TestVanishedFileServesUntilReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(10 * time.Second)
		s.remove("a.test.zone")
		s.events <- event{"a.test.zone", touched}
		after(900 * time.Millisecond)
		s.wantProblems()
		after(100 * time.Millisecond)
		gone := "zones/a.test.zone: warning: the file is gone; the zone is served as it was until a reload"
		s.wantProblems(gone)
		after(time.Minute)
		s.wantSerial("a.test.", 1)
		s.wantProblems(gone)
		s.Reload(t.Context())
		s.wantSerial("a.test.", -1)
		s.wantProblems()
		s.write("a.test.zone", zoneText(2))
		s.events <- event{"a.test.zone", replaced}
		after(batch)
		s.wantSerial("a.test.", 2)
	})
}

func TestBrokenFileThatVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", "nonsense\n")
		s.start()
		s.wantSerial("a.test.", 0)
		after(time.Second)
		s.remove("a.test.zone")
		s.events <- event{"a.test.zone", touched}
		after(time.Second)
		s.wantSerial("a.test.", -1)
		s.wantProblems()
	})
}

// A file that is renamed into place while its old version is read is loaded at
// once, not after the quiet second of one that is written to.
func TestRenamedWhileBeingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.Load(t.Context())
		st := s.zones["\x01a\x04test\x00"]
		j := s.newJob(st)
		r := s.load(t.Context(), j)
		s.write("a.test.zone", zoneText(2))
		r.unstable = true // as load finds when it looks at the file again
		s.settled("a.test.zone")
		s.apply(r)
		if len(s.pending) != 0 || !st.queued {
			t.Fatalf("pending %v, queued %v", s.pending, st.queued)
		}
		s.run()
		after(batch) // less than the quiet second
		s.wantSerial("a.test.", 2)
	})
}

// Some editors move the old file away and write a new one.
func TestFileReplacedByNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(10 * time.Second)
		s.remove("a.test.zone")
		s.events <- event{"a.test.zone", touched}
		s.write("a.test.zone", zoneText(2))
		s.events <- event{"a.test.zone", touched}
		after(time.Second)
		s.wantSerial("a.test.", 2)
		s.wantProblems()
	})
}

func TestIncludedFileReloadsItsZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		for _, name := range []string{"a.test.zone", "b.test.zone"} {
			s.old(name, zoneText(1, "$INCLUDE inc/hosts"))
		}
		s.old("c.test.zone", zoneText(1))
		s.start()
		missing := "$INCLUDE inc/hosts: no such file or directory"
		s.wantProblems("zones/a.test.zone:4: "+missing, "zones/b.test.zone:4: "+missing)
		after(10 * time.Second)
		s.write("inc/hosts", "www A 192.0.2.1\n")
		s.events <- event{"inc/hosts", touched}
		after(time.Second + batch)
		s.wantSerial("a.test.", 1)
		s.wantSerial("b.test.", 1)
		s.wantProblems()
		s.write("inc/hosts", "www A nowhere\n")
		s.events <- event{"inc/hosts", replaced}
		after(batch)
		s.wantProblems(`zones/inc/hosts:1: A: "nowhere" is not an IPv4 address`, `zones/inc/hosts:1: A: "nowhere" is not an IPv4 address`)
	})
}

// A zone renamed into place waits for a file it includes that is being
// written at the same time.
func TestZoneWaitsForItsInclude(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1, "$INCLUDE hosts"))
		s.old("hosts", "")
		s.start()
		after(10 * time.Second)
		s.write("hosts", "www A 192.0.2.1\n")
		s.events <- event{"hosts", touched}
		s.write("a.test.zone", zoneText(2, "$INCLUDE hosts"))
		s.events <- event{"a.test.zone", replaced}
		after(900 * time.Millisecond)
		s.wantSerial("a.test.", 1)
		after(100 * time.Millisecond)
		s.wantSerial("a.test.", 2)
	})
}

func TestScanFindsWhatNoEventTold(t *testing.T) {
	for _, what := range []struct {
		name  string
		event *event
		wait  time.Duration
	}{
		{"in time", nil, 31 * time.Second},
		{"at once when events were lost", &event{kind: lost}, batch + time.Second},
		{"at once when a link is switched", &event{"..data", replaced}, batch + time.Second},
	} {
		t.Run(what.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, nil)
				s.old("a.test.zone", zoneText(1))
				s.old("b.test.zone", zoneText(1))
				if err := os.Symlink("elsewhere", s.path("..data")); err != nil {
					t.Fatal(err)
				}
				s.start()
				after(time.Second)
				s.write("a.test.zone", zoneText(2))
				s.write("c.test.zone", zoneText(1))
				s.remove("b.test.zone")
				if what.event != nil {
					s.events <- *what.event
				}
				after(what.wait + batch)
				s.wantSerial("a.test.", 2)
				s.wantSerial("c.test.", 1)
				s.wantProblems("zones/b.test.zone: warning: the file is gone; the zone is served as it was until a reload")
			})
		})
	}
}

func TestPollingWhereWatchingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.blind.Store(true)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Second)
		s.wantProblems("zones: warning: the folder cannot be watched and is looked at every 2s instead: too many open files")
		s.write("a.test.zone", zoneText(2))
		after(3 * time.Second)
		s.wantSerial("a.test.", 2)
		s.blind.Store(false)
		after(2 * time.Second)
		s.wantProblems()
	})
}

func TestBurstIsPublishedInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		const zones = 500
		for i := range zones {
			s.old(fmt.Sprintf("z%d.test.zone", i), zoneText(1))
		}
		s.start()
		after(time.Second)
		before := s.published.Load()
		for i := range zones {
			name := fmt.Sprintf("z%d.test.zone", i)
			s.write(name, zoneText(2))
			s.events <- event{name, touched}
		}
		after(time.Second + batch)
		for i := range zones {
			s.wantSerial(fmt.Sprintf("z%d.test.", i), 2)
		}
		if n := s.published.Load() - before; n < 1 || n > 3 {
			t.Errorf("published %d times", n)
		}
	})
}

func TestTemporaryFilesCauseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Second)
		before := s.published.Load()
		for _, name := range []string{".a.test.zone.swp", "a.test.zone~", "4913", ".#a.test.zone", "#a.test.zone#", ".a.test.zone.x8Yq2Z", "sub/b.test.zone"} {
			s.write(name, zoneText(9))
			for _, kind := range []eventKind{touched, replaced} {
				s.events <- event{path.Clean(name), kind}
			}
		}
		after(time.Minute)
		if n := s.published.Load() - before; n != 0 || s.Set().Len() != 1 {
			t.Errorf("published %d times, %d zones", n, s.Set().Len())
		}
	})
}

func TestRecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1, "www GEO web"))
		s.old("b.test.zone", zoneText(1, "www GEO soon"))
		s.start()
		soon := `zones/b.test.zone:4: GEO soon: there is no such pool`
		s.wantProblems(soon)
		problems := s.Recheck(func(string) (GeoInfo, error) { return GeoInfo{}, errors.New("gone") })
		if len(problems) != 1 || !strings.HasSuffix(problems[0].String(), "/a.test.zone:4: GEO web: gone") {
			t.Errorf("%v", problems)
		}
		after(time.Second)
		s.wantProblems(soon)
		problems = s.Recheck(func(string) (GeoInfo, error) { return GeoInfo{A: true}, nil })
		after(time.Second)
		s.wantProblems()
		s.wantSerial("b.test.", 1)
		if problems != nil {
			t.Error(problems)
		}
	})
}

func TestSetZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		want := int(time.Now().Add(-time.Hour).Unix())
		s.SetZones(map[string]ZoneOptions{"a.test": {SerialAuto: true}})
		after(batch)
		s.wantSerial("a.test.", want)
	})
}

// The folder itself may be moved away, and another put in its place.
func TestFolderGoneKeepsServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Second)
		if err := os.Rename(s.o.Dir, s.o.Dir+".old"); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		s.wantSerial("a.test.", 1)
		s.wantProblems("zones: no such file or directory",
			"zones: warning: the folder cannot be watched and is looked at every 2s instead: no such file or directory",
			"zones/a.test.zone: warning: the file is gone; the zone is served as it was until a reload")
		if err := os.Rename(s.o.Dir+".old", s.o.Dir); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		s.wantProblems()
	})
}
