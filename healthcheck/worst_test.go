package healthcheck

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"
)

// documented are the worst cases printed in docs/health.md, by what is said of the check.
func documented(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/health.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (.*) \| ([0-9.]+) s \| ([0-9.]+) s \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 4 {
		t.Fatalf("%d worst cases found", len(rows))
	}
	return rows
}

// TestDocumentedWorstCases lets a server die just after a probe, while another one's
// transition has just been published, and compares the time until it is out with the
// worst case printed for its check: never more, and hardly less.
func TestDocumentedWorstCases(t *testing.T) {
	known := map[string]Check{
		"the default: interval 10 s, timeout 4 s, fall 3": {},
		"with `recheck = \"500ms\"`":                      {Recheck: 500 * time.Millisecond},
		"interval 1 s, timeout 1 s, fall 2":               {Interval: time.Second, Timeout: time.Second, Fall: 2},
		"interval 750 ms, timeout 1 s, fall 2":            {Interval: 750 * time.Millisecond, Timeout: time.Second, Fall: 2},
	}
	for _, row := range documented(t) {
		c, ok := known[row[1]]
		if !ok {
			t.Errorf("what check is %q?", row[1])
			continue
		}
		c.Type, c.Jitter = "http", NoJitter
		for i, death := range []func(context.Context) error{hang, refuse} {
			var promised float64
			if _, err := fmt.Sscan(row[2+i], &promised); err != nil {
				t.Fatal(err)
			}
			bound := time.Duration(promised * float64(time.Second))
			if d := outWithin(t, c, death); d > bound || d < bound-1100*time.Millisecond {
				t.Errorf("%s, death %d: out after %v, printed is %v", row[1], i, d, bound)
			}
		}
	}
}

// outWithin is how long after its death a server is out.
func outWithin(t *testing.T, c Check, death func(context.Context) error) time.Duration {
	var took time.Duration
	target := numbered(c, 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		time.Sleep(3 * c.WithDefaults().Interval)
		for n := len(f.callsOf(target)); len(f.callsOf(target)) == n; {
			time.Sleep(time.Millisecond) // of the bubble's time
		}
		f.set(target, death)
		died := time.Now()
		for {
			published := f.publications()
			if last := published[len(published)-1]; last.State(0).Status == Down {
				took = last.at.Sub(died)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	return took
}

// TestBackWithin compares the time until a server is back with the formulas of
// docs/health.md.
func TestBackWithin(t *testing.T) {
	base := Check{Type: "http", Interval: time.Second, Timeout: 500 * time.Millisecond, Rise: 3, Fall: 2, Jitter: NoJitter}
	for _, c := range []struct {
		name  string
		tune  func(*Check)
		bound time.Duration
	}{
		{"auto", func(*Check) {}, base.Timeout + 3*base.Interval},
		{"delayed", func(c *Check) { c.Failback, c.FailbackAfter = Delayed, 10*time.Second }, base.Timeout + 10*time.Second + 2*base.Interval},
	} {
		check := base
		c.tune(&check)
		target := numbered(check, 1)[0]
		run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
			f.set(target, hang)
			time.Sleep(20 * time.Second)
			for _, busy := range []bool{true, false} { // until a probe begins, from its end if there is one
				for (m.Stats().InFlight > 0) == busy {
					time.Sleep(time.Millisecond)
				}
			}
			synctest.Wait() // the probe has begun to hang, and does so to its end
			f.set(target, nil)
			well := time.Now()
			for status(m, target) != Up {
				time.Sleep(time.Millisecond)
			}
			// At best the probe in flight had as good as timed out, and the last pause ended an interval earlier.
			atBest := c.bound - base.Timeout - base.Interval - 100*time.Millisecond
			if d := time.Since(well); d > c.bound+time.Millisecond || d < atBest {
				t.Errorf("%s: back after %v, worst case %v", c.name, d, c.bound)
			}
		})
	}
}

// TestStorm turns ten thousand targets over again and again: that is published once a
// second at most.
func TestStorm(t *testing.T) {
	targets := numbered(Check{Type: "http", Interval: 500 * time.Millisecond, Rise: 1, Fall: 1}, 10000)
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		start := time.Now()
		m := f.monitor(Options{})
		m.compile = func() func(*Target) probe {
			return func(*Target) probe {
				return func(context.Context) error {
					if int(time.Since(start)/time.Second)%2 == 1 {
						return errBad
					}
					return nil
				}
			}
		}
		m.Set(targets)
		m.Start(context.Background())
		m.FirstRound(context.Background())
		time.Sleep(10 * time.Second)
		m.Stop()
		published := f.publications()
		for i := 1; i < len(published); i++ {
			if d := published[i].at.Sub(published[i-1].at); d < time.Second {
				t.Errorf("published again after %v", d)
			}
		}
		if len(published) < 5 {
			t.Errorf("%d publications", len(published))
		}
	})
}
