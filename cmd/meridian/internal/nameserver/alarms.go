package nameserver

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// alarms are the faults of the nameserver itself that last. Safe for concurrent use.
type alarms struct {
	mu     sync.Mutex
	raised map[string]admin.Alarm

	changes atomic.Uint64 // counts them; may be read without mu
}

// set raises an alarm, or with an empty text takes it back.
func (a *alarms) set(key, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, was := a.raised[key]
	switch {
	case text == "":
		if was {
			a.changes.Add(1)
		}
		delete(a.raised, key)
		return
	case a.raised == nil:
		a.raised = map[string]admin.Alarm{}
	}
	since := time.Now()
	if was {
		since = old.Since
	}
	if text != old.Text {
		a.changes.Add(1)
	}
	a.raised[key] = admin.Alarm{Key: key, Text: text, Since: since}
}

// setError is set for an error, nil for none.
func (a *alarms) setError(key, what string, err error) {
	if err == nil {
		a.set(key, "")
		return
	}
	a.set(key, what+": "+err.Error())
}

// list returns the alarms in order of their keys.
func (a *alarms) list() []admin.Alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := []admin.Alarm{}
	for _, alarm := range a.raised {
		list = append(list, alarm)
	}
	slices.SortFunc(list, func(x, y admin.Alarm) int { return strings.Compare(x.Key, y.Key) })
	return list
}

// attempt remembers how the last try of something went. Safe for concurrent use.
type attempt struct {
	mu   sync.Mutex
	last admin.Attempt
}

func (a *attempt) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = admin.Attempt{At: time.Now(), Errors: lines(err)}
}

func (a *attempt) get() admin.Attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last.Errors == nil {
		a.last.Errors = []string{}
	}
	return a.last
}

// lines is an error as a list, empty for none.
func lines(err error) []string {
	if err == nil {
		return []string{}
	}
	return strings.Split(err.Error(), "\n")
}
