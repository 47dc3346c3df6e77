package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sickServer in the environment makes the test binary a web server at that address
// instead, which behaves as the lines on its standard input say. sickCerts names the
// folder of its certificates, if it speaks TLS.
const (
	sickServer = "MERIDIAN_E2E_SICK_SERVER"
	sickCerts  = "MERIDIAN_E2E_SICK_CERTS"
)

// sick is the web server of such a process.
type sick struct {
	mode   atomic.Value // string
	server atomic.Pointer[http.Server]
	certs  string
}

func runSick(addr, certs string) error {
	s := &sick{certs: certs}
	s.mode.Store("well")
	if err := s.listen(addr); err != nil {
		return err
	}
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); fmt.Println("ready") {
		s.mode.Store(in.Text())
		switch {
		case in.Text() == "refuse":
			s.server.Swap(nil).Close()
		case s.server.Load() == nil:
			if err := s.listen(addr); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *sick) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, TLSConfig: &tls.Config{GetCertificate: s.certificate}, ErrorLog: log.New(io.Discard, "", 0)}
	s.server.Store(server)
	if s.certs != "" {
		go server.ServeTLS(l, "", "")
	} else {
		go server.Serve(l)
	}
	return nil
}

func (s *sick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch s.mode.Load().(string) {
	case "500":
		w.WriteHeader(500)
	case "body":
		fmt.Fprint(w, "under maintenance")
	case "slow":
		time.Sleep(2 * time.Second) // it is slowness that is tested
	case "reset":
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	default:
		fmt.Fprint(w, "all is well")
	}
}

func (s *sick) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := "good"
	if mode := s.mode.Load().(string); mode == "expired" || mode == "stranger" {
		name = mode
	}
	file := filepath.Join(s.certs, name+".pem")
	c, err := tls.LoadX509KeyPair(file, file)
	return &c, err
}

// patient is the process of a sick server, as the test sees it.
type patient struct {
	t       *testing.T
	addr    string
	env     []string
	within  []string // a command to run it in
	cmd     *exec.Cmd
	in      io.Writer
	answers *bufio.Scanner
}

func newPatient(t *testing.T, addr, certs string, within ...string) *patient {
	t.Helper()
	p := &patient{t: t, addr: addr, within: within, env: append(os.Environ(), sickServer+"="+addr, sickCerts+"="+certs)}
	p.start()
	t.Cleanup(p.kill)
	return p
}

func (p *patient) start() {
	p.t.Helper()
	args := append(append([]string{}, p.within...), os.Args[0])
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Env, p.cmd.Stderr = p.env, os.Stderr
	in, errIn := p.cmd.StdinPipe()
	out, errOut := p.cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut, p.cmd.Start()); err != nil {
		p.t.Fatal(err)
	}
	p.in, p.answers = in, bufio.NewScanner(out)
	if !p.answers.Scan() {
		p.t.Fatalf("the server at %s did not start", p.addr)
	}
}

func (p *patient) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed
}

// become tells the server how to behave from now on.
func (p *patient) become(mode string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, mode); err != nil || !p.answers.Scan() {
		p.t.Fatalf("the server at %s does not take orders: %v", p.addr, err)
	}
}

func (p *patient) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// certificates makes a folder with an authority (ca.pem) and three certificates of its
// own: a good one, one that has expired, and one for another name.
func certificates(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: now.Add(-48 * time.Hour),
		NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	for file, c := range map[string]struct {
		name  string
		until time.Time
	}{
		"ca":       {},
		"good":     {"www.health.test", now.Add(time.Hour)},
		"expired":  {"www.health.test", now.Add(-time.Minute)},
		"stranger": {"other.test", now.Add(time.Hour)},
	} {
		template := ca
		if c.name != "" {
			template = &x509.Certificate{
				SerialNumber: big.NewInt(2), DNSNames: []string{c.name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: c.until,
				ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			}
		}
		der, err1 := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, key)
		private, err2 := x509.MarshalPKCS8PrivateKey(key)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))+
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	}
	return dir
}
