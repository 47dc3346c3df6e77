package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// checker sends texts to a nameserver on TCP, to be checked as zones.
type checker struct {
	*home
	at, token string
}

// newChecker has a nameserver that lets a token read.
func newChecker(t *testing.T) *checker {
	t.Helper()
	c := &checker{newHome(t), freeAddr(t).String(), "0123456789abcdef0123456789abcdef"}
	c.write("ops.token", c.token+"\n")
	c.write("secret.zone", "secret IN TXT \"hidden\"\n")
	c.write("meridian.toml", c.config(fmt.Sprintf("[api]\nlisten = [%q]\n[api.tokens.ops]\nfile = \"ops.token\"\nrights = \"read\"\n", c.at)))
	c.serve()
	return c
}

// send gives the status, and the body of the answer.
func (c *checker) send(zone, kind, text string) (int, string) {
	req, err := http.NewRequest("POST", "http://"+c.at+"/v1/zones/"+zone+"/check", strings.NewReader(text))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", kind)
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

// askOn asks for DNS answers until stop is called, which tells of the first wrong one.
func (h *home) askOn() (stop func()) {
	end, done := make(chan struct{}), make(chan string, 1)
	go func() {
		for asked := 0; ; asked++ {
			select {
			case <-end:
				done <- map[bool]string{true: "nothing was asked"}[asked == 0]
				return
			default:
			}
			if r, err := h.query("udp", "www.example.com", 1, nyClient); err != nil || len(r.Answer) != 1 || !strings.HasSuffix(r.Answer[0].String(), "198.51.100.10") {
				done <- fmt.Sprintf("question %d: %v, %v", asked+1, err, r)
				<-end
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(end)
		if wrong := <-done; wrong != "" {
			h.t.Errorf("DNS meanwhile: %s", wrong)
		}
	})
}

// TestZoneCheckBounds sends texts that want too much, and holds that each gets its refusal while DNS is answered, and
// that nothing of it is served or lasts.
func TestZoneCheckBounds(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	stop := c.askOn()
	defer stop()
	const dnsText = "text/dns"
	lines := func(n int, line string) string { return goodZone + strings.Repeat(line, n) }
	for _, test := range []struct {
		name, zone, kind, text string
		status                 int
		want                   string // in the answer
	}{
		{"a good one", "example.com", dnsText, goodZone, 200, `"ok": true`},
		{"one with errors", "example.com", dnsText, goodZone + "bad IN A 1.2.3\n@ IN GEO nowhere\n", 200, `example.com.zone:8: `},
		{"no text", "example.com", dnsText, "", 200, `"ok": false`},
		{"octets that are no text", "example.com", dnsText, string(bytes.Repeat([]byte{0, 0xff, '(', '"'}, 1<<18)), 200, `"ok": false`},
		{"a name that is none", strings.Repeat("a", 64) + ".example", dnsText, goodZone, 400, "is not the name of a zone"},
		{"another type", "example.com", "text/plain", goodZone, 415, "text/dns"},
		{"too large", "example.com", dnsText, lines(1<<20, "a A 1.1.1\n"), 413, "larger than 8388608 bytes"},
		{"too many records", "example.com", dnsText, lines(600_000, "a A 1.1.1.1\n"), 200, "500000"},
		{"too much generated", "example.com", dnsText, goodZone + "$GENERATE 0-65535 n$." + strings.Repeat("x", 60) + " TXT \"" + strings.Repeat("y", 200) + "\"\n", 200, "$GENERATE"},
		{"generated without end", "example.com", dnsText, goodZone + "$GENERATE 0-4294967295 n$ A 192.0.2.1\n", 200, "$GENERATE"},
		{"generated, wide", "example.com", dnsText, goodZone + "$GENERATE 1-2 ${0,2000000000,d} A 192.0.2.1\n", 200, "$GENERATE"},
		{"many that generate", "example.com", dnsText, lines(200_000, "$GENERATE 1-65535 a$ A 1.1.1.1\n"), 200, "$GENERATE"},
		{"a file of ours", "example.com", dnsText, goodZone + "$INCLUDE ../secret.zone\n", 200, "$INCLUDE"},
		{"a file in the folder", "example.com", dnsText, goodZone + "$INCLUDE example.com.zone\n", 200, "$INCLUDE"},
		{"a file of the system", "example.com", dnsText, goodZone + "$INCLUDE /etc/passwd\n", 200, "$INCLUDE"},
		{"a device", "example.com", dnsText, goodZone + "$INCLUDE /dev/zero\n", 200, "$INCLUDE"},
		{"a parenthesis that stays open", "example.com", dnsText, lines(1<<19, "a TXT ( x\n"), 200, `"ok": false`},
		{"many errors", "example.com", dnsText, lines(1<<19, "a A 1.1.1\n"), 200, "is not an IPv4 address"},
	} {
		status, body := c.send(test.zone, test.kind, test.text)
		if status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s: %d, want %d with %q: %.500s", test.name, status, test.status, test.want, body)
		}
		if strings.Contains(body, "hidden") || strings.Contains(body, "root:") {
			t.Errorf("%s: tells of a file: %.500s", test.name, body)
		}
		var report admin.ZoneReport
		if status == 200 && (json.Unmarshal([]byte(body), &report) != nil || report.OK != (test.text == goodZone) || len(report.Problems) > 110) {
			t.Errorf("%s: %.500s", test.name, body)
		}
	}
	stop()
	if got := c.ask("udp", "text.example.com", 16, ""); got != `"hello"` {
		t.Errorf("served afterwards: %s", got)
	}
	var st admin.Status
	if err := json.Unmarshal([]byte(c.run(0, "status", "--json")), &st); err != nil || len(st.Problems) > 0 || st.API.Refused != 2 {
		t.Errorf("%v, %d refused, want 2 (type and size); problems %q", err, st.API.Refused, st.Problems)
	}
}

// TestZoneCheckInTurn has one text come too slowly, and others meanwhile: these wait and are refused, what is asked
// otherwise is answered, and when the slow one has been given up, texts are checked again.
func TestZoneCheckInTurn(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 seconds of waiting")
	}
	t.Parallel()
	c := newChecker(t)
	stop := c.askOn()
	defer stop()
	slow, err := net.Dial("tcp", c.at)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fmt.Fprintf(slow, "POST /v1/zones/example.com/check HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: text/dns\r\nContent-Length: 1000\r\n\r\n", c.at, c.token)
	var ended atomic.Bool
	var all sync.WaitGroup
	all.Go(func() { // an octet now and then, as long as anybody listens
		for !ended.Load() {
			if _, err := slow.Write([]byte{'\n'}); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	time.Sleep(1500 * time.Millisecond) // for the slow one to be the first
	statuses := make([]int, 10)
	for i := range statuses {
		all.Go(func() { statuses[i], _ = c.send("example.com", "text/dns", goodZone) })
	}
	if out := c.run(0, "status"); !strings.Contains(out, "All is well") {
		t.Errorf("status meanwhile:\n%s", out)
	}
	answer, _ := io.ReadAll(slow)
	ended.Store(true)
	all.Wait()
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
		t.Errorf("the slow one: %.200q", answer)
	}
	if !slices.Equal(slices.Compact(statuses), []int{503}) {
		t.Errorf("those that came meanwhile: %d, want 503", statuses)
	}
	if status, body := c.send("example.com", "text/dns", goodZone); status != 200 {
		t.Errorf("afterwards: %d %s", status, body)
	}
}
