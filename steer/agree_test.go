package steer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// TestAnswersAgreeWithReference compares compiled answers with the plain reference over random address
// spaces, pools, states and clients.
func TestAnswersAgreeWithReference(t *testing.T) {
	for seed := range uint64(80) {
		agreeOver(t, seed, maxRankings)
	}
}

// TestFewerRankingsAgreeWithReference leaves room for only a few rankings, so that they keep fewer tiers.
func TestFewerRankingsAgreeWithReference(t *testing.T) {
	kept := map[int]bool{}
	for seed := range uint64(30) {
		for _, p := range agreeOver(t, 1000+seed, 4+int(seed)/2) {
			kept[p.table.order.keep] = true
		}
	}
	if !kept[wholeTiers] || !kept[0] || len(kept) < 4 {
		t.Errorf("pools kept %v servers in tiers of their own: too few cases", kept)
	}
}

func agreeOver(t *testing.T, seed uint64, limit int) []*pool {
	t.Helper()
	m := newPoolMaker(t, seed, 12)
	pools := make([]Pool, 3)
	for i := range pools {
		pools[i] = m.pool(fmt.Sprintf("p%d", i))
	}
	set, err := compileFor(m.w.part, limit, pools...)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	refs := make([]*reference, len(pools))
	for i := range pools {
		refs[i] = newReference(m.w, &pools[i], set.pools[i].table.order.keep)
	}
	var state *State
	for worse := range 4 {
		h := m.snapshot(worse)
		state = set.With(state, h)
		for i := range pools {
			agree(t, m, state, int32(i), refs[i], seed)
		}
	}
	return set.pools
}

func agree(t *testing.T, m *poolMaker, state *State, pool int32, ref *reference, seed uint64) {
	t.Helper()
	p := state.set.pools[pool].Pool
	health := &refHealth{p, state.health}
	for range 40 {
		c := m.client()
		tiers, scope := ref.client(c)
		for _, qtype := range []uint16{typeA, typeAAAA, 16} {
			ch := state.Answer(Ref{pool, -1}, c, qtype, m.Uint64())
			if err := compare(ch, p, health, tiers, scope, qtype); err != nil {
				t.Fatalf("seed %d, pool %s, type %d, client %+v: %v\npool %+v", seed, p.Name, qtype, c, err, *p)
			}
			if err := named(&ch, p); err != nil {
				t.Fatalf("seed %d, pool %s, type %d, client %+v: %v\npool %+v", seed, p.Name, qtype, c, err, *p)
			}
		}
	}
}

func compare(ch Choice, p *Pool, health *refHealth, tiers [][]int, scope int, qtype uint16) error {
	family := 0
	if qtype == typeAAAA {
		family = 1
	}
	yes, alias := exists(p, family)
	if !alias && (!yes || qtype == 16) {
		if ch.Kind != NoData || ch.Scope != 0 {
			return fmt.Errorf("kind %d scope %d of a type that does not exist", ch.Kind, ch.Scope)
		}
		return nil
	}
	want := health.serve(tiers, family)
	switch {
	case ch.AllDown != want.allDown:
		return fmt.Errorf("all down: got %v, want %v", ch.AllDown, want.allDown)
	case ch.Cap != want.until || ch.TTLMin != p.TTLMin:
		return fmt.Errorf("cap %d, want %d; ttl_min %d", ch.Cap, want.until, ch.TTLMin)
	case want.kind == NoData || want.kind == ServFail:
		if ch.Kind != want.kind || ch.Scope != 0 {
			return fmt.Errorf("kind %d scope %d, want %d, 0", ch.Kind, ch.Scope, want.kind)
		}
		return nil
	case int(ch.Scope) != scope && !(scope == 0 && ch.Scope == 0):
		return fmt.Errorf("scope %d, want %d", ch.Scope, scope)
	}
	return compareRecords(ch, p, want, qtype)
}

func compareRecords(ch Choice, p *Pool, want outcome, qtype uint16) error {
	if p.Pick == Weighted || p.Pick == Sticky {
		return compareDrawn(ch, p, want, qtype)
	}
	got, err := records(ch, qtype)
	if err != nil {
		return err
	}
	if all := slices.Concat(want.records...); !slices.Equal(got, all) {
		return fmt.Errorf("records %v, want %v", got, all)
	}
	return nil
}

// compareDrawn checks that every part is a server's records, no server twice, as many as asked for.
func compareDrawn(ch Choice, p *Pool, want outcome, qtype uint16) error {
	left := slices.Clone(want.records)
	n := min(max(p.N, 1), len(left))
	alias := 0
	for _, r := range left {
		if r[0][:1] == "C" {
			alias++
		}
	}
	if ch.Kind == Addresses && (ch.N > n || ch.N < min(n, len(left)-alias)) {
		return fmt.Errorf("%d parts of %d servers, n = %d", ch.N, len(left), n)
	}
	parts := max(ch.N, 1)
	for i := range parts {
		one := ch
		one.Parts[0], one.N = ch.Parts[i], min(ch.N, 1)
		one.RRs = len(ch.Parts[i]) / max(1, recordSize(qtype))
		got, err := records(one, qtype)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(left, func(r []string) bool { return slices.Equal(r, got) })
		if at < 0 {
			return fmt.Errorf("part %v is none of %v", got, left)
		}
		left = slices.Delete(left, at, at+1)
	}
	return nil
}

func recordSize(qtype uint16) int { return map[uint16]int{typeA: 16, typeAAAA: 28, 16: 1}[qtype] }

// records reads an answer and checks the fixed parts of its wire form.
func records(ch Choice, qtype uint16) ([]string, error) {
	if ch.Kind == Alias {
		if ch.N != 0 {
			return nil, fmt.Errorf("an alias with %d parts", ch.N)
		}
		return []string{"CNAME " + presentation(ch.Alias)}, nil
	}
	var out []string
	wire := bytes.Join(ch.Parts[:ch.N], nil)
	head := binary.BigEndian.AppendUint16([]byte{0xc0, 0x0c}, qtype)
	head = append(head, 0, 1, 0, 0, 0, 0, 0, byte(recordSize(qtype)-12))
	for size := recordSize(qtype); len(wire) >= size; wire = wire[size:] {
		if !bytes.HasPrefix(wire, head) {
			return nil, fmt.Errorf("a record begins with %x", wire[:12])
		}
		a, _ := netip.AddrFromSlice(wire[12:size])
		out = append(out, a.String())
	}
	if len(wire) > 0 || len(out) != ch.RRs {
		return nil, fmt.Errorf("%d records announced, %d found, %d bytes over", ch.RRs, len(out), len(wire))
	}
	return out, nil
}

// named holds the servers that a choice tells of against the records in it: each has one, and each record one.
func named(ch *Choice, p *Pool) error {
	holds := map[string]bool{}
	for _, a := range answerText(*ch) {
		holds[a] = true
	}
	seen := map[uint32]bool{}
	for _, number := range ch.Servers() {
		if seen[number] {
			return fmt.Errorf("server %d is named twice", number)
		}
		seen[number] = true
		if number == 0 || int(number) > len(p.Servers)+len(p.Fallback) {
			return fmt.Errorf("there is no server %d", number)
		}
		s := slices.Concat(p.Servers, p.Fallback)[number-1]
		own := []string{"CNAME " + plain(s.CNAME)}
		for _, a := range s.Addrs {
			own = append(own, a.Addr.String())
		}
		if !slices.ContainsFunc(own, func(a string) bool { return holds[a] }) {
			return fmt.Errorf("%s is named, but not in the answer %v", s.Name, holds)
		}
		for _, a := range own {
			delete(holds, a)
		}
	}
	if len(holds) > 0 {
		return fmt.Errorf("nobody is named for %v", holds)
	}
	return nil
}
