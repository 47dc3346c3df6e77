package healthcheck

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httputil"
	"os"
	"strconv"
	"time"
	"unique"
)

const (
	headerLimit  = 64 << 10 // bytes of all headers of an answer, interim answers included
	interimLimit = 5        // interim (1xx) answers before the final one

	oldestSecured = time.Minute // a connection over TLS is kept so long
)

// errStale ends a probe over a connection that the server had closed meanwhile.
var errStale = errors.New("kept connection was closed")

// httpProbe speaks HTTP/1.1. It reads what it judges and no more: the client of
// net/http costs several times what a probe may.
type httpProbe struct {
	net     *network
	target  *Target
	id      unique.Handle[Target] // under which a connection is kept, if it is
	want    *answer
	request []byte
}

func newHTTPProbe(n *network, t *Target, want *answer) *httpProbe {
	c := &t.Check
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n", c.Method, c.Path, t.hostHeader())
	for name, value := range c.ownFields() {
		request = fmt.Appendf(request, "%s: %s\r\n", name, value)
	}
	if c.Method != "GET" && c.Method != "HEAD" {
		request = append(request, "Content-Length: 0\r\n"...)
	}
	if !c.KeepAlive {
		request = append(request, "Connection: close\r\n"...)
	}
	p := &httpProbe{net: n, target: t, want: want, request: append(request, "\r\n"...)}
	if c.KeepAlive {
		p.id = unique.Make(t.identity())
	}
	return p
}

// run asks over the connection that was kept, if there is one, and over a new one if
// that was closed.
func (p *httpProbe) run(ctx context.Context) error {
	if p.target.Check.KeepAlive {
		if c := p.net.idle.take(ctx, p.id); c != nil {
			if err := p.ask(c, true); err != errStale {
				return err
			}
		}
	}
	c, err := p.net.connect(ctx, p.target)
	if err != nil {
		return err
	}
	if p.target.Check.Type == "https" {
		if err := p.net.secure(c, p.target, "http/1.1"); err != nil {
			c.Close()
			return err
		}
	}
	return p.ask(c, false)
}

// ask sends the request, judges the answer and keeps or closes the connection.
func (p *httpProbe) ask(c *conn, kept bool) error {
	buf := p.net.readers.Get().(*bufio.Reader)
	a := reply{buf: buf}
	err := p.exchange(c, &a)
	if kept && err != nil && !a.began && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStale
	}
	if err == nil && p.keeps(c, &a) {
		p.net.idle.put(p.id, c)
	} else {
		c.Close()
	}
	buf.Reset(nil)
	p.net.readers.Put(buf)
	return err
}

// keeps tells whether a connection may serve the next probe. One over TLS is made
// anew from time to time, so that the certificate is seen that a new client sees.
func (p *httpProbe) keeps(c *conn, a *reply) bool {
	return p.target.Check.KeepAlive && a.whole && !a.close && a.buf.Buffered() == 0 &&
		(c.secured == nil || time.Since(c.since) < oldestSecured)
}

func (p *httpProbe) exchange(c *conn, a *reply) error {
	rw := c.plain()
	if _, err := rw.Write(p.request); err != nil {
		return fmt.Errorf("request: %w", cause(err))
	}
	a.buf.Reset(rw)
	return p.want.judge(a, p.target.Check.KeepAlive)
}

// judge reads an answer and says what is wrong with it. The header is read whole, the
// body only if it matters or the connection is to be kept.
func (a *answer) judge(r *reply, keep bool) error {
	if err := r.readHeader(); err != nil {
		return fmt.Errorf("response: %w", cause(err))
	}
	if a.head || r.status == 204 || r.status == 304 {
		r.length, r.chunked = 0, false
	}
	if err := a.judgeStatus(r.status); err != nil {
		return err
	}
	if !a.readsBody() && !keep {
		return nil
	}
	got, err := r.readBody(a.limit)
	if err != nil && a.readsBody() {
		return fmt.Errorf("body: %w", cause(err))
	}
	return a.judgeBody(got)
}

// reply is the answer to a request as far as a probe needs it.
type reply struct {
	buf     *bufio.Reader
	began   bool // something has come
	spent   int  // bytes of headers read
	status  int
	length  int64 // of the body; -1: it ends with the connection
	chunked bool
	close   bool // the connection is not to be used again
	whole   bool // the body has been read to its end
}

// readHeader reads up to the end of the header of the final answer (RFC 9110 section
// 15.2: interim answers may come before it).
func (r *reply) readHeader() error {
	for range interimLimit {
		if err := r.readStatus(); err != nil {
			return err
		}
		if err := r.readFields(); err != nil {
			return err
		}
		if r.status >= 200 || r.status == 101 {
			return nil
		}
	}
	return fmt.Errorf("more than %d interim answers", interimLimit)
}

// readStatus reads "HTTP/1.1 200 OK" (RFC 9112 section 4).
func (r *reply) readStatus() error {
	line, err := r.line()
	if err != nil {
		return err
	}
	const version = "HTTP/1.x"
	if len(line) < len(version)+4 || string(line[:7]) != version[:7] || line[8] != ' ' ||
		len(line) > len(version)+4 && line[12] != ' ' {
		return fmt.Errorf("malformed HTTP status line %.60q", line)
	}
	code, err := strconv.ParseUint(string(line[9:12]), 10, 16)
	if err != nil || code < 100 {
		return fmt.Errorf("malformed HTTP status %q", line[9:12])
	}
	r.status, r.length, r.chunked, r.close = int(code), -1, false, line[7] < '1'
	return nil
}

// readFields reads header fields up to the empty line, and understands those that say
// where the body ends (RFC 9112 section 6).
func (r *reply) readFields() error {
	for {
		line, err := r.line()
		if err != nil || len(line) == 0 {
			return err
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue // a folded line: none that we look at has more than one
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return fmt.Errorf("malformed HTTP header %.60q", line)
		}
		if err := r.field(name, bytes.Trim(value, " \t")); err != nil {
			return err
		}
	}
}

func (r *reply) field(name, value []byte) error {
	switch {
	case len(name) == len("Content-Length") && bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil || r.length >= 0 && r.length != int64(n) {
			return fmt.Errorf("bad Content-Length %.60q", value)
		}
		r.length = int64(n)
	case len(name) == len("Transfer-Encoding") && bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if !bytes.EqualFold(value, []byte("chunked")) {
			return fmt.Errorf("unknown Transfer-Encoding %.60q", value)
		}
		r.chunked = true
	case len(name) == len("Connection") && bytes.EqualFold(name, []byte("Connection")):
		for option := range bytes.SplitSeq(value, []byte(",")) {
			r.close = r.close || bytes.EqualFold(bytes.TrimSpace(option), []byte("close"))
		}
	}
	return nil
}

// line reads a line of a header without its end. Of one longer than the buffer the
// beginning counts.
func (r *reply) line() ([]byte, error) {
	var long []byte
	for {
		part, err := r.buf.ReadSlice('\n')
		r.began = r.began || len(part) > 0
		r.spent += len(part)
		switch {
		case r.spent > headerLimit:
			return nil, fmt.Errorf("header over %d bytes", headerLimit)
		case err == bufio.ErrBufferFull:
			if long == nil {
				long = bytes.Clone(part)
			}
			continue
		case err != nil:
			return nil, err
		case long != nil:
			return long, nil
		}
		return bytes.TrimSuffix(part[:len(part)-1], []byte("\r")), nil
	}
}

// readBody reads the first limit bytes of the body. Past them it is not whole.
func (r *reply) readBody(limit int) ([]byte, error) {
	var body io.Reader = r.buf
	most := int64(limit)
	switch {
	case r.chunked:
		body = httputil.NewChunkedReader(r.buf)
	case r.length >= 0:
		most = min(most, r.length)
	}
	got, err := io.ReadAll(io.LimitReader(body, most))
	switch {
	case err != nil:
		return got, err
	case r.chunked:
		r.whole = int64(len(got)) < most && r.trailer()
	case r.length >= 0 && int64(len(got)) < most:
		return got, io.ErrUnexpectedEOF
	default:
		r.whole = r.length >= 0 && r.length == int64(len(got))
	}
	return got, nil
}

// trailer reads the lines behind the last chunk.
func (r *reply) trailer() bool {
	for {
		line, err := r.line()
		if err != nil || len(line) == 0 {
			return err == nil
		}
	}
}
