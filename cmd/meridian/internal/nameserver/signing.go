package nameserver

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// signing is the making of the signatures of geo answers, which goes on beside publications: those of zones and plans
// sign aside first, and hold build while they publish, so that names that wait for new signatures overtake them.
type signing struct {
	build  sync.Mutex // held by who signs what is served, and publishes it
	wake   chan struct{}
	behind atomic.Int64 // since when some name has been answered as an earlier state says, in Unix nanoseconds; 0: none is
	late   atomic.Int64 // how often a name was answered so for more than a second
}

// tooLate is how long a name may keep its previous answer while a new one is being signed.
const tooLate = time.Second

func newSigning() signing { return signing{wake: make(chan struct{}, 1)} }

// look notes whether a view that has just been published has something to sign.
func (s *signing) look(v *resolver.View) {
	now := time.Now()
	if !v.Behind(now.Unix()) {
		s.behind.Store(0)
	} else {
		s.behind.CompareAndSwap(0, now.UnixNano())
	}
	s.poke() // in any case: a streak may have begun
}

// poke has it looked whether there is something to sign.
func (s *signing) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ahead signs what a set of zones needs, aside.
func (n *Nameserver) ahead(set *zones.Set) *resolver.View {
	n.mu.Lock()
	answers, told, held := n.answers, n.told, n.held
	n.mu.Unlock()
	if held || answers == nil {
		return n.view.Load()
	}
	return resolver.NewView(n.view.Load(), set, answers, told)
}

// signPlan signs what a plan needs while all its servers are up, so that little is left to do when it is installed.
func (n *Nameserver) signPlan(plan *Plan, told *resolver.Options) {
	n.mu.Lock()
	set := n.zones
	if n.waiting != nil {
		set = n.waiting
	}
	n.mu.Unlock()
	resolver.NewView(n.view.Load(), set, plan.Set.With(nil, nil), told)
}

// keepSigned makes signatures as they are needed, until ctx ends.
func (n *Nameserver) keepSigned(ctx context.Context) error {
	var feared *steer.State
	for {
		n.catchUp()
		if v := n.View(); v.Steer() != feared {
			feared = v.Steer()
			feared.Feared(func(s *steer.State) bool {
				stop := func() bool { return ctx.Err() != nil || n.View().Behind(time.Now().Unix()) }
				v.Presign(s, stop)
				return !stop()
			})
		}
		if !n.signing.wait(ctx, n.View().Due()) {
			return nil
		}
	}
}

// wait waits for a publication, or until signatures are due, and tells whether there is anything more to do.
func (s *signing) wait(ctx context.Context, due int64) bool {
	sleep := time.Hour
	if due < math.MaxInt64 {
		sleep = max(time.Second, min(sleep, time.Until(time.Unix(due, 0))))
	}
	timer := time.NewTimer(sleep)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-s.wake:
	case <-timer.C:
	}
	return true
}

// catchUp signs what the names need to be answered as their pools are now. What is signed for other ends stands back
// meanwhile. What changes meanwhile is for the next call.
func (n *Nameserver) catchUp() {
	if !n.View().Behind(time.Now().Unix()) {
		return
	}
	defer n.keys.cache.Hurry()()
	for more := true; more; {
		more = n.signSome()
	}
}

// signSome signs for a while, and tells whether something is left: names that have their signatures do not wait for
// those of large pools.
func (n *Nameserver) signSome() (left bool) {
	n.signing.build.Lock()
	defer n.signing.build.Unlock()
	begun := time.Now()
	next := n.View().Sign(func() bool { left = time.Since(begun) > tooLate/8; return left })
	n.mu.Lock()
	since := n.signing.behind.Load()
	n.publishAfter(next)
	n.mu.Unlock()
	n.metrics.Built(metrics.CauseSignatures, begun)
	n.signing.tell(next, since, n.log.Named("signing"))
	return left
}

// overdue says what is wrong while names have waited too long for their signatures; "" if none has.
func (s *signing) overdue() string {
	since := s.behind.Load()
	if since == 0 || time.Since(time.Unix(0, since)) < tooLate {
		return ""
	}
	return "names keep their previous answers, since " + time.Unix(0, since).UTC().Format(time.TimeOnly) +
		": signing the new ones takes more than a second"
}

// status tells how signing stands.
func (s *signing) status(v *resolver.View, failed uint64) admin.Signing {
	t := admin.Signing{Behind: s.behind.Load() != 0, Late: uint64(s.late.Load()), Failed: failed}
	if v != nil {
		t.Names, t.Variants = v.Signatures()
	}
	return t
}

// tell logs what went wrong with the signatures of a view.
func (s *signing) tell(v *resolver.View, since int64, log *zap.Logger) {
	if err := v.SignErr(); err != nil {
		log.Error("signatures cannot be made; the last good ones serve on", zap.Error(err))
	}
	if took := time.Since(time.Unix(0, since)); since != 0 && took > tooLate {
		s.late.Add(1)
		names, variants := v.Signatures()
		log.Warn("names kept their previous answers while new ones were being signed", zap.Duration("for", took),
			zap.Int("names", names), zap.Int("variants", variants))
	}
}
