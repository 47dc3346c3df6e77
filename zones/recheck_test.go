package zones

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// onlyPool knows one pool.
func onlyPool(name string) FindGeo {
	return func(ref string) (GeoInfo, error) {
		if ref != name {
			return GeoInfo{}, errors.New("there is no such pool")
		}
		return GeoInfo{A: true}, nil
	}
}

// TestRecheckCountsTheFile renames the pool behind a zone that is served, and
// does one thing to its file before.
func TestRecheckCountsTheFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s *site)
		want   string // the problem found, none if empty
		serial int    // served after a reload
	}{
		{"nothing", func(*site) {}, "a.test.zone:4: GEO web: there is no such pool", 1},
		{"edited", func(s *site) { s.old("a.test.zone", zoneText(2, "www GEO next")) }, "", 2},
		{"edited this moment", func(s *site) { s.write("a.test.zone", zoneText(2, "www GEO next")) }, "", 2},
		{"edited and noticed", func(s *site) {
			s.old("a.test.zone", zoneText(2, "www GEO next"))
			s.Reload(s.t.Context())
			s.wantProblems("zones/a.test.zone:4: GEO next: there is no such pool")
		}, "", 2},
		{"edited badly", func(s *site) { s.old("a.test.zone", zoneText(2, "www GEO next", "bad A x")) },
			`a.test.zone:5: A: "x" is not an IPv4 address`, 1},
		{"removed", func(s *site) { s.remove("a.test.zone") }, "", -1},
		{"removed and noticed", func(s *site) {
			s.remove("a.test.zone")
			s.vanish("a.test.zone")
		}, "", -1},
		{"a second file", func(s *site) {
			s.old("A.test.zone", zoneText(2, "www GEO next"))
			s.Reload(s.t.Context())
		}, "a.test.zone:4: GEO web: there is no such pool", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, func(o *FolderOptions) { o.Geo = onlyPool("web") })
				s.old("a.test.zone", zoneText(1, "www GEO web"))
				s.Load(t.Context())
				c.change(s)
				problems := s.Recheck(onlyPool("next"))
				if bad := len(problems) > 0; bad != (c.want != "") || bad && !strings.HasSuffix(problems[0].String(), c.want) {
					t.Errorf("%v, want %q", problems, c.want)
				}
				s.Reload(t.Context())
				s.wantSerial("a.test.", c.serial)
			})
		})
	}
}

// TestReloadOvertakesALoad reloads for a new pool while Run is still at a load
// that began with the old ones: the reload itself serves the new version.
func TestReloadOvertakesALoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, proceed := false, make(chan struct{})
		s := newSite(t, func(o *FolderOptions) {
			o.Geo = func(ref string) (GeoInfo, error) {
				asked = true
				<-proceed
				return onlyPool("web")(ref)
			}
		})
		s.old("a.test.zone", zoneText(1))
		s.start()
		after(time.Minute)
		s.old("a.test.zone", zoneText(2, "www GEO next"))
		s.events <- event{"a.test.zone", replaced}
		after(0)
		if !asked {
			t.Fatal("no load has begun")
		}
		s.Recheck(onlyPool("next"))
		s.Reload(t.Context())
		s.wantSerial("a.test.", 2)
		close(proceed)
		after(time.Minute)
		s.wantSerial("a.test.", 2)
		s.wantProblems()
	})
}
