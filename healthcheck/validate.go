package healthcheck

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
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
)

// Validate reports everything wrong with the check, joined, each error beginning
// with the field's name in a config file ("body_regexp: ..."). Fields left at zero
// are judged by their defaults.
func (c Check) Validate() error {
	unused := c.unused()
	c = c.WithDefaults()
	errs := []error{unused, c.validateTiming()}
	switch {
	case c.http():
		errs = append(errs, c.validateRequest(), c.validateAnswer())
	case c.Type == "tcp":
		errs = append(errs, c.validateTCP())
	default:
		errs = []error{fmt.Errorf("type: %q is none of http, https, tcp", c.Type)}
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
	case t.Name == "" && !t.Addr.IsValid():
		return errors.New("target: neither an address nor a name")
	case t.Name != "" && !plainHost(t.Name):
		return fmt.Errorf("target: %q is not a host name", t.Name)
	case t.Check.Type == "https" && !t.Check.Insecure && t.serverName() == "":
		return fmt.Errorf("host: https to %s needs a host name (host or sni) to verify its certificate against", t.Addr)
	}
	return nil
}

// unused reports fields that mean nothing to the type: somebody relies on them.
func (c Check) unused() error {
	http, https, tcp := c.http(), c.Type == "https", c.Type == "tcp"
	var errs []error
	for _, f := range []struct {
		name      string
		set, used bool
	}{
		{"path", c.Path != "", http},
		{"host", c.Host != "", http},
		{"status", c.Status != "", http},
		{"body", c.Body != "", http},
		{"body_regexp", c.BodyRegexp != "", http},
		{"body_limit", c.BodyLimit != 0, http},
		{"sni", c.SNI != "", https},
		{"insecure", c.Insecure, https},
		{"send", c.Send != "", tcp},
		{"expect", c.Expect != "", tcp},
	} {
		if f.set && !f.used {
			errs = append(errs, fmt.Errorf("%s: a check of type %s has none", f.name, c.Type))
		}
	}
	return errors.Join(errs...)
}

func (c Check) validateTiming() error {
	return errors.Join(
		within("interval", c.Interval, minInterval, maxInterval),
		within("timeout", c.Timeout, minTimeout, maxTimeout),
		within("rise", c.Rise, 1, maxResults),
		within("fall", c.Fall, 1, maxResults),
		within("jitter", c.Jitter, NoJitter, maxJitter),
	)
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
	if c.SNI != "" && !plainHost(c.SNI) {
		errs = append(errs, fmt.Errorf("sni: %q is not a host name or address", c.SNI))
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
	if c.Port == 0 {
		errs = append(errs, errors.New("port: a check of type tcp needs one"))
	}
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
