package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := Median(c.values); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

// The ranks are those of the usual table for the sign test, counted from 0.
func TestRank(t *testing.T) {
	for n, want := range map[int]int{1: 0, 5: 0, 6: 0, 8: 0, 9: 1, 11: 1, 12: 2, 15: 3, 17: 4, 20: 5, 25: 7, 40: 13} {
		if got := rank(n, 0.95); got != want {
			t.Errorf("rank(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestEstimatedDoesNotChangeItsInput(t *testing.T) {
	v := []float64{11, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1}
	if got := Estimated(v); got != (Estimate{6, 2, 10, 11}) {
		t.Errorf("got %+v", got)
	}
	if v[0] != 11 {
		t.Error("input was sorted in place")
	}
}

func TestEstimatedCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const trials = 4000
	held := 0
	for range trials {
		v := make([]float64, 11)
		for i := range v {
			v[i] = r.ExpFloat64()
		}
		if e := Estimated(v); e.Low <= math.Ln2 && math.Ln2 <= e.High {
			held++
		}
	}
	if got := float64(held) / trials; got < 0.95 {
		t.Errorf("the interval held the median in %.3f of the trials", got)
	}
}

func TestRatios(t *testing.T) {
	got := Ratios([]float64{1, 4, 9}, []float64{2, 0, 3, 7})
	if len(got) != 2 || got[0] != 0.5 || got[1] != 3 {
		t.Errorf("got %v", got)
	}
}

func TestPercentile(t *testing.T) {
	v := []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}
	for p, want := range map[float64]int{0: 10, 10: 10, 50: 50, 90: 90, 91: 100, 99: 100, 100: 100} {
		if got := Percentile(v, p); got != want {
			t.Errorf("Percentile(%v) = %d, want %d", p, got, want)
		}
	}
	if Percentile([]int(nil), 50) != 0 {
		t.Error("a percentile of nothing")
	}
}
