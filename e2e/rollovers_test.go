package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestRollovers replaces keys of every kind, makes a zone unsigned and another
// signed, all at once on two nameservers, while a resolver validates several
// times a second. No answer may ever fail, and none may lose its validity.
func TestRollovers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	var all sync.WaitGroup // not Parallel, which runs as many as there are processors: they wait most of the time
	for name, disturb := range map[string]func(*rolled, <-chan bool){
		"undisturbed": func(*rolled, <-chan bool) {},
		"killed":      (*rolled).killByTurns,
		"clock":       (*rolled).setForward,
	} {
		all.Go(func() { t.Run(name, func(t *testing.T) { rollovers(t, disturb) }) })
	}
	all.Wait()
}

func rollovers(t *testing.T, disturb func(*rolled, <-chan bool)) {
	r := newRolled(t)
	r.parent.serve(t, "test.")
	for _, h := range r.child {
		h.serve(t, "csk.test.")
	}
	r.validator()
	done, finished := make(chan bool), sync.WaitGroup{}
	every := func(d time.Duration, do func()) {
		finished.Go(func() {
			for tick := time.Tick(d); ; {
				select {
				case <-done:
					return
				case <-tick:
					do()
				}
			}
		})
	}
	every(r.unit/2, r.copyKeys)
	flows := map[string]func(*flow){"csk.test": (*flow).roll, "ksk.test": (*flow).roll, "zsk.test": (*flow).age, "leave.test": (*flow).leave, "join.test": (*flow).join}
	var all []*flow
	for _, zone := range rolledZones {
		f := &flow{r: r, zone: zone}
		all = append(all, f)
		every(200*time.Millisecond, func() { f.ask() })
		every(300*time.Millisecond, func() { r.registry(zone) })
	}
	finished.Go(func() { disturb(r, done) })
	var ends sync.WaitGroup
	for _, f := range all {
		ends.Go(func() {
			t.Run(f.zone, func(t *testing.T) {
				f.t = t
				flows[f.zone](f)
				time.Sleep(3 * r.unit) // what caches keep for too long shows now
			})
		})
	}
	ends.Wait()
	close(done)
	finished.Wait()
	for _, f := range all {
		f.report(t)
	}
	if t.Failed() {
		t.Logf("first nameserver:\n%s\nsecond:\n%s\nresolver:\n%s", r.child[0].output(), r.child[1].output(), r.unbound.out)
	}
}

// flow is what happens to one zone, and what the resolver says of it.
type flow struct {
	r    *rolled
	t    *testing.T
	zone string

	mu                 sync.Mutex
	asked, secure, bad int  // guarded by mu, as all below
	must               bool // all answers must validate
	row                int  // how many the last ones have validated
	told               []string
}

// ask puts a question of each kind.
func (f *flow) ask() {
	resolver := f.r.asks()
	if resolver == "" {
		return
	}
	fresh := fmt.Sprintf("x%d", rand.Uint32())
	for _, q := range []struct {
		name   string
		typ    uint16
		subnet string
		want   string
	}{
		{"text", dns.TypeTXT, "", "NOERROR"}, {fresh, dns.TypeA, "", "NXDOMAIN"}, {"text", dns.TypeA, "", "NOERROR"},
		{fresh + ".w", dns.TypeA, "81.2.69.0/24", "127.0.0.12"}, {"www", dns.TypeA, "81.2.69.0/24", "127.0.0.12"},
		{"www", dns.TypeA, "8.8.8.0/24", "127.0.0.11"}, {"www", dns.TypeA, "1.1.1.0/24", "127.0.0.13"},
	} {
		begin := time.Now()
		m, err := insist(validatedQuery(q.name+"."+f.zone+".", q.typ, q.subnet), resolver)
		if f.r.asks() != resolver {
			return // it was stopped meanwhile
		}
		f.note(begin, m, err, q.want)
	}
}

// insist asks as the resolver of a C library does: again where no answer comes
// at all, which Unbound owes while it waits for a nameserver that was killed. A
// SERVFAIL is an answer.
func insist(q *dns.Msg, resolver string) (m *dns.Msg, err error) {
	c := dns.Client{Timeout: 5 * time.Second, UDPSize: 4096}
	for range 3 {
		var timeout net.Error
		if m, _, err = c.Exchange(q, resolver); !errors.As(err, &timeout) || !timeout.Timeout() {
			break
		}
	}
	return m, err
}

func (f *flow) note(begin time.Time, m *dns.Msg, err error, want string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	good := err == nil && address(m) == want
	if good && m.AuthenticatedData {
		f.secure++
		f.row++
	} else {
		f.row = 0
	}
	if !good || f.must && !m.AuthenticatedData {
		if f.bad++; f.bad <= 3 {
			f.told = append(f.told, fmt.Sprintf("at %s, after %v: %v: %v", begin.UTC().Format("15:04:05.000"), time.Since(begin), err, m))
		}
	}
}

func (f *flow) report(t *testing.T) {
	t.Logf("%s: %d answers, %d of them validated, %d wrong", f.zone, f.asked, f.secure, f.bad)
	if f.bad > 0 {
		t.Errorf("%s: %s\n%s", f.zone, strings.Join(f.told, "\n"), f.r.child[0].keys(t, "list", f.zone))
	}
	if f.asked < 100 {
		t.Errorf("%s: only %d answers: nothing was tried", f.zone, f.asked)
	}
}

// demand says whether from now on every answer must validate.
func (f *flow) demand(must bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.must = must
}

// validates waits until answers do, of every kind. From then on all must.
func (f *flow) validates() {
	f.until("validated answers", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.row >= 14
	})
	f.demand(true)
}

// until waits for something to come.
func (f *flow) until(what string, so func() bool) {
	f.t.Helper()
	begin := time.Now()
	for !so() {
		if time.Since(begin) > 40*f.r.unit+20*time.Second {
			f.t.Fatalf("%s does not come\n%s", what, f.list())
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.t.Logf("%s after %.1f s", what, time.Since(begin).Seconds())
}

func (f *flow) keys(args ...string) string {
	f.r.files.RLock()
	defer f.r.files.RUnlock()
	return f.r.child[0].keys(f.t, args...)
}

func (f *flow) list() string { return f.keys("list", f.zone) }

// removed waits until so many keys have come to their end.
func (f *flow) removed(n int) {
	f.until(fmt.Sprintf("the end of %d keys", n), func() bool {
		ended := 0
		for line := range strings.Lines(f.list()) {
			if w := strings.Fields(line); len(w) > 3 && w[3] == "removed" {
				ended++
			}
		}
		return ended >= n
	})
}

func (f *flow) roll() {
	f.validates()
	rolls := 1
	if f.r.unit > time.Second {
		rolls = 2
	}
	for n := range rolls {
		f.keys("roll", f.zone)
		f.removed(n + 1)
	}
}

// age lets ZSKs be replaced by themselves.
func (f *flow) age() {
	f.validates()
	f.removed(2)
}

func (f *flow) leave() {
	f.validates()
	f.keys("unsign", f.zone)
	f.demand(false)
	f.until("an end of signing", func() bool { return strings.Contains(f.list(), "may be served unsigned") })
	f.r.sign(f.zone, false)
	f.until("unsigned answers", func() bool {
		m, _, err := new(dns.Client).Exchange(validatedQuery("text."+f.zone+".", dns.TypeTXT, ""), f.r.child[0].addr)
		return err == nil && len(m.Answer) == 1
	})
}

// join goes by the manual: the option first, then the keys.
func (f *flow) join() {
	f.r.sign(f.zone, true)
	time.Sleep(2 * f.r.unit) // served unsigned still, for want of keys
	f.keys(f.r.first(f.zone)...)
	f.validates()
}

// asks gives the resolver, "" while nothing is to be asked.
func (r *rolled) asks() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.resolver
}

// killByTurns kills the nameservers, never both at once.
func (r *rolled) killByTurns(done <-chan bool) {
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		case <-time.After(2 * r.unit):
		}
		h := r.child[n%2]
		h.kill()
		time.Sleep(time.Duration(n%3) * r.unit / 2)
		h.serve(r.t, "csk.test.")
	}
}

// setForward sets the clock forward by ninety days while everything is down, in
// the middle of the rolls: all times in the key files are moved back by as
// much. For what follows from keys that is the same, because times in key files
// are all that Meridian remembers of the past but signatures, and those it goes
// by no longer: what was kept of them is removed. A resolver has forgotten
// everything in ninety days, so it starts anew.
func (r *rolled) setForward(done <-chan bool) {
	select {
	case <-done:
		return
	case <-time.After(9 * r.unit):
	}
	r.mu.Lock()
	resolver := r.unbound
	r.resolver = ""
	r.mu.Unlock()
	resolver.stop()
	for _, h := range r.child {
		h.kill()
	}
	r.files.Lock()
	for _, h := range r.child {
		backdate(r.t, filepath.Join(h.dir, "state", "keys"), 90*24*time.Hour)
		os.RemoveAll(filepath.Join(h.dir, "state", "signatures"))
	}
	r.files.Unlock()
	for _, h := range r.child {
		h.serve(r.t, "csk.test.")
	}
	time.Sleep(r.unit) // the first step after the start, and the copy of it
	r.validator()
}

// keyTime is a time in a private key file, or in the one that says that a zone
// becomes unsigned.
var keyTime = regexp.MustCompile(`(?m)^([A-Za-z]+): ([0-9]{14})$`)

// backdate moves the times of all keys in a folder of folders.
func backdate(t *testing.T, dir string, by time.Duration) {
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	moved := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Error(err)
		}
		next := keyTime.ReplaceAllFunc(text, func(line []byte) []byte {
			name, value, _ := bytes.Cut(line, []byte(": "))
			at, err := time.Parse("20060102150405", string(value))
			if err != nil {
				t.Error(err)
			}
			moved++
			return fmt.Appendf(nil, "%s: %s", name, at.Add(-by).Format("20060102150405"))
		})
		part := filepath.Join(filepath.Dir(f), "."+filepath.Base(f)+".part") // a command may read the files meanwhile
		if err := errors.Join(os.WriteFile(part, next, 0o600), os.Rename(part, f)); err != nil {
			t.Error(err)
		}
	}
	if moved == 0 {
		t.Error("no times of keys were moved")
	}
}
