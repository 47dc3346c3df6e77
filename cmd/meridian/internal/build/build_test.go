//go:build linux

package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/internal/flat"
	"github.com/meridian-dns/meridian/steer"
)

// TestMain lets this program be its own child, as meridian is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == Command {
		if os.Getenv("MERIDIAN_TEST_DIES") != "" {
			panic("out of memory")
		}
		if os.Getenv("MERIDIAN_TEST_KILLED") != "" {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		if err := Work(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func pools() []steer.Pool {
	server := func(name string, lat, lon float64) steer.Server {
		return steer.Server{Name: name, At: geo.Point{Lat: lat, Lon: lon}, Located: true, Weight: 1, Addrs: []steer.Address{
			{Addr: netip.MustParseAddr("192.0.2.1"), Slot: healthcheck.NoCheck},
		}}
	}
	near := steer.Pool{Name: "near", Servers: []steer.Server{server("a", 40, -74), server("b", 50, 8), server("c", 1, 103)}}
	ruled := near
	ruled.Name = "ruled"
	ruled.Rules = []steer.Rule{{
		Tiers: [][]int{{1}}, Tokens: []steer.Token{
			{Kind: steer.Net, Net: netip.MustParsePrefix("203.0.113.0/24")}, {Kind: steer.Net, Net: netip.MustParsePrefix("2001:db8::/32")},
			{Kind: steer.Country, Code: geo.Code{'J', 'P'}},
		},
	}}
	like := near
	like.Name = "like"
	return []steer.Pool{near, ruled, like}
}

// made is all that a builder makes, and the octets of it.
type made struct {
	db     *geo.Database
	part   *geo.Partition
	set    *steer.Set
	octets [2][]byte
}

// builder is either of the two.
type builder interface {
	Open(context.Context, geo.Options) (*geo.Database, error)
	Cut(context.Context, *geo.Database, geo.Want) (*geo.Partition, error)
	Rank(context.Context, *geo.Partition, []steer.Pool) (steer.Tables, error)
}

func makeAll(t *testing.T, b builder, o geo.Options) made {
	t.Helper()
	var m made
	var err error
	if m.db, err = b.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if m.part, err = b.Cut(t.Context(), m.db, steer.Want(pools())); err != nil {
		t.Fatal(err)
	}
	lacking, err := steer.Lacking(m.db, m.part, pools(), steer.Tables{})
	if err != nil || len(lacking) != 2 {
		t.Fatalf("%d kinds of pools, want 2: %v", len(lacking), err)
	}
	tables, err := b.Rank(t.Context(), m.part, lacking)
	if err != nil {
		t.Fatal(err)
	}
	if m.set, err = steer.CompileWith(m.db, m.part, pools(), tables); err != nil {
		t.Fatal(err)
	}
	for i, save := range []func(*flat.Writer) error{
		m.db.Save,
		func(w *flat.Writer) error { m.set.Save(w); return nil },
	} {
		var b bytes.Buffer
		w := flat.NewWriter(&b)
		if err := save(w); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Pieces(); err != nil {
			t.Fatal(err)
		}
		m.octets[i] = b.Bytes()
	}
	return m
}

// TestChildMakesTheSame compares all that is made here and in a child, octet by octet, and how it answers.
func TestChildMakesTheSame(t *testing.T) {
	for name, o := range map[string]geo.Options{
		"embedded world": {},
		"a file":         {City: []string{"../../../../testdata/geo/maxmind-city.mmdb"}},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := makeAll(t, Here{}, o), makeAll(t, Child{Eager: true}, o)
			for i, what := range []string{"databases", "tables"} {
				if !bytes.Equal(here.octets[i], there.octets[i]) {
					t.Errorf("the %s differ: %d and %d octets", what, len(here.octets[i]), len(there.octets[i]))
				}
			}
			samePartition(t, here.part, there.part)
			if !reflect.DeepEqual(here.db.Sources(), there.db.Sources()) || here.db.Has() != there.db.Has() {
				t.Errorf("sources %v and %v", here.db.Sources(), there.db.Sources())
			}
			for _, addr := range []string{"81.2.69.142", "203.0.113.7", "2001:db8::1", "2a02:8000::1", "10.0.0.1"} {
				c := steer.Client{Resolver: netip.MustParseAddr(addr)}
				for i := range int32(3) {
					r := steer.Ref{Pool: i, Server: -1}
					a, b := here.set.With(nil, nil).Explain(r, c, 1), there.set.With(nil, nil).Explain(r, c, 1)
					if !reflect.DeepEqual(a, b) {
						t.Errorf("%s: here %+v, there %+v", addr, a, b)
					}
				}
			}
		})
	}
}

func samePartition(t *testing.T, a, b *geo.Partition) {
	t.Helper()
	if !slices.Equal(a.Places, b.Places) || !slices.Equal(a.Nets, b.Nets) {
		t.Error("places or networks differ")
	}
	if !reflect.DeepEqual(a.V4, b.V4) || !reflect.DeepEqual(a.V6, b.V6) {
		t.Error("atoms differ")
	}
	if a.Mixes.Len() != b.Mixes.Len() {
		t.Fatalf("%d and %d mixes", a.Mixes.Len(), b.Mixes.Len())
	}
	for i := range a.Mixes.Len() {
		if !slices.Equal(a.Mixes.At(i), b.Mixes.At(i)) {
			t.Fatalf("mix %d differs", i)
		}
	}
}

// TestTablesAreTakenOver holds that a child is asked only for what changed.
func TestTablesAreTakenOver(t *testing.T) {
	m := makeAll(t, Child{Eager: true}, geo.Options{})
	changed := pools()
	changed[0].Servers = slices.Clone(changed[0].Servers)
	changed[0].Servers[1].At.Lat = -50
	lacking, err := steer.Lacking(m.db, m.part, changed, m.set.Tables())
	if err != nil || len(lacking) != 1 || lacking[0].Name != "near" {
		t.Fatalf("%v lack tables: %v", lacking, err)
	}
}

func TestErrorOfAChild(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.mmdb")
	text, err := os.ReadFile("../../../../testdata/geo/maxmind-city.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, text[:len(text)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	o := geo.Options{City: []string{broken}}
	_, want := Here{}.Open(t.Context(), o)
	_, got := Child{Eager: true}.Open(t.Context(), o)
	if want == nil || got == nil || got.Error() != want.Error() {
		t.Errorf("error %v, want %v", got, want)
	}
}

// TestLostChild: one that dies or is killed leaves an error that says how, and so does one that is given up.
func TestLostChild(t *testing.T) {
	t.Setenv("MERIDIAN_TEST_DIES", "1")
	_, err := Child{Eager: true}.Open(t.Context(), geo.Options{})
	const want = "reading the geo databases: the process that does it ended early (exit status 2): panic: out of memory"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	os.Unsetenv("MERIDIAN_TEST_DIES")
	t.Setenv("MERIDIAN_TEST_KILLED", "1")
	const killed = "reading the geo databases: the process that does it ended early (signal: killed)"
	if _, err = (Child{Eager: true}).Open(t.Context(), geo.Options{}); err == nil || err.Error() != killed {
		t.Errorf("error %v, want %s", err, killed)
	}
	os.Unsetenv("MERIDIAN_TEST_KILLED")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err = (Child{Eager: true}).Open(ctx, geo.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	if _, err = (Child{Eager: true}).Open(ctx, geo.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up before it began: error %v, want that of the context", err)
	}
}

// TestAlone: what was made here is worked on here.
func TestAlone(t *testing.T) {
	o := geo.Options{City: []string{"../../../../testdata/geo/maxmind-city.mmdb"}}
	db, err := Here{}.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	part, err := Child{}.Cut(t.Context(), db, steer.Want(pools()))
	if err != nil || part.Region() != nil {
		t.Fatalf("region %v, %v", part.Region(), err)
	}
	tables, err := Child{}.Rank(t.Context(), part, pools())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := steer.CompileWith(db, part, pools(), tables); err != nil {
		t.Error(err)
	}
}

func TestWorkWithoutAJob(t *testing.T) {
	if err := Work(strings.NewReader("hello"), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "for serve alone") {
		t.Errorf("error %v", err)
	}
}
