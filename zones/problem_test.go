package zones

import "testing"

func TestProblemIsOneLineOfText(t *testing.T) {
	for _, c := range []struct {
		problem Problem
		want    string
	}{
		{Problem{File: "zones/a.zone", Line: 3, Text: `"x" is not a type, nor is \032`}, `zones/a.zone:3: "x" is not a type, nor is \032`},
		{Problem{File: "zones/a\nb.zone: all is well\n.zone", Text: "a\tbad name"}, `zones/a\nb.zone: all is well\n.zone: a\tbad name`},
		{Problem{File: "zones/a.zone", Line: 1, Text: "$\x1b[31m\x9b", Warning: true}, `zones/a.zone:1: warning: $\x1b[31m\x9b`},
		{Problem{Text: "folder \xff\u009b\u202ebücher\u2028"}, `folder \xff\u009b\u202ebücher\u2028`},
	} {
		if got := c.problem.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
