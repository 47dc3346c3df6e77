package healthcheck

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	streamID    = 1        // of the one request of a connection
	frameLimit  = 16 << 10 // bytes of a frame: SETTINGS_MAX_FRAME_SIZE as it stands at first
	framesLimit = 1000     // frames of an answer, whatever they hold
)

// http2Probe speaks HTTP/2: over https as agreed in the handshake, over http with
// prior knowledge.
type http2Probe struct {
	net    *network
	target Target
	want   *answer
	fields []hpack.HeaderField
}

func newHTTP2Probe(n *network, t Target, want *answer) *http2Probe {
	c := &t.Check
	p := &http2Probe{net: n, target: t, want: want}
	p.fields = pseudo(c.Method, c.Type, t.hostHeader(), c.Path)
	for name, value := range c.ownFields() {
		p.fields = append(p.fields, hpack.HeaderField{Name: strings.ToLower(name), Value: value})
	}
	return p
}

// pseudo are the fields that a request begins with (RFC 9113 section 8.3.1).
func pseudo(method, scheme, authority, path string) []hpack.HeaderField {
	return []hpack.HeaderField{
		{Name: ":method", Value: method}, {Name: ":scheme", Value: scheme},
		{Name: ":authority", Value: authority}, {Name: ":path", Value: path},
	}
}

func (p *http2Probe) run(ctx context.Context) error {
	limit := p.want.limit
	if !p.want.readsBody() {
		limit = 0
	}
	r, err := p.net.request2(ctx, &p.target, p.fields, nil, limit)
	if r == nil {
		return err
	}
	if bad := p.want.judgeStatus(r.status); bad != nil {
		return bad
	}
	if err != nil && p.want.readsBody() {
		return fmt.Errorf("body: %w", err)
	}
	return p.want.judgeBody(r.body)
}

// reply2 is an answer over HTTP/2.
type reply2 struct {
	status int
	fields map[string]string // of header and trailer
	body   []byte            // its first bytes
	ended  bool              // the answer is complete
	limit  int               // bytes of the body that are wanted
	goaway error
}

// request2 makes a connection, sends one request and reads its answer: up to its
// header if limit is 0, up to so many bytes of the body, or up to its end. The reply
// is nil if not even a header came.
func (n *network) request2(ctx context.Context, t *Target, fields []hpack.HeaderField, body []byte, limit int) (*reply2, error) {
	c, err := n.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	noDelay(c.stream)
	if t.Check.secured() {
		if err := n.secure(c, t, "h2"); err != nil {
			return nil, err
		}
		if c.secured.ConnectionState().NegotiatedProtocol != "h2" {
			return nil, errors.New("tls handshake: the server does not offer HTTP/2")
		}
	}
	out := bufio.NewWriter(c.plain())
	f := http2.NewFramer(out, c.plain())
	f.SetMaxReadFrameSize(frameLimit)
	if err := errors.Join(sendRequest(out, f, fields, body), out.Flush()); err != nil {
		return nil, fmt.Errorf("request: %w", cause(err))
	}
	r := &reply2{limit: limit, fields: map[string]string{}}
	err = r.read(f, out)
	if r.status == 0 {
		return nil, fmt.Errorf("response: %w", cause(err))
	}
	return r, cause(err)
}

// sendRequest writes the connection preface and one request, with room for the most
// body that is ever read.
func sendRequest(out io.Writer, f *http2.Framer, fields []hpack.HeaderField, body []byte) error {
	_, err := io.WriteString(out, http2.ClientPreface)
	var block strings.Builder
	e := hpack.NewEncoder(&block)
	for _, field := range fields {
		err = errors.Join(err, e.WriteField(field))
	}
	err = errors.Join(err,
		f.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: 2 * maxBodyLimit},
			http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: headerLimit}),
		f.WriteWindowUpdate(0, 2*maxBodyLimit),
		f.WriteHeaders(http2.HeadersFrameParam{
			StreamID: streamID, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: body == nil,
		}))
	if body != nil {
		err = errors.Join(err, f.WriteData(streamID, true, body))
	}
	return err
}

// read takes frames until the answer is known.
func (r *reply2) read(f *http2.Framer, out *bufio.Writer) error {
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.MaxHeaderListSize = headerLimit
	for range framesLimit {
		frame, err := f.ReadFrame()
		if err != nil {
			return r.lost(err)
		}
		if err := r.take(frame, f); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		if r.done() {
			return nil
		}
	}
	return fmt.Errorf("no answer in %d frames", framesLimit)
}

// lost is why no further frame comes.
func (r *reply2) lost(err error) error {
	if r.goaway != nil {
		return r.goaway
	}
	var protocol http2.ConnectionError
	if errors.As(err, &protocol) || errors.Is(err, http2.ErrFrameTooLarge) {
		return errors.New("malformed HTTP/2: " + err.Error())
	}
	return err
}

// done tells whether there is nothing more to wait for.
func (r *reply2) done() bool {
	return r.ended || r.status != 0 && len(r.body) >= r.limit
}

// take looks at a frame. Those of other streams than that of the request have no say.
func (r *reply2) take(frame http2.Frame, f *http2.Framer) error {
	if id := frame.Header().StreamID; id != 0 && id != streamID {
		return nil
	}
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		if !frame.IsAck() {
			return f.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !frame.IsAck() {
			return f.WritePing(true, frame.Data)
		}
	case *http2.GoAwayFrame:
		if frame.LastStreamID < streamID || frame.ErrCode != http2.ErrCodeNo {
			r.goaway = fmt.Errorf("connection refused by HTTP/2 GOAWAY: %v", frame.ErrCode)
		}
	case *http2.RSTStreamFrame:
		return fmt.Errorf("request refused by HTTP/2 RST_STREAM: %v", frame.ErrCode)
	case *http2.MetaHeadersFrame:
		return r.header(frame)
	case *http2.DataFrame:
		if r.status == 0 {
			return errors.New("malformed HTTP/2: data before the header")
		}
		room := max(0, r.limit-len(r.body))
		r.body = append(r.body, frame.Data()[:min(room, len(frame.Data()))]...)
		r.ended = frame.StreamEnded()
	}
	return nil
}

// header takes the header, interim answers before it, and the trailer.
func (r *reply2) header(frame *http2.MetaHeadersFrame) error {
	if r.status == 0 {
		code, err := strconv.ParseUint(frame.PseudoValue("status"), 10, 16)
		if err != nil || code < 100 || code > 599 {
			return fmt.Errorf("malformed HTTP/2: status %.20q", frame.PseudoValue("status"))
		}
		if code < 200 {
			return nil
		}
		r.status = int(code)
	}
	for _, field := range frame.RegularFields() {
		r.fields[field.Name] = field.Value
	}
	r.ended = frame.StreamEnded()
	return nil
}
