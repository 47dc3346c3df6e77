package resolver

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/e2e/scenario"
)

// The tests named TestAcceptance and a number hold what an authoritative server
// must do, line by line of the project's list: here 1 to 10, the header. 11 to
// 17 (EDNS), 18 to 25 (client subnet) and 26 to 33 (lookup) are in the other
// acceptance files; the later lines are other packages' business.
func TestAcceptanceIsWhole(t *testing.T) {
	files, err := filepath.Glob("acceptance_*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no acceptance tests")
	}
	var all strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for line := 1; line <= 33; line++ {
		if !regexp.MustCompile(fmt.Sprintf(`func TestAcceptance%02d[A-Z]`, line)).MatchString(all.String()) {
			t.Errorf("line %d has no test", line)
		}
	}
}

func prefixes(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// expects asks questions written as in scenarios, one a line.
func (a *asker) expects(lines string) {
	a.t.Helper()
	client, transport := a.client, a.transport
	for line := range strings.Lines(lines) {
		q, err := scenario.ParseQuery(line)
		if err != nil {
			a.t.Fatalf("%s: %v", line, err)
		}
		if q == nil {
			continue
		}
		if a.client = q.From; q.From == "" {
			a.client = client
		}
		if a.transport = transport; q.TCP {
			a.transport = TCP
		}
		if wrong := q.Judge(a.ask(q.Msg)); len(wrong) > 0 {
			a.t.Errorf("%s\t%s", line, strings.Join(wrong, "\n\t"))
		}
	}
	a.client, a.transport = client, transport
}

// packet is a query for www.example.com A, to be spoilt.
func packet(t *testing.T, options ...dns.EDNS0) []byte {
	t.Helper()
	m := question("www.example.com.", dns.TypeA)
	if options != nil {
		with(m, options...)
	}
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func TestAcceptance01ResponsesAreDropped(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, a.transport = range []Transport{UDP, TCP} {
		for low := range 256 {
			response := packet(t)
			response[2], response[3] = 0x80|byte(low)>>1, byte(low)
			if a.raw(response) != nil {
				t.Errorf("a response with flags %x is answered", response[2:4])
			}
		}
	}
}

func TestAcceptance02ShortMessagesAreDropped(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, a.transport = range []Transport{UDP, TCP} {
		for n := range len(packet(t)) + 1 {
			if reply := a.raw(packet(t)[:n]); (n >= headerSize) != (reply != nil) {
				t.Errorf("%d octets get %x", n, reply)
			}
		}
	}
}

func TestAcceptance03HeaderIsCopied(t *testing.T) {
	a := newAsker(t, &Options{})
	for flags := 0; flags < 1<<16; flags += 1 << 4 {
		if flags&flagQR != 0 {
			continue
		}
		q := packet(t)
		copy(q[13:], "WwW")
		binary.BigEndian.PutUint16(q[2:], uint16(flags))
		r := a.raw(q)
		got := u16(r, 2)
		want := flagQR | flags&maskOpcode
		if flags&maskOpcode == 0 {
			want |= flags&flagRD | flagAA
		} else {
			want |= notImp
		}
		if got != want || string(r[:2]) != string(q[:2]) || string(r[12:33]) != string(q[12:33]) {
			t.Fatalf("flags %#x: %#x, want %#x", flags, got, want)
		}
	}
}

func TestAcceptance03CaseOfQNAMEIsKept(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, n := range []string{"wWw.ExAmPlE.cOm.", "mIxEd.eXaMpLe.CoM.", "Any.WILD.exAmple.com.", "WWW.gEO.teST."} {
		r := a.ask(question(n, dns.TypeA))
		if len(r.Answer) == 0 || r.Answer[0].Header().Name != n || r.Question[0].Name != n {
			t.Errorf("%s: %v", n, r)
		}
	}
}

func TestAcceptance04CheckingDisabledIsCleared(t *testing.T) {
	a := newAsker(t, &Options{})
	m := question("www.example.com.", dns.TypeA)
	m.CheckingDisabled, m.AuthenticatedData = true, true
	if r := a.ask(m); r.CheckingDisabled || r.AuthenticatedData || len(r.Answer) != 2 {
		t.Errorf("%v", r)
	}
}

func TestAcceptance05OtherOpcodesAreNotImplemented(t *testing.T) {
	a := newAsker(t, &Options{})
	for opcode := 1; opcode < 16; opcode++ {
		whole := packet(t)
		put16(whole, 2, opcode<<11)
		bare := append([]byte(nil), whole[:headerSize]...)
		put16(bare, 4, 0)
		withOPT := packet(t, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		put16(withOPT, 2, opcode<<11)
		for _, c := range []struct {
			query          []byte
			questions, opt int
		}{{whole, 1, 0}, {bare, 0, 0}, {withOPT, 1, 1}, {whole[:headerSize], 0, 0}} {
			if r := a.raw(c.query); u16(r, 2) != flagQR|opcode<<11|notImp || u16(r, 4) != c.questions || u16(r, 10) != c.opt {
				t.Errorf("opcode %d: %x", opcode, r)
			}
		}
	}
}

func TestAcceptance06OneQuestion(t *testing.T) {
	a := newAsker(t, &Options{CookieSecrets: make([][16]byte, 1)})
	for _, n := range []int{0, 2, 3, 65535} {
		q := packet(t)
		put16(q, 4, n)
		if r := a.raw(q); u16(r, 2)&15 != formErr || u16(r, 4) != 0 {
			t.Errorf("%d questions: %x", n, r)
		}
	}
	two := packet(t)
	put16(two, 4, 2)
	two = append(two, two[headerSize:]...)
	if r := a.raw(two); u16(r, 2)&15 != formErr {
		t.Errorf("two questions, both there: %x", r)
	}
	// A query for a cookie alone (RFC 7873 section 5.4).
	m := with(new(dns.Msg), &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})
	r := a.ask(m)
	if r.Rcode != dns.RcodeSuccess || len(r.Question) != 0 || len(r.IsEdns0().Option) != 1 {
		t.Errorf("no question, but a cookie: %v", r)
	}
	if r := a.ask(with(new(dns.Msg))); r.Rcode != dns.RcodeFormatError || r.IsEdns0() == nil {
		t.Errorf("no question, an empty OPT: %v", r)
	}
}

func TestAcceptance07Classes(t *testing.T) {
	a := newAsker(t, &Options{Version: "meridian", ID: "ny1"})
	a.expects(`
		www.example.com A class=HS -> REFUSED -aa
		www.example.com A class=NONE -> REFUSED -aa
		www.example.com A class=ANY -> REFUSED -aa
		www.example.com TXT class=CH -> REFUSED -aa
		Version.Bind TXT class=CH -> NOERROR aa meridian ttl=0
		version.bind ANY class=CH -> NOERROR aa meridian
		version.bind A class=CH -> REFUSED -aa
		version.bind TXT -> REFUSED -aa
		id.server TXT class=CH -> NOERROR aa ny1
		hostname.bind TXT class=CH -> REFUSED -aa
		version.server TXT class=CH -> REFUSED -aa
		www.geo.test TXT class=CH -> REFUSED -aa`)
	for class := 5; class < 1<<16; class += 97 {
		q := packet(t)
		put16(q, len(q)-2, class)
		if r := a.raw(q); u16(r, 2) != flagQR|refused {
			t.Errorf("class %d: %x", class, r)
		}
	}
}

func TestAcceptance08OutsideAllZones(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		outside.elsewhere A rd -> REFUSED -aa rd
		. NS -> REFUSED -aa
		com NS -> REFUSED -aa
		com DS -> REFUSED -aa
		xexample.com A -> REFUSED -aa`)
}

func TestAcceptance09UnusableZones(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		x.broken.test A edns -> SERVFAIL -aa ede=24
		broken.test SOA -> SERVFAIL -aa -opt
		loading.test A edns -> SERVFAIL -aa ede=14
		x.loading.test ANY edns -> SERVFAIL -aa ede=14`)
}

func TestAcceptance10FormatErrors(t *testing.T) {
	a := newAsker(t, &Options{})
	set := func(at, v int) func([]byte) []byte {
		return func(b []byte) []byte { put16(b, at, v); return b }
	}
	more := func(s string) func([]byte) []byte {
		return func(b []byte) []byte { return append(b, s...) }
	}
	opt := "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
	record := "\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"
	owner := func(wire string) func([]byte) []byte {
		return func(b []byte) []byte { put16(b, 8, 1); return append(b, wire+record...) }
	}
	long := func(b []byte, size int) []byte { // a first label of so many octets, all there
		return append(append(b[:headerSize:headerSize], byte(size)), strings.Repeat("a", size)+"\x00\x00\x01\x00\x01"...)
	}
	cases := []struct {
		name  string
		spoil func([]byte) []byte
		want  int
	}{
		{"question cut short", func(b []byte) []byte { return b[:len(b)-1] }, dns.RcodeFormatError},
		{"answer promised", set(6, 1), dns.RcodeFormatError},
		{"authority promised", set(8, 1), dns.RcodeFormatError},
		{"additional promised", set(10, 65535), dns.RcodeFormatError},
		{"octets behind the message", more("x"), dns.RcodeFormatError},
		{"label over 63", set(12, 0x4061), dns.RcodeFormatError},
		{"pointer as name", set(12, 0xc00c), dns.RcodeFormatError},
		{"two OPT", func(b []byte) []byte { put16(b, 10, 2); return append(b, opt+opt...) }, dns.RcodeFormatError},
		{"OPT with a name", func(b []byte) []byte { put16(b, 10, 1); return append(b, "\x01a"+opt...) }, dns.RcodeFormatError},
		{"OPT as answer", func(b []byte) []byte { put16(b, 6, 1); return append(b, opt...) }, dns.RcodeFormatError},
		{"OPT", func(b []byte) []byte { put16(b, 10, 1); return append(b, opt...) }, dns.RcodeSuccess},
		{"label of 64", func(b []byte) []byte { return long(b, 64) }, dns.RcodeFormatError},
		{"label of 63", func(b []byte) []byte { return long(b, 63) }, dns.RcodeRefused},
		{"label of type 10", func(b []byte) []byte { return long(b, 0x80) }, dns.RcodeFormatError},
		{"label of 191", func(b []byte) []byte { return long(b, 191) }, dns.RcodeFormatError},
		{"label of type 01", set(12, 0x8061), dns.RcodeFormatError},
		{"OPT as authority", func(b []byte) []byte { put16(b, 8, 1); return append(b, opt...) }, dns.RcodeFormatError},
		{"OPT with a pointer to the root", func(b []byte) []byte { put16(b, 10, 1); return append(b, "\xc0\x1c"+opt[1:]...) }, dns.RcodeFormatError},
		{"OPT cut short", func(b []byte) []byte { put16(b, 10, 1); return append(b, opt[:10]...) }, dns.RcodeFormatError},
		{"OPT longer than the message", func(b []byte) []byte { put16(b, 10, 1); return append(b, opt[:9]+"\x00\x01"...) }, dns.RcodeFormatError},
		{"a record beside", owner("\xc0\x0c"), dns.RcodeSuccess},
		{"a record whose name is the longest", owner(strings.Repeat("\x01a", 119) + "\xc0\x0c"), dns.RcodeSuccess},
		{"a name over 255 by a pointer", owner(strings.Repeat("\x01a", 120) + "\xc0\x0c"), dns.RcodeFormatError},
		{"a name of 256 by a pointer", owner("\x02aa" + strings.Repeat("\x01a", 118) + "\xc0\x0c"), dns.RcodeFormatError},
		{"pointer forward to a name", func(b []byte) []byte {
			put16(b, 8, 2)
			return append(b, "\xc0\x2d"+record+"\x01a\x00"+record...)
		}, dns.RcodeFormatError},
		{"pointer forward", owner("\xc0\x30"), dns.RcodeFormatError},
		{"pointer to itself", owner("\xc0\x21"), dns.RcodeFormatError},
		{"pointer to the label before it", owner("\x01a\xc0\x21"), dns.RcodeFormatError},
		{"pointer into the header", owner("\xc0\x04"), dns.RcodeFormatError},
		{"half a pointer", func(b []byte) []byte { put16(b, 8, 1); return append(b, 0xc0) }, dns.RcodeFormatError},
	}
	for _, c := range cases {
		r := a.raw(c.spoil(packet(t)))
		if r == nil || u16(r, 2)&15 != c.want {
			t.Errorf("%s: %x, want RCODE %s", c.name, r, dns.RcodeToString[c.want])
		}
	}
}

func TestAcceptance10NameOver255(t *testing.T) {
	a := newAsker(t, &Options{})
	for octets := 250; octets < 260; octets++ {
		q := append([]byte(nil), packet(t)[:headerSize]...)
		q = append(q, strings.Repeat("\x01a", (octets-1)/2)+strings.Repeat("\x00", 1)...)
		if octets%2 == 0 {
			q = append(q[:headerSize], "\x02aa"+strings.Repeat("\x01a", (octets-4)/2)+"\x00"...)
		}
		want := formErr
		if octets <= 255 {
			want = refused
		}
		if r := a.raw(append(q, 0, 1, 0, 1)); u16(r, 2)&15 != want {
			t.Errorf("a name of %d octets: %x", octets, r)
		}
	}
}
