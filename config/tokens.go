package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Token says which clients a rule is for.
type Token struct {
	Kind  string       // "net", "asn", "subdivision", "country", "continent", "default"
	Net   netip.Prefix // Kind "net": canonical, not longer than /24 or /56, not mapped, not 64:ff9b::/96, not 6to4
	ASN   uint32       // Kind "asn": not 0
	Code  string       // "US-CA", "DE" (well-formed, perhaps unknown), "EU" (one of the seven)
	Group string       // the group it came from; empty if the rule names it itself
	Pos   string       // "file:line: key.path" of where it is written, in the rule or in the group
}

// String returns the token as it is written in a rule, without its group.
func (t Token) String() string {
	switch t.Kind {
	case "net":
		return "net:" + t.Net.String()
	case "asn":
		return fmt.Sprintf("asn:%d", t.ASN)
	case "default":
		return "default"
	}
	return t.Kind + ":" + t.Code
}

// parseToken reads one token of a rule or a group, other than "group:".
func parseToken(s string) (Token, error) {
	if s == "default" {
		return Token{Kind: "default"}, nil
	}
	kind, value, ok := strings.Cut(s, ":")
	if !ok {
		return Token{}, fmt.Errorf("%q is not a match token; write %s", s, tokenHint(s))
	}
	t := Token{Kind: kind}
	var err error
	switch kind {
	case "net":
		t.Net, err = parseRuleNet(value)
	case "asn":
		t.ASN, err = parseASN(value)
	case "subdivision":
		t.Code, err = value, subdivision(value)
	case "country":
		t.Code, err = value, country(value)
	case "continent":
		t.Code, err = value, continent(value)
	default:
		kinds := []string{"net", "asn", "subdivision", "country", "continent", "group"}
		err = fmt.Errorf("%q: unknown kind of match%s", s, didYouMean(kind, kinds))
	}
	return t, err
}

// tokenHint guesses the kind that was left out.
func tokenHint(s string) string {
	switch {
	case continent(s) == nil:
		return fmt.Sprintf("%q", "continent:"+s)
	case country(s) == nil:
		return fmt.Sprintf("%q", "country:"+s)
	case subdivision(s) == nil:
		return fmt.Sprintf("%q", "subdivision:"+s)
	case strings.Contains(s, "/"):
		return fmt.Sprintf("%q", "net:"+s)
	}
	return `one such as "country:DE", "continent:EU", "net:192.0.2.0/24" or "default"`
}

// parseRuleNet reads a network a rule may name. Rankings are kept for blocks of /24 and /56.
func parseRuleNet(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf(`%q is not a network such as "net:192.0.2.0/24"`, "net:"+s)
	}
	if block := translated(p); block != "" {
		return p, fmt.Errorf("%q lies in %s; clients there are located by their IPv4 address: write the IPv4 network", "net:"+s, block)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has bits set behind the prefix; write %q", "net:"+s, "net:"+p.Masked().String())
	}
	limit := 24
	if p.Addr().Is6() {
		limit = 56
	}
	if p.Bits() > limit {
		return p, fmt.Errorf("%q is longer than /%d, the smallest block that has a ranking of its own", "net:"+s, limit)
	}
	return p, nil
}

// translated returns the block of IPv6 that stands for IPv4 addresses and holds p, "" if none does: IPv4-mapped
// (RFC 4291 section 2.5.5.2), NAT64 (RFC 6052 section 2.1), 6to4 (RFC 3056 section 2).
func translated(p netip.Prefix) string {
	for _, s := range []string{"::ffff:0:0/96", "64:ff9b::/96", "2002::/16"} {
		block := netip.MustParsePrefix(s)
		if p.Bits() >= block.Bits() && block.Contains(p.Addr()) {
			return s
		}
	}
	return ""
}

func parseASN(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf(`%q is not an AS number; write digits alone, such as "asn:15169"`, "asn:"+s)
	}
	return uint32(n), nil
}

func upper(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' })
}

func country(s string) error {
	if len(s) != 2 || !upper(s) {
		return fmt.Errorf(`%q is not a country; write its two capital letters (ISO 3166-1), such as "country:DE"`, "country:"+s)
	}
	return nil
}

// subdivision checks the form of ISO 3166-2: a country and one to three letters or digits.
func subdivision(s string) error {
	cc, part, _ := strings.Cut(s, "-")
	if country(cc) != nil || len(part) < 1 || len(part) > 3 || strings.Trim(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return fmt.Errorf(`%q is not a subdivision; write its code in ISO 3166-2, such as "subdivision:US-CA"`, "subdivision:"+s)
	}
	return nil
}

func continent(s string) error {
	if !slices.Contains([]string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}, s) {
		return fmt.Errorf("%q is not a continent; there are AF, AN, AS, EU, NA, OC and SA", "continent:"+s)
	}
	return nil
}

// groupToken reads one token of a group.
func groupToken(s string) (Token, error) {
	if strings.HasPrefix(s, "group:") {
		return Token{}, fmt.Errorf("%q: a group cannot hold a group", s)
	}
	if s == "default" {
		return Token{}, errors.New(`"default" matches everybody; it belongs in the rules of a pool`)
	}
	return parseToken(s)
}
