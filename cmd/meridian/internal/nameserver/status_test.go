package nameserver

import (
	"strings"
	"testing"
)

// TestStatusNamesProblems holds that a zone whose file has an error says so, the root too.
func TestStatusNamesProblems(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", `listen = ["`+h.listen+"\"]\nzones = \"zones\"\nstate = \"state\"\n")
	h.write("zones/example.com.zone", "broken\n")
	h.write("zones/root.zone", "broken\n")
	s := h.run().Status()
	for _, z := range s.Zones {
		if !strings.Contains(z.Problem, ".zone:1: ") {
			t.Errorf("%s has the problem %q", z.Name, z.Problem)
		}
	}
	if want := "Zones example.com, . did not load"; len(s.Zones) != 2 || !strings.HasPrefix(s.Verdict.Text, want) {
		t.Errorf("it says %q, want %q", s.Verdict.Text, want)
	}
}
