package healthcheck

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

const grpcLimit = 4 << 10 // bytes of a reply: it holds one number

// grpcProbe asks grpc.health.v1.Health/Check, one call of one small message, for
// which HTTP/2 alone is enough (grpc/doc/PROTOCOL-HTTP2.md and health-checking.md).
type grpcProbe struct {
	net     *network
	target  Target
	fields  []hpack.HeaderField
	message []byte
}

func newGRPCProbe(n *network, t Target) *grpcProbe {
	scheme := "http"
	if t.Check.TLS {
		scheme = "https"
	}
	p := &grpcProbe{net: n, target: t}
	p.fields = append(pseudo("POST", scheme, t.hostHeader(), "/grpc.health.v1.Health/Check"),
		hpack.HeaderField{Name: "te", Value: "trailers"},
		hpack.HeaderField{Name: "content-type", Value: "application/grpc"},
		hpack.HeaderField{Name: "user-agent", Value: "meridian-healthcheck"},
		hpack.HeaderField{Name: "grpc-timeout", Value: strconv.FormatInt(t.Check.Timeout.Milliseconds(), 10) + "m"})
	p.message = grpcRequest(t.Check.Service)
	return p
}

// grpcRequest is a HealthCheckRequest, whose field 1 is the service, in a
// length-prefixed message.
func grpcRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(message, 1<<3|2)
		message = binary.AppendUvarint(message, uint64(len(service)))
		message = append(message, service...)
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(framed, message...)
}

func (p *grpcProbe) run(ctx context.Context) error {
	r, err := p.net.request2(ctx, &p.target, p.fields, p.message, grpcLimit)
	switch {
	case r == nil:
		return err
	case r.status != 200:
		return fmt.Errorf("status %d", r.status)
	case err != nil:
		return fmt.Errorf("response: %w", err)
	}
	if code := r.fields["grpc-status"]; code != "0" {
		return fmt.Errorf("grpc status %s%s", grpcCode(code), detail(r.fields["grpc-message"]))
	}
	serving, err := servingStatus(r.body)
	if err == nil && serving != 1 {
		err = errors.New("health: " + servingName(serving))
	}
	return err
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf(": %.80q", s)
}

// grpcCode names the codes that a health service answers with.
func grpcCode(code string) string {
	names := map[string]string{"": "missing", "5": "NOT_FOUND", "12": "UNIMPLEMENTED", "14": "UNAVAILABLE", "16": "UNAUTHENTICATED"}
	if name, ok := names[code]; ok {
		return name
	}
	return fmt.Sprintf("%.10q", code)
}

// servingStatus reads a HealthCheckResponse, whose field 1 is the status; left out it
// is 0.
func servingStatus(body []byte) (uint64, error) {
	if len(body) < 5 || body[0] != 0 || binary.BigEndian.Uint32(body[1:]) != uint32(len(body)-5) {
		return 0, errors.New("health: malformed reply")
	}
	status := uint64(0)
	for message := body[5:]; len(message) > 0; {
		if message[0] != 1<<3 { // field 1, a varint
			return 0, errors.New("health: reply with a field that is not known")
		}
		v, n := binary.Uvarint(message[1:])
		if n <= 0 {
			return 0, errors.New("health: malformed reply")
		}
		status, message = v, message[1+n:]
	}
	return status, nil
}

func servingName(status uint64) string {
	switch status {
	case 0:
		return "UNKNOWN"
	case 2:
		return "NOT_SERVING"
	case 3:
		return "SERVICE_UNKNOWN"
	}
	return strconv.FormatUint(status, 10)
}
