// Package stats reduces the figures of repeated rounds: medians, intervals without assumptions on distributions, and
// percentiles of latencies.
//
// All functions are pure and safe for concurrent use; none changes what it is given.
package stats

import (
	"cmp"
	"math"
	"slices"
)

// Estimate is a median and the interval that holds the true one with at least the confidence asked for.
type Estimate struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	N      int     `json:"n"`
}

// Median gives the middle of values, or the mean of the two there; NaN if there are none.
func Median(values []float64) float64 {
	n := len(values)
	if n == 0 {
		return math.NaN()
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(n-1)/2] + v[n/2]) / 2
}

// Estimated gives the median of values with the narrowest symmetric interval of order statistics whose coverage is at
// least 95 %. With fewer than six values there is no such interval: it is then their whole range.
func Estimated(values []float64) Estimate {
	n := len(values)
	if n == 0 {
		return Estimate{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	v := slices.Sorted(slices.Values(values))
	k := rank(n, 0.95)
	return Estimate{Median(values), v[k], v[n-1-k], n}
}

// rank gives the largest k for which the k-th smallest and k-th largest of n values, counted from 0, enclose the true
// median with the given confidence: the number of values below it is binomial with p = 1/2.
func rank(n int, confidence float64) int {
	k, tail, term := 0, 0.0, math.Pow(0.5, float64(n))
	for i := 0; i < n/2; i++ {
		tail += term // P(at most i values lie below)
		if 1-2*tail < confidence {
			break
		}
		k = i
		term *= float64(n-i) / float64(i+1)
	}
	return k
}

// Ratios divides the values of two columns round by round.
func Ratios(a, b []float64) []float64 {
	n := min(len(a), len(b))
	r := make([]float64, 0, n)
	for i := range n {
		if b[i] != 0 {
			r = append(r, a[i]/b[i])
		}
	}
	return r
}

// Percentile gives the nearest-rank percentile of sorted values, p between 0 and 100; the zero value if there are none.
func Percentile[T cmp.Ordered](sorted []T, p float64) T {
	var none T
	n := len(sorted)
	if n == 0 {
		return none
	}
	i := int(math.Ceil(p/100*float64(n))) - 1
	return sorted[min(max(i, 0), n-1)]
}
