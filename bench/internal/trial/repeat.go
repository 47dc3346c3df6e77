package trial

import (
	"fmt"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
)

// TooBusy is the share of the processors that other programs may use in a round that counts.
const TooBusy = 0.05

// repeat calls f until so many rounds were quiet. A round in which other programs used too much is forgotten, as if it
// had not been, failures included, as long as the rig's patience with the trial lasts; from then on every round stays.
// What the rounds measured plays no part in that.
func (r *Rig) repeat(t *Trial, rounds int, running []*peer.Running, f func(round int) error) error {
	for round, kept := 0, 0; kept < rounds; round++ {
		before := t.mark()
		watch := startWatch(running)
		err := f(round)
		share := watch.others()
		if share > TooBusy && time.Since(t.When) < r.Patience {
			t.reset(before)
			t.Forgotten++
			continue
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		t.Others = append(t.Others, share)
		kept++
	}
	return nil
}

// mark remembers how many figures there are.
func (t *Trial) mark() map[*Metric]map[string]int {
	all := map[*Metric]map[string]int{}
	for _, m := range t.Metrics {
		all[m] = map[string]int{}
		for p, v := range m.Values {
			all[m][p] = len(v)
		}
	}
	return all
}

// reset forgets the figures added since the mark.
func (t *Trial) reset(mark map[*Metric]map[string]int) {
	for _, m := range t.Metrics {
		for p, v := range m.Values {
			m.Values[p] = v[:mark[m][p]]
		}
	}
}
