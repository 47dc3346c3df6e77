package healthcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

const exchangeLimit = 16 << 10 // bytes in which a tcp check looks for its Expect

// probe tries a target once; nil: it is well.
type probe func(ctx context.Context) error

// compiler turns targets into probes; what depends on the check alone is shared.
type compiler struct {
	net     *network
	answers map[Check]*answer
}

// probe builds the probe of a complete target, which it may keep. One that does not validate gets a
// probe that always fails and says why.
func (c *compiler) probe(t *Target) probe {
	want, known := c.answers[t.Check]
	if !known {
		want = newAnswer(t.Check)
		c.answers[t.Check] = want
	}
	if err := errors.Join(want.invalid, t.validateHost()); err != nil {
		return func(context.Context) error { return err }
	}
	if t.Check.secured() {
		c.net.roots() // loaded now, while there are descriptors
	}
	switch t.Check.Type {
	case "tcp":
		return tcpProbe{c.net, t}.run
	case "tls":
		return tlsProbe{c.net, *t}.run
	case "dns":
		return newDNSProbe(c.net, *t).run
	case "icmp":
		return pingProbe{c.net, *t}.run
	case "grpc":
		return newGRPCProbe(c.net, *t).run
	case "exec":
		return execProbe{*t}.run
	case "push":
		return pushProbe(*t)
	}
	if t.Check.HTTP2 {
		return newHTTP2Probe(c.net, *t, want).run
	}
	return newHTTPProbe(c.net, t, want).run
}

type tcpProbe struct {
	net    *network
	target *Target
}

func (p tcpProbe) run(ctx context.Context) error {
	c, err := p.net.connect(ctx, p.target)
	if err != nil {
		return err
	}
	defer c.Close()
	if send := p.target.Check.Send; send != "" {
		if _, err := io.WriteString(c, send); err != nil {
			return fmt.Errorf("send: %w", cause(err))
		}
	}
	if expect := p.target.Check.Expect; expect != "" {
		return await(c, []byte(expect))
	}
	return nil
}

// await reads until want has appeared.
func await(r io.Reader, want []byte) error {
	var got []byte
	part := make([]byte, 1<<10)
	for len(got) < exchangeLimit {
		n, err := r.Read(part)
		from := max(0, len(got)-len(want)+1)
		got = append(got, part[:n]...)
		if bytes.Contains(got[from:], want) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for %q: %w", want, cause(err))
		}
	}
	return fmt.Errorf("no %q in the first %d bytes", want, exchangeLimit)
}

// tlsProbe is content with a handshake and a certificate that is good.
type tlsProbe struct {
	net    *network
	target Target
}

func (p tlsProbe) run(ctx context.Context) error {
	c, err := p.net.connect(ctx, &p.target)
	if err != nil {
		return err
	}
	defer c.Close()
	return p.net.secure(c, &p.target)
}

// answer is what an HTTP check wants to see. Immutable.
type answer struct {
	invalid error // why the check is useless
	good    statuses
	body    []byte
	pattern *regexp.Regexp // nil: none
	limit   int
	head    bool // the request is one that no body answers
}

func newAnswer(c Check) *answer {
	c = c.WithDefaults()
	a := &answer{invalid: c.validated(), body: []byte(c.Body), limit: c.BodyLimit, head: c.Method == "HEAD"}
	if a.invalid != nil || !c.http() {
		return a
	}
	if a.good, a.invalid = parseStatuses(c.Status); a.invalid != nil {
		return a
	}
	if c.BodyRegexp != "" {
		a.pattern, a.invalid = regexp.Compile(c.BodyRegexp)
	}
	return a
}

// readsBody tells whether the body matters.
func (a *answer) readsBody() bool { return len(a.body) > 0 || a.pattern != nil }

func (a *answer) judgeStatus(code int) error {
	if !a.good.contain(code) {
		return fmt.Errorf("status %d", code)
	}
	return nil
}

// judgeBody judges the first limit bytes of a body, or all of it.
func (a *answer) judgeBody(got []byte) error {
	switch {
	case !bytes.Contains(got, a.body):
		return fmt.Errorf("body: no %.60q in the first %d bytes", a.body, len(got))
	case a.pattern != nil && !a.pattern.Match(got):
		return fmt.Errorf("body: no match of %.60q in the first %d bytes", a.pattern.String(), len(got))
	}
	return nil
}
