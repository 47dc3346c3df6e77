package nameserver

import "github.com/miekg/dns"

// wireName is the wire form of a name in presentation form; "" if it is none.
func wireName(name string) string {
	buf := make([]byte, 256)
	n, err := dns.PackDomainName(dns.CanonicalName(name), buf, 0, nil, false)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}
