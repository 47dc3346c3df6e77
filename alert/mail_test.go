package alert

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// postOffice is a mail server of the tests (RFC 5321, with STARTTLS and AUTH PLAIN).
type postOffice struct {
	t       *testing.T
	tls     *tls.Config
	refuse  bool // with 451, a fault that passes
	letters chan string
}

func (p *postOffice) listen() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	p.letters = make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return l.Addr().String()
}

func (p *postOffice) serve(c net.Conn) {
	defer func() { c.Close() }()
	r := bufio.NewReader(c)
	var letter strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }
	say("220 post.example ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-post.example")
			say("250-STARTTLS")
			say("250 AUTH PLAIN")
		case "STARTTLS":
			say("220 go ahead")
			c = tls.Server(c, p.tls)
			r = bufio.NewReader(c)
			letter.WriteString("over TLS\n")
		case "AUTH":
			text, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if string(text) != "\x00user\x00password" {
				say("535 no")
				return
			}
			letter.WriteString("logged in\n")
			say("235 yes")
		case "MAIL", "RCPT":
			if p.refuse {
				say("451 not now")
				continue
			}
			letter.WriteString(line + "\n")
			say("250 ok")
		case "DATA":
			say("354 go on")
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				letter.WriteString(line)
			}
			p.letters <- letter.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("500 what?")
		}
	}
}

// certificate makes one for 127.0.0.1, and a pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// TestMail sends to a real mail server, with STARTTLS and a login, and without.
func TestMail(t *testing.T) {
	secure, roots := certificate(t)
	password := t.TempDir() + "/password"
	writeFile(t, password, "password\n")
	for _, c := range []struct {
		name string
		r    Receiver
		want []string
	}{
		{"starttls", Receiver{TLS: "starttls", User: "user", PasswordFile: password}, []string{"over TLS", "logged in"}},
		{"plain", Receiver{TLS: "none"}, nil},
	} {
		office := &postOffice{t: t, tls: secure}
		c.r.Name, c.r.Type, c.r.Server, c.r.From, c.r.To = c.name, "email", office.listen(), "ns@example.com", []string{"a@example.org", "b@example.org"}
		a := New(Options{Name: "ns1", Receivers: []Receiver{c.r}, Roots: roots})
		m := Message{
			ID: "1", Event: "firing", Title: "server québec is down\r\nBcc: evil@example.com", Detail: ".\r\n" + strings.Repeat("long ", 100),
			Nameserver: "ns1", Time: time.Now(), Since: time.Now(),
		}
		if err := a.send(t.Context(), &a.o.Receivers[0], &m); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		letter := <-office.letters
		for _, want := range append(c.want, "MAIL FROM:<ns@example.com>", "RCPT TO:<b@example.org>", "Subject: =?utf-8?q?", "Message-ID: <1@example.com>", "qu=C3=A9bec") {
			if !strings.Contains(letter, want) {
				t.Errorf("%s: no %q in:\n%s", c.name, want, letter)
			}
		}
		head, _, _ := strings.Cut(letter, "\r\n\r\n")
		if strings.Contains(head, "\nBcc:") {
			t.Errorf("%s: a header was put in:\n%s", c.name, letter)
		}
	}
}

// TestMailIsRefused: a certificate of nobody known, no TLS where it is wanted, and a fault that passes are errors.
func TestMailIsRefused(t *testing.T) {
	secure, roots := certificate(t)
	for _, c := range []struct {
		name, want string
		tls        string
		office     postOffice
		roots      *x509.CertPool
	}{
		{"unknown certificate", "starttls: ", "starttls", postOffice{}, nil},
		{"not now", `451 "not now"`, "none", postOffice{refuse: true}, roots},
	} {
		c.office.t, c.office.tls = t, secure
		r := Receiver{Name: "mail", Type: "email", Server: c.office.listen(), From: "a@example.com", To: []string{"b@example.com"}, TLS: c.tls}
		a := New(Options{Receivers: []Receiver{r}, Roots: c.roots})
		if err := a.Test(t.Context())[0].Err; err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
