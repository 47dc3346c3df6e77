package nameserver

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/config"
)

// shortestToken has about as many characters as cannot be guessed.
const shortestToken = 16

// api is the control interface over TCP.
type api struct {
	services []*admin.Service
	tokens   atomic.Pointer[[]admin.Token]
}

// openAPI listens where the configuration says.
func (n *Nameserver) openAPI(cfg *config.Config) error {
	a, counts := &n.ops.api, &n.ops.counts
	if err := n.loadTokens(cfg); err != nil {
		return err
	}
	o := admin.Options{Hosts: cfg.API.Names, Metrics: n.metrics.Handler(), Counts: counts}
	if len(cfg.API.Tokens) > 0 {
		o.Tokens = func() []admin.Token { return *a.tokens.Load() }
	}
	for _, at := range cfg.API.Listen {
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			return fmt.Errorf("control interface: %w", err)
		}
		if cfg.API.Cert != "" {
			pair := &keyPair{cert: cfg.API.Cert, key: cfg.API.Key}
			if _, err := pair.get(nil); err != nil {
				l.Close()
				return err
			}
			l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.get})
		}
		a.services = append(a.services, admin.NewService(l, admin.Handler(reloader{n}, o), counts))
	}
	return nil
}

// loadTokens reads the tokens of a configuration.
func (n *Nameserver) loadTokens(cfg *config.Config) error {
	tokens := []admin.Token{}
	for _, t := range cfg.API.Tokens {
		text, err := os.ReadFile(t.File)
		if err != nil {
			return fmt.Errorf("api token %s: %w", t.Name, err)
		}
		secret := strings.TrimSpace(string(text))
		if len(secret) < shortestToken {
			return fmt.Errorf("api token %s: %s holds fewer than %d characters", t.Name, t.File, shortestToken)
		}
		right := map[string]admin.Right{"read": admin.Read, "write": admin.Write}[t.Rights]
		tokens = append(tokens, admin.Token{Name: t.Name, SHA256: sha256.Sum256([]byte(secret)), Right: right})
	}
	n.ops.api.tokens.Store(&tokens)
	return nil
}

// serveAPI answers on all addresses until ctx ends.
func (n *Nameserver) serveAPI(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make(chan error, len(n.ops.api.services)+1)
	for _, s := range n.ops.api.services {
		all.Go(func() { failed <- s.Serve(ctx) })
	}
	<-ctx.Done()
	all.Wait()
	failed <- nil
	return <-failed
}

func (a *api) close() {
	for _, s := range a.services {
		s.Close()
	}
}

// keyPair is a certificate that is read again when its file changes. Safe for concurrent use.
type keyPair struct {
	cert, key string

	mu     sync.Mutex // guards what follows
	loaded *tls.Certificate
	stamp  time.Time
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.cert)
	if err == nil && (p.loaded == nil || !info.ModTime().Equal(p.stamp)) {
		var c tls.Certificate
		if c, err = tls.LoadX509KeyPair(p.cert, p.key); err == nil {
			p.loaded, p.stamp = &c, info.ModTime()
		}
	}
	if p.loaded == nil {
		return nil, errors.Join(errors.New("control interface: no certificate"), err)
	}
	return p.loaded, nil // the old one, while a new one is half written
}
