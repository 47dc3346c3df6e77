package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSharedIsNotOld has many ask at once, and holds that one answer is made at a time, few in all, and none that was
// begun before it was asked for.
func TestSharedIsNotOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		var now, begun atomic.Int32
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				asked := begun.Load()
				body, err := s.get(func() []byte {
					if now.Add(1) > 1 {
						t.Error("two at a time")
					}
					which := begun.Add(1)
					time.Sleep(95 * time.Millisecond)
					now.Add(-1)
					return []byte{byte(which)}
				})
				if err != nil || int32(body[0]) <= asked {
					t.Errorf("asked when %d were begun, got %d, %v", asked, body, err)
				}
			})
		}
		all.Wait()
		if n := begun.Load(); n < 5 || n > 12 {
			t.Errorf("%d were made for 100 in ten times the time that one takes", n)
		}
	})
}

// TestSharedOutlivesPanic holds that nobody waits for an answer that is not coming.
func TestSharedOutlivesPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		go func() {
			defer func() { _ = recover() }()
			_, _ = s.get(func() []byte { time.Sleep(time.Second); panic("oh") })
		}()
		synctest.Wait()
		if body, err := s.get(func() []byte { return []byte("well") }); err != nil || string(body) != "well" {
			t.Errorf("%q, %v", body, err)
		}
	})
}

// crowd is a source that counts how often its status is made, and how many at a time.
type crowd struct {
	operated
	now, most, made atomic.Int32
}

func (c *crowd) Status() Status {
	c.made.Add(1)
	c.most.Store(max(c.most.Load(), c.now.Add(1)))
	time.Sleep(100 * time.Millisecond)
	c.now.Add(-1)
	return Status{Zones: []Zone{{Name: "example.com."}}}
}

// TestStatusesOneByOne has everybody ask for everything at once.
func TestStatusesOneByOne(t *testing.T) {
	s := &crowd{operated: operated{source: newSource(t)}}
	synctest.Test(t, func(t *testing.T) {
		h := Handler(s, Options{Local: true, Counts: new(Counts)})
		var all sync.WaitGroup
		for _, path := range []string{"/v1/status", "/v1/status?targets=none", "/v1/status?targets=none&x=1", "/v1/zones"} {
			for range 50 {
				all.Go(func() {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, request("GET", path, "", "", ""))
					if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"example.com."`) || w.Header().Get("Content-Type") != "application/json" {
						t.Errorf("%s: %d %s", path, w.Code, w.Body)
					}
				})
			}
		}
		all.Wait()
	})
	if most, made := s.most.Load(), s.made.Load(); most > 3 || made > 12 {
		t.Errorf("200 requests: %d made, %d at a time", made, most)
	}
}
