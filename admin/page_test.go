package admin

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPage holds that the page comes without a token, that all it refers to is here, and what browsers are told of it.
func TestPage(t *testing.T) {
	counts := new(Counts)
	h := Handler(&operated{source: newSource(t)}, Options{Tokens: tokens, Counts: counts})
	get := func(path, header string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("GET", path, "", "", header))
		return w
	}
	page := get("/", "")
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY",
	} {
		if got := page.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "script-src 'self'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(page.Header().Get("Content-Security-Policy"), part) {
			t.Errorf("the policy lacks %s", part)
		}
	}
	if strings.Contains(page.Header().Get("Content-Security-Policy"), "unsafe") {
		t.Error("the policy allows what is unsafe")
	}
	texts, size := page.Body.String(), 0
	seen := map[string]bool{}
	for path, a := range assets() {
		size += len(a.body)
		if strings.HasSuffix(path, ".js") {
			texts += string(a.body)
		}
		if w := get(path, "If-None-Match: "+a.tag); w.Code != http.StatusNotModified {
			t.Errorf("%s again: %d", path, w.Code)
		}
		seen[path] = true
	}
	if size > 100<<10 {
		t.Errorf("the page has %d bytes", size)
	}
	delete(seen, "/map.css")
	refs := regexp.MustCompile(`(?:href|src)="(/[^"]*)"|from '\.(/[^']*)'`).FindAllStringSubmatch(texts, -1)
	for _, m := range refs {
		path := m[1]
		if path == "" {
			path = "/page" + m[2]
		}
		if w := get(path, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		delete(seen, path)
	}
	if delete(seen, "/"); len(seen) > 0 || len(refs) < 8 {
		t.Errorf("nothing refers to %v, of %d references", seen, len(refs))
	}
	if bad := regexp.MustCompile(`style="|<script>| on[a-z]+="|innerHTML|https?://[^w]`).FindString(texts); bad != "" {
		t.Errorf("the page holds %q", bad)
	}
	socket := Handler(&operated{source: newSource(t)}, Options{Local: true, Counts: counts})
	for host, want := range map[string]int{"meridian": 200, "localhost:8053": 200, "127.0.0.1:8053": 200, "evil.example:8053": 403} {
		w := httptest.NewRecorder()
		if socket.ServeHTTP(w, request("GET", "/", "", "", "Host: "+host)); w.Code != want {
			t.Errorf("the page through the socket, as %s: %d", host, w.Code)
		}
	}
	if w := get("/", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document"); w.Code != http.StatusOK {
		t.Errorf("a link to the page: %d", w.Code)
	}
}

// stamped is a source that changes after a while.
type stamped struct {
	operated
	begin, change time.Time
}

func (s *stamped) Stamp() uint64 {
	if time.Now().Before(s.change) {
		return 1
	}
	return 2
}

// TestWatch holds that a change is told at once, that nothing is told in time, and that few wait at a time.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stamped{operated: operated{source: newSource(t)}, begin: time.Now(), change: time.Now().Add(3 * time.Second)}
		h := Handler(s, Options{Local: true, Counts: new(Counts)})
		get := func(after string) (*httptest.ResponseRecorder, time.Duration) {
			begin, w := time.Now(), httptest.NewRecorder()
			h.ServeHTTP(w, request("GET", "/v1/watch?after="+after, "", "", ""))
			return w, time.Since(begin)
		}
		if w, took := get("1"); !strings.Contains(w.Body.String(), `"stamp": 2`) || took > 3*time.Second+watchEvery {
			t.Errorf("after %v: %s", took, w.Body)
		}
		if w, took := get("2"); w.Code != http.StatusOK || took < watchTime || took > watchTime+watchEvery {
			t.Errorf("without a change, after %v: %d", took, w.Code)
		}
		if w, took := get("1"); w.Code != http.StatusOK || took > 0 {
			t.Errorf("a stamp of the past, after %v: %d", took, w.Code)
		}
		for range maxWatchers {
			go get("2")
		}
		synctest.Wait()
		if w, _ := get("2"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", w.Code)
		}
		if w, _ := get(""); w.Code != http.StatusOK {
			t.Errorf("without a stamp: %d", w.Code)
		}
		if w, _ := get("x"); w.Code != http.StatusBadRequest {
			t.Errorf("no stamp: %d", w.Code)
		}
		time.Sleep(watchTime + time.Second)
		if w, _ := get("2"); w.Code != http.StatusOK {
			t.Errorf("when the others have gone: %d", w.Code)
		}
	})
}

// TestZipped holds that long answers are compressed for those who take it, and short ones never.
func TestZipped(t *testing.T) {
	h := Handler(&operated{source: newSource(t)}, Options{Local: true, Counts: new(Counts)})
	get := func(path, takes string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("GET", path, "", "", "Accept-Encoding: "+takes))
		return w
	}
	plain := get("/page/page.css", "br").Body.String()
	for takes, want := range map[string]string{"gzip, br": "gzip", "br;q=1, GZIP;q=0.5": "gzip", "": "", "gzip;q=0": "", "identity": ""} {
		w := get("/page/page.css", takes)
		if got := w.Header().Get("Content-Encoding"); got != want {
			t.Errorf("for %q: encoded as %q", takes, got)
			continue
		}
		body := w.Body.String()
		if want == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(z)
			if body = string(text); err != nil {
				t.Error(err)
			}
		}
		if body != plain {
			t.Errorf("for %q: %d octets, want %d", takes, len(body), len(plain))
		}
	}
	if got := get("/v1/watch", "gzip").Header().Get("Content-Encoding"); got != "" {
		t.Errorf("a short answer is encoded as %q", got)
	}
}
