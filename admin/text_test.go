package admin

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sendText asks for a text to be checked.
func sendText(h http.Handler, text io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/zones/example.com/check", text)
	r.Host = "meridian"
	r.URL.Host = ""
	r.Header.Set("Content-Type", "text/dns")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// checking is a source that counts who checks a text at a time.
type checking struct {
	operated
	now, most atomic.Int32
}

func (c *checking) CheckZone(string, []byte) (ZoneReport, error) {
	c.most.Store(max(c.most.Load(), c.now.Add(1)))
	time.Sleep(10 * time.Millisecond)
	c.now.Add(-1)
	return ZoneReport{OK: true}, nil
}

// TestTextsOneByOne sends texts together: a text of some hundred octets may make a million records, so that those of
// all connections at once would take all memory there is.
func TestTextsOneByOne(t *testing.T) {
	s := &checking{operated: operated{source: newSource(t)}}
	h := Handler(s, Options{Local: true, Counts: new(Counts)})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if a := sendText(h, strings.NewReader("@ SOA")); a.Code != http.StatusOK {
				t.Errorf("%d %s", a.Code, a.Body)
			}
		})
	}
	all.Wait()
	if most := s.most.Load(); most != 1 {
		t.Errorf("%d texts were checked at once", most)
	}
}

// TestTextWaitsInVain refuses a text while the body of another is on its way.
func TestTextWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(&operated{source: newSource(t)}, Options{Local: true, Counts: new(Counts)})
		slow, body := io.Pipe()
		go sendText(h, slow)
		synctest.Wait()
		if a := sendText(h, strings.NewReader("@ SOA")); a.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", a.Code, a.Body)
		}
		body.Close()
	})
}
