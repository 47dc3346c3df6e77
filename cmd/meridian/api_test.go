package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// TestAPIUnderAttack opens the interface on loopback, attacks it with wrong tokens, slow senders and more connections than it
// holds, and holds that DNS is answered all the while, that all is counted, and that the token still works afterwards.
func TestAPIUnderAttack(t *testing.T) {
	h := newHome(t)
	at := freeAddr(t)
	const token = "0123456789abcdef0123456789abcdef"
	h.write("ops.token", token+"\n")
	h.write("meridian.toml", h.config(fmt.Sprintf("[api]\nlisten = [%q]\n[api.tokens.ops]\nfile = \"ops.token\"\n", at)))
	h.serve()
	ask := func(method, path, token string) int {
		req, err := http.NewRequest(method, "http://"+at.String()+path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		c := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := c.Do(req)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for range 50 {
		if got := ask("GET", "/v1/status", "wrong"); got != 401 {
			t.Fatalf("a wrong token: %d", got)
		}
	}
	if got := ask("POST", "/v1/reload", token); got != 403 {
		t.Errorf("a token that may read: %d", got)
	}
	var slow []net.Conn
	for range 150 {
		c, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Len")
		slow = append(slow, c)
	}
	for range 200 {
		begin := time.Now()
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != "198.51.100.10" || time.Since(begin) > time.Second {
			t.Fatalf("DNS meanwhile: %s after %v", got, time.Since(begin))
		}
	}
	var st admin.Status
	if err := json.Unmarshal([]byte(h.run(0, "status", "--json")), &st); err != nil || st.API.Refused < 50+1+80 {
		t.Errorf("%d refusals counted (%v)", st.API.Refused, err)
	}
	for _, c := range slow {
		c.Close()
	}
	if !eventually(func() bool { return ask("GET", "/v1/status", token) == 200 }) {
		t.Error("the token does not work after the attack")
	}
	h.write("ops.token", "fedcba9876543210fedcba9876543210\n")
	h.run(0, "reload")
	if got := ask("GET", "/v1/status", token); got != 401 {
		t.Errorf("a token that was replaced: %d", got)
	}
}
