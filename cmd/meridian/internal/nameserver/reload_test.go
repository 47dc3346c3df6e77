package nameserver

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestPoolAndZoneAreRenamedTogether renames a pool and the record that names it in one reload, though the zone is
// refused under the old configuration and the version served has no pool in the new one.
func TestPoolAndZoneAreRenamedTogether(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	n := h.run()
	h.write("zones/example.com.zone", strings.Replace(zoneOf(2), "GEO web", "GEO www", 1))
	h.write("meridian.toml", strings.Replace(h.configOf("127.0.9.2"), "[pools.web]", "[pools.www]", 1))
	if err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	var a asker
	if got := a.ask(n.View(), "www.example.com.", dns.TypeA); got != "127.0.9.2" {
		t.Errorf("answer %s; problems: %v", got, n.Status().Problems)
	}
}

// TestRenameWithoutListener holds that a reload which fails for its listener leaves zones with the old pools, though
// they were renamed too.
func TestRenameWithoutListener(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	n := h.run()
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	h.write("zones/example.com.zone", strings.Replace(zoneOf(2), "GEO web", "GEO www", 1))
	renamed := strings.Replace(h.configOf("127.0.9.2"), "[pools.web]", "[pools.www]", 1)
	h.write("meridian.toml", strings.Replace(renamed, h.listen, busy.Addr().String(), 1))
	for range 3 {
		if err := n.Reload(context.Background()); err == nil {
			t.Fatal("the reload went well")
		}
		n.folder.Reload(context.Background()) // as an event would
		var a asker
		if got := a.ask(n.View(), "www.example.com.", dns.TypeA); got != "127.0.9.1" {
			t.Errorf("answer %s", got)
		}
	}
}

// TestOldGeoDataIsGivenBack holds that nothing keeps pools compiled over a database that was replaced.
func TestOldGeoDataIsGivenBack(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	n := h.run()
	old := weak.Make(n.Plan().Set)
	h.write("city.mmdb", smallWorld(t)) // another file of the same content
	if err := n.reloadGeo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if old.Value() == n.Plan().Set {
		t.Fatal("the file was not read again")
	}
	for end := time.Now().Add(time.Minute); old.Value() != nil; runtime.GC() {
		if time.Now().After(end) {
			t.Fatal("the old pools are still in memory")
		}
	}
}

// TestSettingsOfTheStart holds that what takes a new start stays as it is, each reload says so, and nothing else is
// told to clients.
func TestSettingsOfTheStart(t *testing.T) {
	h := newHome(t)
	good := h.configOf("127.0.9.1")
	h.write("meridian.toml", good)
	n := h.run()
	core, logs := observer.New(zap.WarnLevel)
	n.log = zap.New(core)
	h.write("meridian.toml", "limits.tcp_idle = \"2s\"\n"+good)
	for range 2 {
		if err := n.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := n.told.IdleTimeout; got != 100 {
			t.Errorf("an idle timeout of %d00 ms is told, but 10 s are kept", got)
		}
	}
	h.write("meridian.toml", good)
	if err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range logs.All() {
		said = append(said, e.Message)
	}
	if want := "limits.tcp_* has changed; it takes effect at the next start"; !slices.Equal(said, []string{want, want}) {
		t.Errorf("logged %q", said)
	}
}

// TestStaleControlSocket starts where a nameserver ended between making its socket and giving it its name.
func TestStaleControlSocket(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	for _, name := range []string{"state/control.sock", "state/control.sock.new"} {
		h.write(name, "")
	}
	h.run()
	if info, err := os.Stat(filepath.Join(h.dir, "state", socketName)); err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v", info, err)
	}
}

// TestGroupsAreJudged finds what is wrong in groups, used or not, and tells it once.
func TestGroupsAreJudged(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1")+
		"[pools.web.rules]\n\"group:used\" = \"one\"\n[geo.groups]\nused = \"country:XX\"\nidle = \"country:XY\"\n")
	r, err := Check(t.Context(), filepath.Join(h.dir, "meridian.toml"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range r.Errors {
		_, text, _ := strings.Cut(e, ": ")
		found = append(found, text)
	}
	slices.Sort(found)
	want := []string{
		"geo.groups.idle: country:XY: no such country in ISO 3166-1",
		"geo.groups.used: country:XX: no such country in ISO 3166-1",
	}
	if !slices.Equal(found, want) {
		t.Errorf("%q", r.Errors)
	}
}
