package healthcheck

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"regexp"
)

const (
	headerLimit   = 64 << 10 // bytes of all headers of an answer, interim answers included
	interimLimit  = 5        // interim (1xx) answers before the final one
	exchangeLimit = 16 << 10 // bytes in which a tcp check looks for its Expect
)

// probe tries a target once; nil: it is well.
type probe func(ctx context.Context) error

// compiler turns targets into probes; what depends on the check alone is shared.
type compiler struct {
	net     *network
	answers map[Check]*answer
}

// probe builds the probe of a complete target. One that does not validate gets a
// probe that always fails and says why.
func (c *compiler) probe(t Target) probe {
	want, known := c.answers[t.Check]
	if !known {
		want = newAnswer(t.Check)
		c.answers[t.Check] = want
	}
	if err := errors.Join(want.invalid, t.validateHost()); err != nil {
		return func(context.Context) error { return err }
	}
	if t.Check.Type == "tcp" {
		return tcpProbe{c.net, t}.run
	}
	return newHTTPProbe(c.net, t, want).run
}

type tcpProbe struct {
	net    *network
	target Target
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

type httpProbe struct {
	net     *network
	target  Target
	want    *answer
	request []byte
}

func newHTTPProbe(n *network, t Target, want *answer) *httpProbe {
	if t.Check.Type == "https" {
		n.roots() // loaded now, while there are descriptors
	}
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: meridian-healthcheck\r\n"+
		"Accept: */*\r\nConnection: close\r\n\r\n", t.Check.Path, t.hostHeader())
	return &httpProbe{net: n, target: t, want: want, request: request}
}

func (p *httpProbe) run(ctx context.Context) error {
	c, err := p.net.connect(ctx, p.target)
	if err != nil {
		return err
	}
	defer c.Close()
	var stream net.Conn = c
	if p.target.Check.Type == "https" {
		if stream, err = p.net.secure(c, p.target.serverName(), p.target.Check.Insecure); err != nil {
			return err
		}
	}
	if _, err := stream.Write(p.request); err != nil {
		return fmt.Errorf("request: %w", cause(err))
	}
	buf := p.net.readers.Get().(*bufio.Reader)
	defer p.net.readers.Put(buf)
	return p.want.judge(stream, buf)
}

// answer is what an HTTP check wants to see. Immutable.
type answer struct {
	invalid error // why the check is useless
	good    statuses
	body    []byte
	pattern *regexp.Regexp // nil: none
	limit   int64
}

func newAnswer(c Check) *answer {
	c = c.WithDefaults()
	a := &answer{invalid: c.Validate(), body: []byte(c.Body), limit: int64(c.BodyLimit)}
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

// judge reads an answer from r through buf, a reader to be reused, and says what
// is wrong with it. The header is read whole, the body only if it matters.
func (a *answer) judge(r io.Reader, buf *bufio.Reader) error {
	bounded := &io.LimitedReader{R: r, N: headerLimit}
	buf.Reset(bounded)
	defer buf.Reset(nil)
	resp, err := final(buf)
	if err != nil && bounded.N <= 0 {
		return fmt.Errorf("response: header over %d bytes", headerLimit)
	}
	if err != nil {
		return fmt.Errorf("response: %w", cause(err))
	}
	if !a.good.contain(resp.StatusCode) {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	if len(a.body) == 0 && a.pattern == nil {
		return nil
	}
	bounded.N = math.MaxInt64 // from here on a.limit bounds
	return a.judgeBody(resp.Body)
}

// final reads the header of the final answer (RFC 9110 section 15.2: interim
// answers may come before it).
func final(buf *bufio.Reader) (*http.Response, error) {
	for range interimLimit {
		resp, err := http.ReadResponse(buf, nil)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
	return nil, fmt.Errorf("more than %d interim answers", interimLimit)
}

func (a *answer) judgeBody(r io.Reader) error {
	got, err := io.ReadAll(io.LimitReader(r, a.limit))
	switch {
	case err != nil:
		return fmt.Errorf("body: %w", cause(err))
	case !bytes.Contains(got, a.body):
		return fmt.Errorf("body: no %.60q in the first %d bytes", a.body, len(got))
	case a.pattern != nil && !a.pattern.Match(got):
		return fmt.Errorf("body: no match of %.60q in the first %d bytes", a.pattern.String(), len(got))
	}
	return nil
}
