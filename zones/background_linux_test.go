package zones

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/internal/background"
)

// TestLargeEditsGiveWay holds that a large zone is made ready at once at the start, and in the background while zones are
// served; a small one never waits.
func TestLargeEditsGiveWay(t *testing.T) {
	if background.Here() {
		t.Skip("all of this process is in the background")
	}
	var mu sync.Mutex
	seen := map[bool]int{}
	s := newSite(t, func(o *FolderOptions) {
		o.Quiet = time.Millisecond
		o.Geo = func(ref string) (GeoInfo, error) {
			mu.Lock()
			defer mu.Unlock()
			seen[background.Here()]++
			return somePools(ref)
		}
	})
	s.Folder.watch = newWatch
	expect := func(when string, background bool) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if seen[background] == 0 || seen[!background] != 0 {
			t.Errorf("%s: pools were asked for %d times in the background and %d times elsewhere", when, seen[true], seen[false])
		}
		clear(seen)
	}
	filler := "; " + strings.Repeat("x", 1000) + "\n"
	large := strings.Repeat(filler, largeText/len(filler)+1)
	s.old("large.test.zone", zoneText(1, "geo GEO web", large))
	s.old("small.test.zone", zoneText(1, "geo GEO web"))
	s.Load(t.Context())
	expect("start", false)
	s.put("small.test.zone", zoneText(2, "geo GEO web"))
	s.Reload(t.Context())
	expect("reload of a small zone", false)
	s.put("large.test.zone", zoneText(2, "geo GEO web", large))
	s.Reload(t.Context())
	expect("reload of a large zone", true)
	s.run()
	s.watching()
	s.put("large.test.zone", zoneText(3, "geo GEO web", large))
	s.untilSerial("large.test.", 3)
	expect("edit of a large zone", true)
}
