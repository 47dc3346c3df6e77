package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
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
		c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
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
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != "198.51.100.10" {
			t.Fatalf("DNS meanwhile: %s", got)
		}
	}
	var st admin.Status
	if !eventually(func() bool {
		return json.Unmarshal([]byte(h.run(0, "status", "--json")), &st) == nil && st.API.Refused >= 50+1+80
	}) {
		t.Errorf("%d refusals counted", st.API.Refused)
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

// TestAPIBeyondLoopback listens on all addresses: refused without a certificate, refused without a token, and with both
// it speaks TLS alone, to those who have the token alone.
func TestAPIBeyondLoopback(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	port := freeAddr(t).Port()
	const token = "0123456789abcdef0123456789abcdef"
	roots := h.certify("api.example.com")
	h.write("ops.token", token+"\n")
	api := fmt.Sprintf("[api]\nlisten = [\"0.0.0.0:%d\"]\nnames = [\"api.example.com\"]\n", port)
	pair, tokens := "cert = \"api.crt\"\nkey = \"api.key\"\n", "[api.tokens.ops]\nfile = \"ops.token\"\nrights = \"write\"\n"
	for more, want := range map[string]string{
		"": "it needs TLS", pair: "it needs at least one token", tokens: "it needs TLS",
	} {
		h.write("meridian.toml", h.config(api+more))
		if out := h.run(1, "serve"); !strings.Contains(out, fmt.Sprintf("0.0.0.0:%d is not loopback: %s", port, want)) {
			t.Errorf("with %q:\n%s", more, out)
		}
	}
	h.write("meridian.toml", h.config(api+pair+tokens))
	h.serve()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		},
	}}
	for _, c := range []struct {
		url, token string
		want       int
	}{
		{"https://api.example.com/v1/status", token, 200},
		{"https://api.example.com/v1/status", "", 401},
		{"https://api.example.com/v1/status", strings.Repeat("f", 32), 401},
		{"http://api.example.com/v1/status", token, 400}, // plain text to a TLS port
	} {
		req, err := http.NewRequest("GET", c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := client.Do(req)
		if err != nil {
			if c.want != 400 {
				t.Errorf("%s with %q: %v", c.url, c.token, err)
			}
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s with %q: %d, want %d", c.url, c.token, resp.StatusCode, c.want)
		}
	}
}

// certify writes api.crt and api.key for a name, and returns what verifies them.
func (h *home) certify(name string) *x509.CertPool {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		h.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		h.t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	h.write("api.crt", string(cert))
	h.write("api.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return roots
}
