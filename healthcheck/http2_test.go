package healthcheck

import (
	"errors"
	"io"
	"net"
	"testing"

	"golang.org/x/net/http2"
)

// TestHTTP2OtherStreams has a server answer other streams than that of the request, badly, before it answers that.
func TestHTTP2OtherStreams(t *testing.T) {
	t.Parallel()
	at := serve(t, func(c net.Conn) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, ok := frame.(*http2.HeadersFrame); ok {
				break
			}
		}
		const status200, status500 = "\x88", "\x8e"
		_ = errors.Join(f.WriteSettings(), f.WriteRSTStream(3, http2.ErrCodeInternal), f.WriteData(3, true, []byte("ill")),
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, BlockFragment: []byte(status500), EndHeaders: true, EndStream: true}),
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(status200), EndHeaders: true}),
			f.WriteData(3, true, []byte("ill")), f.WriteData(1, true, []byte("well")))
		_, _ = io.Copy(io.Discard, c)
	})
	wantError(t, "other streams", try(t, Options{}, Check{Type: "http", HTTP2: true, Body: "well"}, at), "")
}
