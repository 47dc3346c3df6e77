package nameserver

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/journal"
	"github.com/meridian-dns/meridian/healthcheck"
)

// TestStatesUnderOtherKeys: a journal that names a target otherwise is read, and holds the state once afterwards.
func TestStatesUnderOtherKeys(t *testing.T) {
	h := newHome(t)
	h.probed = 9 // nobody listens
	h.write("meridian.toml", h.configOf("127.0.0.1"))
	n := h.run()
	target := n.Plan().Targets[0]
	path := filepath.Join(t.TempDir(), "journal")
	j, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	since := time.Now().Add(-time.Hour).Round(0)
	was := healthcheck.Saved{Target: target, State: healthcheck.State{Status: healthcheck.Down, Since: since, Streak: 1}}
	gone := was
	gone.Target.Addr = netip.MustParseAddr("192.0.2.1")
	if err := j.Put(map[string]any{targetPrefix + "otherwise": was, targetPrefix + "gone": gone}, false); err != nil {
		t.Fatal(err)
	}
	s := saver{}
	list, err := s.restore(j)
	if err != nil || len(list) != 2 {
		t.Fatalf("%d states, error %v", len(list), err)
	}
	if got := s.saved[keyOf(&target)]; got != whatLasts(&was.State) {
		t.Errorf("kept: %+v", got)
	}
	changes := map[string]any{}
	s.take(n.Plan(), changes)
	if _, dropped := changes[keyOf(&gone.Target)]; !dropped || len(changes) != 1 || len(s.saved) != 1 {
		t.Errorf("a plan without one of them changes %v, and leaves %v", changes, s.saved)
	}
	keys := map[string]bool{}
	j.Each(targetPrefix, func(key string, _ []byte) { keys[key] = true })
	if len(keys) != 2 || !keys[keyOf(&target)] || !keys[keyOf(&gone.Target)] {
		t.Errorf("the journal has %v", keys)
	}
}
