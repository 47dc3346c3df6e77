package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"strings"
	"time"
)

// Receiver is one place that messages go to.
type Receiver struct {
	Name string
	Type string // "webhook", "slack", "ntfy", "email"

	URL       string // but for email
	TokenFile string // sent as a bearer token; "": none; read for every message

	Server       string   // email: "host:port"
	From         string   // email
	To           []string // email
	User         string   // email; "": no login
	PasswordFile string   // email; read for every message
	TLS          string   // email: "starttls", "tls", "none"
}

func newClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Timeout:       sendTimeout,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// send brings a message to a receiver, once.
func (a *Alerts) send(ctx context.Context, r *Receiver, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	switch r.Type {
	case "email":
		return a.mail(ctx, r, m)
	case "ntfy":
		return a.post(ctx, r, []byte(m.Body()), map[string]string{
			"Title": mime.QEncoding.Encode("utf-8", m.Text()), "Content-Type": "text/plain; charset=utf-8",
			"Priority": map[string]string{"firing": "5", "repeated": "4"}[m.Event],
			"Tags":     map[string]string{"firing": "rotating_light", "repeated": "rotating_light", "resolved": "white_check_mark"}[m.Event],
		})
	case "slack":
		text, err := json.Marshal(map[string]string{"text": "*" + m.Text() + "*\n" + m.Body()})
		if err != nil {
			return err
		}
		return a.post(ctx, r, text, map[string]string{"Content-Type": "application/json"})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return a.post(ctx, r, text, map[string]string{"Content-Type": "application/json"})
}

// post sends a body by HTTP. Anything but a 2xx is an error.
func (a *Alerts) post(ctx context.Context, r *Receiver, body []byte, header map[string]string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the URL is not one") // it may hold a secret
	}
	for name, value := range header {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	token, err := secret(r.TokenFile)
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return a.do(req)
}

func (a *Alerts) fetch(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("the URL is not one")
	}
	return a.do(req)
}

func (a *Alerts) do(req *http.Request) error {
	req.Header.Set("User-Agent", "meridian")
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", req.URL.Host, errors.Unwrap(err)) // without the URL, whose path may be a secret
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("%s answers %s", req.URL.Host, resp.Status)
	}
	return nil
}

// secret reads a file that holds one.
func secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// mail sends a message by SMTP (RFC 5321).
func (a *Alerts) mail(ctx context.Context, r *Receiver, m *Message) error {
	c, err := a.dialMail(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Server, err)
	}
	defer c.Close()
	if err := deliver(c, r, a.letter(r, m)); err != nil {
		return fmt.Errorf("%s: %w", r.Server, err)
	}
	_ = c.Quit() // it has the message
	return nil
}

// dialMail connects, with TLS and a login as the receiver wants them.
func (a *Alerts) dialMail(ctx context.Context, r *Receiver) (*smtp.Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.Server)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	host, _, _ := net.SplitHostPort(r.Server)
	secure := &tls.Config{ServerName: host, RootCAs: a.o.Roots}
	if r.TLS == "tls" {
		conn = tls.Client(conn, secure)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if err := greet(c, r, host, secure); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func greet(c *smtp.Client, r *Receiver, host string, secure *tls.Config) error {
	if name, err := os.Hostname(); err == nil && name != "" {
		if err := c.Hello(name); err != nil {
			return err
		}
	}
	if r.TLS == "starttls" || r.TLS == "" {
		if err := c.StartTLS(secure); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if r.User == "" {
		return nil
	}
	password, err := secret(r.PasswordFile)
	if err != nil {
		return err
	}
	return c.Auth(smtp.PlainAuth("", r.User, password, host)) // it refuses to without TLS, but to this host
}

func deliver(c *smtp.Client, r *Receiver, letter []byte) error {
	if err := c.Mail(r.From); err != nil {
		return err
	}
	for _, to := range r.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	return w.Close()
}

// letter is a message as mail (RFC 5322).
func (a *Alerts) letter(r *Receiver, m *Message) []byte {
	_, domain, _ := strings.Cut(r.From, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", r.From}, {"To", strings.Join(r.To, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", "["+m.Nameserver+"] "+m.Text())},
		{"Date", m.Time.Format(time.RFC1123Z)}, {"Message-ID", "<" + m.ID + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], strings.NewReplacer("\r", " ", "\n", " ").Replace(h[1]))
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	fmt.Fprintf(q, "%s\r\n\r\n%s\r\n", m.Text(), strings.ReplaceAll(m.Body(), "\n", "\r\n"))
	_ = q.Close() // a buffer takes all
	return b.Bytes()
}
