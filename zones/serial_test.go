package zones

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSerialAuto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(o *FolderOptions) { o.Zones = map[string]ZoneOptions{"a.test": {SerialAuto: true}} })
		start := time.Now()
		at := func(seconds int) int { return int(start.Unix()) + seconds }
		s.write("a.test.zone", zoneText(7, "$INCLUDE hosts"))
		s.write("hosts", "")
		s.date("a.test.zone", start.Add(-300*time.Second))
		s.date("hosts", start.Add(-200*time.Second))
		s.start()
		s.wantSerial("a.test.", at(-200))
		soa, _ := s.Set().Entry(0).Zone.Find(0, typeSOA)
		if soaSerial(string(soa.Wire())) != uint32(at(-200)) {
			t.Error("the SOA record says something else")
		}
		after(time.Second)
		s.write("hosts", "www A 192.0.2.1\n")
		s.date("hosts", start.Add(-250*time.Second)) // an older version was put back
		s.events <- event{"hosts", replaced}
		after(batch)
		s.wantSerial("a.test.", at(-200))
		if _, ok := s.Set().Entry(0).Zone.find(name(t, "www.a.test."), 0); !ok {
			t.Error("the older version is not served")
		}
		s.date("a.test.zone", start.Add(-100*time.Second))
		s.events <- event{"a.test.zone", touched}
		after(time.Second)
		s.wantSerial("a.test.", at(-100))
		s.wantProblems()
	})
}

func TestSerialNotRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.old("a.test.zone", zoneText(10, "www A 192.0.2.1"))
		s.start()
		edit := func(text string, want ...string) {
			t.Helper()
			after(time.Second)
			s.write("a.test.zone", text)
			s.events <- event{"a.test.zone", replaced}
			after(batch)
			s.wantProblems(want...)
		}
		edit(zoneText(10, "; a comment", "www 60 IN A 192.0.2.1"))
		edit(zoneText(10, "www A 192.0.2.2"), "zones/a.test.zone:2: warning: the SOA serial 10 was not raised after an edit; it was 10 before")
		edit(zoneText(9, "www A 192.0.2.3"), "zones/a.test.zone:2: warning: the SOA serial 9 was not raised after an edit; it was 10 before")
		edit(zoneText(11, "www A 192.0.2.4"))
		edit(zoneText(3000000000, "www A 192.0.2.5"), "zones/a.test.zone:2: warning: the SOA serial 3000000000 was not raised after an edit; it was 11 before")
	})
}
