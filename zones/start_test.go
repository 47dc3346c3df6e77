package zones

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// written writes a file as it was left a moment ago: too lately to have stood
// still, and long enough ago for its time to tell.
func (s *site) written(name, text string) {
	s.t.Helper()
	s.write(name, text)
	s.date(name, time.Now().Add(-100*time.Millisecond))
}

// A start does not wait for files that may be written to again, as long as they
// look whole.
func TestLoadTakesWholeFilesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.written("a.test.zone", zoneText(1, "$INCLUDE inc/more"))
		s.written("inc/more", "www A 192.0.2.1\n")
		start := time.Now()
		s.Load(t.Context())
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		s.wantSerial("a.test.", 1)
		s.wantProblems()
		s.write("a.test.zone", zoneText(2)) // nobody tells of it: Run has not begun
		s.run()
		after(2 * time.Second)
		s.wantSerial("a.test.", 2)
	})
}

func TestLoadWaitsForFilesThatAreNotWhole(t *testing.T) {
	for what, text := range map[string]string{
		"the last line is cut off": strings.TrimSpace(zoneText(1, "www A 192.0.2.1")),
		"a line is cut off":        zoneText(1, "www A"),
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, nil)
			s.written("a.test.zone", text)
			time.AfterFunc(500*time.Millisecond, func() { s.write("a.test.zone", zoneText(2)) })
			s.Load(t.Context())
			if s.wantSerial("a.test.", 2); t.Failed() {
				t.Log(what)
			}
			s.wantProblems()
		})
	}
}

// What has a good version to serve is not replaced by what may be half a file.
func TestReloadWaitsWhereThereIsAGoodVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(1))
		s.Load(t.Context())
		s.written("a.test.zone", zoneText(2))
		start := time.Now()
		s.Reload(t.Context())
		if took := time.Since(start); took != 900*time.Millisecond {
			t.Errorf("took %v", took)
		}
		s.wantSerial("a.test.", 2)
	})
}

// An edit of a small zone overtakes large ones that were queued before it.
func TestSmallZonesOvertakeLargeOnes(t *testing.T) {
	s := newSite(t, nil)
	padding := strings.Repeat("; "+strings.Repeat("x", 1022)+"\n", largeText>>10)
	s.old("a.test.zone", zoneText(1)+padding)
	s.old("b.test.zone", zoneText(1, "$INCLUDE inc/padding"))
	s.old("c.test.zone", zoneText(1))
	s.old("inc/padding", padding)
	s.Load(t.Context())
	for _, origin := range []string{"\x01a\x04test\x00", "\x01b\x04test\x00", "\x01c\x04test\x00"} {
		s.queue(s.zones[origin])
	}
	for _, step := range []struct {
		large bool
		want  string
	}{{true, "a.test.zone"}, {false, "c.test.zone"}, {false, ""}, {true, "b.test.zone"}, {true, ""}} {
		if j, _ := s.next(step.large); j.name != step.want {
			t.Errorf("large ones wanted %v: %q, want %q", step.large, j.name, step.want)
		}
	}
}
