package healthcheck

import (
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxBodyLimit = 1 << 20
	maxExchange  = 4 << 10 // bytes of Send and of Expect
	maxInterval  = time.Hour
	minInterval  = 100 * time.Millisecond
	maxTimeout   = time.Minute
	minTimeout   = 10 * time.Millisecond
	maxResults   = 100
	maxJitter    = 0.9
	minRecheck   = 10 * time.Millisecond
	maxHold      = 24 * time.Hour
	minToken     = 16 // characters
	maxCertDays  = 3650
)

var kinds = []string{"http", "https", "tcp", "tls", "dns", "icmp", "grpc", "exec", "push"}

// Validate reports everything wrong with the check, joined, each error beginning
// with the field's name in a config file ("body_regexp: ..."). Fields left at zero
// are judged by their defaults.
func (c Check) Validate() error {
	return errors.Join(c.unused(), c.WithDefaults().validated())
}

// validated is Validate for a complete check.
func (c Check) validated() error {
	errs := []error{c.validateTiming()}
	if c.Port == 0 && !c.portless() {
		errs = append(errs, fmt.Errorf("port: a check of type %s needs one", c.Type))
	}
	if c.secured() {
		errs = append(errs, c.validateTLS())
	}
	switch c.Type {
	case "http", "https":
		errs = append(errs, c.validateRequest(), c.validateAnswer())
	case "tcp":
		errs = append(errs, c.validateTCP())
	case "dns":
		errs = append(errs, c.validateDNS())
	case "grpc":
		errs = append(errs, c.validateGRPC())
	case "exec":
		errs = append(errs, c.validateExec())
	case "push":
		errs = append(errs, c.validatePush())
	case "tls", "icmp":
	default:
		return fmt.Errorf("type: %q is none of %s", c.Type, strings.Join(kinds, ", "))
	}
	return errors.Join(errs...)
}

// Validate reports everything wrong with the target, its check included.
func (t Target) Validate() error {
	t = t.complete()
	return errors.Join(t.Check.Validate(), t.validateHost())
}

// validateHost is Validate without the check, which many targets share.
func (t Target) validateHost() error {
	switch {
	case t.Check.Type == "push" && t.Server == "":
		return errors.New("target: no server that could report itself")
	case t.Check.Type == "push":
		return nil
	case t.Name == "" && !t.Addr.IsValid():
		return errors.New("target: neither an address nor a name")
	case t.Name != "" && !plainHost(t.Name):
		return fmt.Errorf("target: %q is not a host name", t.Name)
	case t.Check.secured() && !t.Check.Insecure && t.serverName() == "":
		return fmt.Errorf("host: %s to %s needs a host name (host or sni) to verify its certificate against", t.Check.Type, t.Addr)
	}
	return nil
}

// unused reports fields that mean nothing to the type: somebody relies on them.
func (c Check) unused() error {
	web, push := c.http(), c.Type == "push"
	tls := c.Type == "https" || c.Type == "tls" || c.Type == "grpc"
	tcp, dns, grpc := c.Type == "tcp", c.Type == "dns", c.Type == "grpc"
	var errs []error
	for _, f := range []struct {
		name      string
		set, used bool
	}{
		{"port", c.Port != 0, !c.portless()},
		{"path", c.Path != "", web},
		{"method", c.Method != "", web},
		{"headers", c.Headers != "", web},
		{"host", c.Host != "", web || grpc},
		{"status", c.Status != "", web},
		{"body", c.Body != "", web},
		{"body_regexp", c.BodyRegexp != "", web},
		{"body_limit", c.BodyLimit != 0, web},
		{"http2", c.HTTP2, web},
		{"keepalive", c.KeepAlive, web},
		{"tls", c.TLS, grpc},
		{"sni", c.SNI != "", tls},
		{"insecure", c.Insecure, tls},
		{"cert_days", c.CertDays != 0, tls},
		{"send", c.Send != "", tcp},
		{"expect", c.Expect != "", tcp},
		{"query", c.Query != "", dns},
		{"query_type", c.QueryType != "", dns},
		{"rcode", c.Rcode != "", dns},
		{"answer", c.Answer != "", dns},
		{"network", c.Network != "", dns},
		{"service", c.Service != "", grpc},
		{"command", c.Command != "", c.Type == "exec"},
		{"token", c.Token != "", push},
		{"silence", c.Silence != 0, push},
		{"recheck", c.Recheck != 0, !push},
	} {
		if f.set && !f.used {
			errs = append(errs, fmt.Errorf("%s: a check of type %s has none", f.name, c.Type))
		}
	}
	return errors.Join(errs...)
}

func (c Check) validateTiming() error {
	errs := []error{
		within("interval", c.Interval, minInterval, maxInterval),
		within("timeout", c.Timeout, minTimeout, maxTimeout),
		within("rise", c.Rise, 1, maxResults),
		within("fall", c.Fall, 1, maxResults),
		within("jitter", c.Jitter, NoJitter, maxJitter),
		within("cooldown", c.Cooldown, 0, maxHold),
	}
	if c.Recheck != 0 {
		errs = append(errs, within("recheck", c.Recheck, minRecheck, c.Interval))
	}
	return errors.Join(append(errs, c.validateFailback())...)
}

func (c Check) validateFailback() error {
	switch c.Failback {
	case Delayed:
		return within("failback_after", c.FailbackAfter, time.Second, maxHold)
	case Auto, OneWay:
		if c.FailbackAfter != 0 {
			return fmt.Errorf("failback_after: counts only with failback %q, not with %q", Delayed, c.Failback)
		}
		return nil
	}
	return fmt.Errorf("failback: %q is none of %s, %s, %s", c.Failback, Auto, Delayed, OneWay)
}

// within is false for NaN too.
func within[T int | float64 | time.Duration](field string, v, lo, hi T) error {
	if v >= lo && v <= hi {
		return nil
	}
	return fmt.Errorf("%s: %v is not within %v to %v", field, v, lo, hi)
}

func (c Check) validateRequest() error {
	var errs []error
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, notVisible) {
		errs = append(errs, fmt.Errorf("path: %q must begin with / and hold visible ASCII only", c.Path))
	}
	if c.Host != "" && !plainHostPort(c.Host) {
		errs = append(errs, fmt.Errorf("host: %q is not a host name or address, with or without a port", c.Host))
	}
	if !token(c.Method) || c.Method == "CONNECT" {
		errs = append(errs, fmt.Errorf("method: %q is none that a probe can send", c.Method))
	}
	if c.HTTP2 && c.KeepAlive {
		errs = append(errs, errors.New("keepalive: not with http2"))
	}
	return errors.Join(append(errs, c.validateHeaders())...)
}

// setByUs are the header fields that a probe writes itself.
var setByUs = []string{"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "proxy-connection"}

func (c Check) validateHeaders() error {
	var errs []error
	if len(c.Headers) > maxExchange {
		errs = append(errs, fmt.Errorf("headers: %d bytes, at most %d", len(c.Headers), maxExchange))
	}
	for name, value := range c.fields() {
		switch {
		case !token(name):
			errs = append(errs, fmt.Errorf("headers: %q is not the name of a header field", name))
		case slices.Contains(setByUs, strings.ToLower(name)):
			errs = append(errs, fmt.Errorf("headers: %s is the probe's own to set", name))
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			errs = append(errs, fmt.Errorf("headers: the value of %s holds a control character", name))
		}
	}
	return errors.Join(errs...)
}

// fields are the header fields of the check.
func (c Check) fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.SplitSeq(c.Headers, "\n") {
			name, value, _ := strings.Cut(line, ":")
			if c.Headers != "" && !yield(name, strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// ownFields are the header fields of the check, and those it leaves to us.
func (c Check) ownFields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, f := range [][2]string{{"User-Agent", "meridian-healthcheck"}, {"Accept", "*/*"}} {
			if !c.sets(f[0]) && !yield(f[0], f[1]) {
				return
			}
		}
		c.fields()(yield)
	}
}

func (c Check) sets(field string) bool {
	for name := range c.fields() {
		if strings.EqualFold(name, field) {
			return true
		}
	}
	return false
}

// token tells whether s can be a method or the name of a header field (RFC 9110 section 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return notVisible(r) || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
	})
}

func (c Check) validateTLS() error {
	var errs []error
	if c.SNI != "" && !plainHost(c.SNI) {
		errs = append(errs, fmt.Errorf("sni: %q is not a host name or address", c.SNI))
	}
	return errors.Join(append(errs, within("cert_days", c.CertDays, 0, maxCertDays))...)
}

func (c Check) validateGRPC() error {
	var errs []error
	if !c.TLS && (c.SNI != "" || c.Insecure || c.CertDays != 0) {
		errs = append(errs, errors.New("tls: sni, insecure and cert_days count only with it"))
	}
	if c.Host != "" && !plainHostPort(c.Host) {
		errs = append(errs, fmt.Errorf("host: %q is not a host name or address, with or without a port", c.Host))
	}
	if len(c.Service) > maxExchange || strings.ContainsFunc(c.Service, notVisible) {
		errs = append(errs, fmt.Errorf("service: %.60q is not the name of a service", c.Service))
	}
	return errors.Join(errs...)
}

func (c Check) validateExec() error {
	program, _, _ := strings.Cut(c.Command, "\x00")
	switch {
	case !path.IsAbs(program):
		return fmt.Errorf("command: %q is not the absolute path of a program", program)
	case len(c.Command) > maxExchange:
		return fmt.Errorf("command: %d bytes, at most %d", len(c.Command), maxExchange)
	}
	return nil
}

func (c Check) validatePush() error {
	errs := []error{within("silence", c.Silence, time.Second, maxInterval)}
	if len(c.Token) < minToken || strings.ContainsFunc(c.Token, notVisible) {
		errs = append(errs, fmt.Errorf("token: must be %d or more visible ASCII characters", minToken))
	}
	return errors.Join(errs...)
}

func (c Check) validateAnswer() error {
	errs := []error{within("body_limit", c.BodyLimit, 1, maxBodyLimit)}
	if _, err := parseStatuses(c.Status); err != nil {
		errs = append(errs, err)
	}
	if len(c.Body) > c.BodyLimit {
		errs = append(errs, fmt.Errorf("body: %d bytes can never be found in the first %d (body_limit)", len(c.Body), c.BodyLimit))
	}
	if _, err := regexp.Compile(c.BodyRegexp); err != nil {
		errs = append(errs, fmt.Errorf("body_regexp: %w", err))
	}
	return errors.Join(errs...)
}

func (c Check) validateTCP() error {
	var errs []error
	for _, f := range []struct{ name, text string }{{"send", c.Send}, {"expect", c.Expect}} {
		if len(f.text) > maxExchange {
			errs = append(errs, fmt.Errorf("%s: %d bytes, at most %d", f.name, len(f.text), maxExchange))
		}
	}
	return errors.Join(errs...)
}

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f }

// plainHost keeps out what would break a header or a certificate's verification.
func plainHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	bad := func(r rune) bool { return notVisible(r) || strings.ContainsRune("/:@?#[]\\\"", r) }
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, bad)
}

func plainHostPort(s string) bool {
	if _, port, err := net.SplitHostPort(s); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
	}
	return plainHost(withoutPort(s))
}

// statuses are the good status codes of an HTTP answer.
type statuses []struct{ lo, hi int }

func (s statuses) contain(code int) bool {
	for _, r := range s {
		if code >= r.lo && code <= r.hi {
			return true
		}
	}
	return false
}

// parseStatuses reads a list such as "200, 301-308".
func parseStatuses(list string) (statuses, error) {
	var s statuses
	for item := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(item), "-")
		if !isRange {
			to = from
		}
		lo, errLo := strconv.Atoi(from)
		hi, errHi := strconv.Atoi(to)
		if errLo != nil || errHi != nil || lo < 100 || hi > 599 || lo > hi {
			return nil, fmt.Errorf("status: %q is neither a code nor a range of codes within 100-599", item)
		}
		s = append(s, struct{ lo, hi int }{lo, hi})
	}
	return s, nil
}
