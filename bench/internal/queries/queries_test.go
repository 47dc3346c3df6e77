package queries

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func parse(t *testing.T, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("% x: %v", b, err)
	}
	return m
}

func TestAIsAQueryOthersUnderstand(t *testing.T) {
	for _, subnet := range []string{"192.0.2.0/24", "10.0.0.0/8", "198.51.100.128/25"} {
		p := netip.MustParsePrefix(subnet)
		b, err := A("www.example.com.", p)
		if err != nil {
			t.Fatal(err)
		}
		m := parse(t, b)
		if q := m.Question; len(q) != 1 || q[0].Name != "www.example.com." || q[0].Qtype != dns.TypeA || m.RecursionDesired {
			t.Errorf("question %v", m)
		}
		opt := m.IsEdns0()
		if opt == nil || opt.UDPSize() != udpSize || len(opt.Option) != 1 {
			t.Fatalf("OPT %v", opt)
		}
		e := opt.Option[0].(*dns.EDNS0_SUBNET)
		if got, _ := netip.AddrFromSlice(e.Address.To4()); got != p.Addr() || int(e.SourceNetmask) != p.Bits() || e.SourceScope != 0 {
			t.Errorf("client subnet %v, want %v", e, p)
		}
	}
}

func TestAWithoutSubnet(t *testing.T) {
	b, err := A("example.com", netip.Prefix{})
	if err != nil {
		t.Fatal(err)
	}
	if opt := parse(t, b).IsEdns0(); opt == nil || len(opt.Option) != 0 {
		t.Errorf("OPT %v", opt)
	}
}

func TestARefusesLabels(t *testing.T) {
	for _, name := range []string{"a..b", string(bytes.Repeat([]byte("a"), 64)) + ".b"} {
		if _, err := A(name, netip.Prefix{}); err == nil {
			t.Errorf("%q passes", name)
		}
	}
}

func TestClientsAreOrdinaryAndRepeat(t *testing.T) {
	a, b := Clients(20000, 1), Clients(20000, 1)
	for i, p := range a {
		if p != b[i] {
			t.Fatalf("client %d is %v and %v", i, p, b[i])
		}
		if ip := p.Addr(); ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || p.Bits() != 24 {
			t.Errorf("client %v", p)
		}
	}
	if Clients(1, 2)[0] == a[0] {
		t.Error("two seeds give the same clients")
	}
}

func TestStaticMissesAsManyAsAsked(t *testing.T) {
	s, err := Static("example.com.", 1000, 5000, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for i := range s.Len() {
		if len(s.At(i)) != len(s.At(0)) {
			t.Fatal("queries differ in length")
		}
		if parse(t, s.At(i)).Question[0].Name[0] == 'x' {
			missing++
		}
	}
	if missing < 900 || missing > 1100 {
		t.Errorf("%d of 5000 are for missing names, want about 1000", missing)
	}
}

func TestFileFormat(t *testing.T) {
	s, err := Geo("www.example.com.", 100, 3)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := s.Write(&file); err != nil {
		t.Fatal(err)
	}
	raw := file.Bytes()
	if n := int(raw[0])<<8 | int(raw[1]); n != len(s.At(0)) || !bytes.Equal(raw[2:2+n], s.At(0)) {
		t.Errorf("the first message is not framed as over TCP: % x", raw[:2])
	}
	got, err := Read(bytes.NewReader(raw))
	if err != nil || got.Len() != s.Len() {
		t.Fatalf("read %d queries: %v", got.Len(), err)
	}
	for i := range s.Len() {
		if !bytes.Equal(got.At(i), s.At(i)) {
			t.Fatalf("query %d differs", i)
		}
	}
	for _, cut := range []int{1, 2, len(raw) - 1} {
		if _, err := Read(bytes.NewReader(raw[:cut])); err == nil {
			t.Errorf("a file cut at %d passes", cut)
		}
	}
}
