package querylog

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
)

// maxLine is longer than a line.
const maxLine = 8 << 10

// line writes lines of keys and values, as JSON or for people.
type line struct {
	console bool
	out     []byte
	lines   int
	text    []byte
}

// typeAndClass reads the end of the question; ok says whether there is one.
func (r *record) typeAndClass() (qtype, class uint16, ok bool) {
	if r.asked < 5 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint16(r.question[r.asked-4:]), binary.BigEndian.Uint16(r.question[r.asked-2:]), true
}

// begin writes what is known of every exchange.
func (l *line) begin(r *record) {
	if l.console {
		l.out = r.at.AppendFormat(l.out, "15:04:05.000")
		l.out = append(l.out, "  query"...)
	} else {
		l.out = append(l.out, `{"time":"`...)
		l.out = r.at.UTC().AppendFormat(l.out, time.RFC3339Nano)
		l.out = append(l.out, `","logger":"query"`...)
	}
	qtype, class, asked := r.typeAndClass()
	if asked {
		l.text = appendName(l.text[:0], r.question[:r.asked-4])
		l.string("name", l.text)
		l.words("type", typeText(qtype))
		if class != dns.ClassINET {
			l.words("class", codeText(dns.ClassToString, class, "CLASS"))
		}
	}
	if r.opcode != 0 {
		l.words("opcode", codeText(dns.OpcodeToString, int(r.opcode), "OPCODE"))
	}
	l.words("rcode", rcodeText(r.rcode))
	l.number("size", int(r.size))
	proto := "udp"
	if r.via == resolver.TCP {
		proto = "tcp"
	}
	l.words("proto", proto)
	l.text = netip.AddrPortFrom(r.client.Resolver, r.port).AppendTo(l.text[:0])
	l.string("client", l.text)
	if r.client.HasSubnet {
		l.text = netip.PrefixFrom(r.client.Subnet, int(r.client.Source)).AppendTo(l.text[:0])
		l.string("subnet", l.text)
	}
}

// reasons writes why the answer is as it is.
func (l *line) reasons(b *steer.Brief, r *record, named func(uint32) steer.Seat) {
	p := &b.Place
	l.code("country", p.Country[:])
	l.code("continent", p.Continent[:])
	l.code("subdivision", p.Subdivision[:])
	if p.Located {
		l.float("lat", p.Lat)
		l.float("lon", p.Lon)
	}
	if p.ASN != 0 {
		l.number("asn", int(p.ASN))
	}
	l.words("pool", b.Pool)
	l.words("pinned", b.Server)
	l.words("rule", b.Rule)
	if b.Tier > 0 {
		l.number("tier", b.Tier)
	}
	if r.named > 0 {
		l.names("answer", r.servers[:r.named], named)
	}
	if b.AllDown {
		l.key("all_down")
		l.out = append(l.out, "true"...)
	}
	l.words("why", b.Why)
}

func (l *line) end() {
	if !l.console {
		l.out = append(l.out, '}')
	}
	l.out = append(l.out, '\n')
	l.lines++
}

func (l *line) key(name string) {
	if l.console {
		l.out = append(append(append(l.out, ' '), name...), '=')
		return
	}
	l.out = append(append(append(l.out, `,"`...), name...), `":`...)
}

// words writes a text, if there is any.
func (l *line) words(key, text string) {
	if text != "" {
		l.text = append(l.text[:0], text...)
		l.string(key, l.text)
	}
}

func (l *line) string(key string, text []byte) {
	l.key(key)
	l.quoted(text)
}

// quoted writes a text; for people only with quotes where it needs them.
func (l *line) quoted(text []byte) {
	if l.console && len(text) > 0 && plain(text, " =\"\\") {
		l.out = append(l.out, text...)
		return
	}
	if plain(text, "\"\\") {
		l.out = append(append(append(l.out, '"'), text...), '"')
		return
	}
	quoted, _ := json.Marshal(strings.ToValidUTF8(string(text), "?")) // of a string, it never fails
	l.out = append(l.out, quoted...)
}

// plain says whether a text is printable ASCII without some of it.
func plain(text []byte, without string) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || strings.IndexByte(without, c) >= 0 {
			return false
		}
	}
	return true
}

// code writes letters padded with zeros, if there are any.
func (l *line) code(key string, code []byte) {
	n := 0
	for n < len(code) && code[n] != 0 {
		n++
	}
	if n > 0 {
		l.string(key, code[:n])
	}
}

func (l *line) number(key string, n int) {
	l.key(key)
	l.out = strconv.AppendInt(l.out, int64(n), 10)
}

func (l *line) float(key string, f float32) {
	l.key(key)
	l.out = strconv.AppendFloat(l.out, float64(f), 'f', 2, 64)
}

// names writes the servers with these numbers.
func (l *line) names(key string, numbers []uint32, named func(uint32) steer.Seat) {
	l.key(key)
	if !l.console {
		l.out = append(l.out, '[')
	}
	for i, number := range numbers {
		if i > 0 {
			l.out = append(l.out, ',')
		}
		l.text = append(l.text[:0], named(number).Server...)
		l.quoted(l.text)
	}
	if !l.console {
		l.out = append(l.out, ']')
	}
}

// appendName turns a name in wire form into text (RFC 1035 section 5.1), in the case that it was asked in.
func appendName(to, wire []byte) []byte {
	if len(wire) == 1 {
		return append(to, '.')
	}
	for len(wire) > 1 {
		n := 1 + int(wire[0])
		for _, c := range wire[1:n] {
			switch {
			case strings.IndexByte(`.\"();@$`, c) >= 0:
				to = append(to, '\\', c)
			case c <= ' ' || c > '~':
				to = append(to, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
			default:
				to = append(to, c)
			}
		}
		to, wire = append(to, '.'), wire[n:]
	}
	return to
}

func typeText(t uint16) string { return codeText(dns.TypeToString, t, "TYPE") }

func rcodeText(code uint16) string {
	if code == dns.RcodeBadVers {
		return "BADVERS" // the library calls it by its other meaning
	}
	return codeText(dns.RcodeToString, int(code), "RCODE")
}

func codeText[T uint16 | int](names map[T]string, code T, otherwise string) string {
	if name, known := names[code]; known {
		return name
	}
	return otherwise + strconv.Itoa(int(code))
}
