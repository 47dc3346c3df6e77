package zones

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// Readers see whole generations while files change, reloads and new pools come
// in: the address in a zone always belongs to its serial.
func TestReadersSeeWholeGenerations(t *testing.T) {
	s := newSite(t, func(o *FolderOptions) { o.Quiet = time.Millisecond })
	s.Folder.watch = newWatch
	generation := func(n int) string { return zoneText(n, fmt.Sprintf("www A 192.0.2.%d", n%256), "geo GEO web") }
	s.old("a.test.zone", generation(1))
	s.start()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(f func()) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	loop(func() { s.Reload(t.Context()) })
	loop(func() { s.Recheck(somePools) })
	loop(func() { s.SetZones(nil) })
	www := name(t, "www.a.test.")
	for range 2 {
		loop(func() { s.readOne(www) })
	}
	temp := s.path("temp")
	for n := 2; n < 200; n++ {
		if err := os.WriteFile(temp, []byte(generation(n)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, s.path("a.test.zone")); err != nil {
			t.Fatal(err)
		}
	}
	s.untilSerial("a.test.", 199)
	close(stop)
	wg.Wait()
}

func (s *site) readOne(www *Name) {
	z := s.Set().Entry(0).Zone
	id, ok := z.find(www, 0)
	if !ok {
		s.t.Error("www is gone")
		return
	}
	set, _ := z.Find(NodeID(id), typeA)
	wire := set.Wire()
	if got := wire[len(wire)-1]; got != byte(z.Serial()) {
		s.t.Errorf("the address of serial %d is that of %d", z.Serial(), got)
	}
	for _, p := range s.Problems() {
		if !p.Warning {
			s.t.Error(p)
		}
	}
}
