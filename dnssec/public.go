package dnssec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// kinds are the words by which BIND and people call keys.
func (r Role) kind() string {
	return [...]string{"combined signing", "key-signing", "zone-signing"}[r]
}

// formatPublic writes the file that goes with a private key: the DNSKEY record, and in comments what people want to
// know. The role stands there because a CSK and a KSK have the same flags.
func formatPublic(k *Key, origin string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "; This is a %s key, keyid %d, for %s\n", k.Role.kind(), k.Tag(), absolute(origin))
	fmt.Fprintf(&b, "; Role: %v\n", k.Role)
	for _, f := range timeFields(&k.Times) {
		if !f.at.IsZero() {
			fmt.Fprintf(&b, "; %s: %s (%s)\n", f.name, f.at.UTC().Format(timeLayout), f.at.UTC().Format(time.ANSIC))
		}
	}
	fmt.Fprintf(&b, "%s IN DNSKEY %d 3 %d %s\n", absolute(origin), k.Flags, k.Algorithm,
		base64.StdEncoding.EncodeToString(k.Public))
	return b.Bytes()
}

// public is what a public key file says.
type public struct {
	origin string // without a final dot
	record *dns.DNSKEY
	role   Role
	said   bool // role stands in the file
}

func parsePublic(text []byte) (*public, error) {
	p := &public{}
	var records []byte
	for line := range bytes.Lines(text) {
		if comment, ok := bytes.CutPrefix(line, []byte(";")); ok {
			if err := p.comment(string(comment)); err != nil {
				return nil, err
			}
			continue
		}
		records = append(records, line...)
	}
	parser := dns.NewZoneParser(bytes.NewReader(records), ".", "")
	parser.SetDefaultTTL(3600)
	rr, ok := parser.Next()
	if !ok {
		return nil, errors.Join(errors.New("no DNSKEY record"), parser.Err())
	}
	if p.record, ok = rr.(*dns.DNSKEY); !ok {
		return nil, fmt.Errorf("a %s record, expected DNSKEY", dns.TypeToString[rr.Header().Rrtype])
	}
	if _, more := parser.Next(); more || parser.Err() != nil {
		return nil, errors.New("more than one DNSKEY record")
	}
	p.origin = strings.ToLower(strings.TrimSuffix(rr.Header().Name, "."))
	if p.origin == "" {
		p.origin = "."
	}
	return p, p.flags()
}

// comment looks for the role.
func (p *public) comment(text string) (err error) {
	if role, ok := strings.CutPrefix(strings.TrimSpace(text), "Role: "); ok {
		p.role, err = ParseRole(role)
		p.said = true
	}
	return err
}

func (p *public) flags() error {
	switch f := p.record.Flags; {
	case f&flagRevoke != 0:
		return errors.New("the key is revoked (RFC 5011)")
	case f != flagZone && f != flagZone|flagSEP:
		return fmt.Errorf("flags %d, expected 256 or 257", f)
	case p.record.Protocol != 3:
		return fmt.Errorf("protocol %d, expected 3", p.record.Protocol)
	case p.said && p.role.HasDS() != (f&flagSEP != 0):
		return fmt.Errorf("flags %d do not go with the role %v", f, p.role)
	case !p.said && f&flagSEP == 0:
		p.role, p.said = ZSK, true
	}
	return nil
}
