// Package config reads Meridian's configuration: strict TOML in, checked plain values out. It is the only package
// that knows TOML, and it imports nothing of ours, so its values are turned into the options of the other packages by
// the caller.
//
// What can be judged from the text alone is judged here: types, ranges, syntax, names that refer to nothing, rules
// that contradict each other. References between servers, pools, checks, sites and groups arrive resolved, as indices
// or copies. What needs data stays text for the caller: cities, country and subdivision codes, files. Such values
// carry a Pos, "file:line: key.path", to put before an error that is found later.
//
// Load and Parse have no state and may run at the same time. A Config is never changed by this package after it is
// returned; it is safe for concurrent use as long as nobody writes to it.
package config

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Config is one checked configuration. Every default is filled in.
type Config struct {
	Path    string           // of the file, absolute
	Listen  []netip.AddrPort // at least one, no two alike; UDP and TCP; port 0: any free one
	Zones   string           // folder of the master files, absolute
	State   string           // folder for what must last, absolute
	Debug   []netip.Prefix   // clients that may ask for explanations over DNS; may be empty
	Workers int              // UDP workers; 0: the processors this process may use at the start

	Identity Identity
	// CookieSecrets of RFC 9018: the first signs, all verify. Empty: the caller keeps one in State.
	CookieSecrets [][16]byte
	Limits        Limits

	Geo         Geo
	Servers     []Server         // in the order of the file
	Checks      map[string]Check // those named in [checks]; the pools hold their own copies
	ZoneOptions map[string]Zone  // by name in lower case without a final dot; the root is "."
	Pools       []Pool           // in the order of the file

	API      API
	Freeze   Freeze
	Alerts   Alerts
	QueryLog QueryLog
	Dnstap   Dnstap
}

// Identity is what the server tells of itself. An empty field is never told.
type Identity struct {
	NSID     string // EDNS NSID (RFC 5001), its bytes
	Version  string // CH TXT version.bind
	Hostname string // CH TXT hostname.bind
	ID       string // CH TXT id.server
}

// Limits bounds what clients and zone files may use.
type Limits struct {
	TCPIdle        time.Duration // a connection without a query for so long is closed
	TCPConnections int           // in all
	TCPPerClient   int           // per IPv4 address or IPv6 /64
	ZoneRecords    int           // records of one zone
	ZoneGenerate   int           // records of one $GENERATE line
}

// Zone holds the options of one zone.
type Zone struct {
	SerialAuto bool    // the serial is the newest time of the zone's files
	DNSSEC     *DNSSEC // nil: not signed here
	Pos        string  // "file:line: key.path"
}

// Geo says where the places of client addresses come from.
type Geo struct {
	City   []string          // files, absolute; empty: the embedded world
	ASN    []string          // files, absolute; may be empty
	Fields map[string]string // "latitude", "longitude", "country", "continent", "subdivision", "asn" -> dotted path in a record
	// Groups by name; rules hold their tokens already. Those no rule uses are here for the caller to judge, too.
	Groups map[string][]Token
}

// Load reads and checks the file at path. An error is either Problems, which lists everything wrong with the file, or
// says why it could not be read.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, data)
}

// readFile reads a regular file, hardly further than Parse takes it. A pipe without a writer would hold up a reload,
// and with it the end of the process, for ever; a device may have no end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() { // reading a folder fails with words for it
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxSize {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", path, info.Size(), maxSize)
	}
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

// Parse is Load for text in memory. name is used in messages, and paths are relative to its folder.
func Parse(name string, data []byte) (*Config, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	r := &report{file: name}
	root := parseTree(r, data)
	if root == nil {
		return nil, r.err()
	}
	c := r.config(root, path)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// config reads the whole document. Pools come last: they refer to everything else.
func (r *report) config(root *node, path string) *Config {
	t := r.section(root)
	dir := filepath.Dir(path)
	c := &Config{
		Path:          path,
		Listen:        t.listen("listen"),
		Zones:         t.zonesFolder("zones", dir),
		State:         absolute(dir, t.text("state", "/var/lib/meridian")),
		Debug:         t.debug("debug"),
		Workers:       t.integer("workers", 0, 1, 1024),
		Identity:      r.identity(t.get("identity")),
		CookieSecrets: r.cookies(t.get("cookies")),
		Limits:        r.limits(t.get("limits")),
	}
	c.API, c.Freeze, c.Alerts = r.api(t.get("api"), dir), r.freeze(t.get("freeze")), r.alerts(t.get("alerts"), dir)
	c.QueryLog, c.Dnstap = r.queryLog(t.get("query_log"), dir), r.dnstap(t.get("dnstap"), dir)
	c.Geo = r.geo(t.get("geo"), dir)
	before := len(r.list)
	c.Servers = r.servers(t.get("servers"))
	sound := len(r.list) == before
	c.Checks = r.checks(t.get("checks"), dir)
	c.ZoneOptions = r.zones(t.get("zone"))
	refs := newReferences(r, c, sound)
	refs.watches(t.node.kids["servers"])
	c.Pools = refs.pools(t.get("pools"))
	t.close()
	return c
}

// absolute returns path as seen from dir.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// zonesFolder reads the folder of the master files. A table is told where it belongs: TOML has no key that is both.
func (t *table) zonesFolder(key, dir string) string {
	n := t.node.kids[key]
	if n != nil {
		if _, ok := n.value.(map[string]any); ok {
			t.get(key)
			t.at(n, `expected a string, the folder of the zone files, found a table; options of a zone stand in [zone."example.com"]`)
			return ""
		}
	}
	return absolute(dir, t.text(key, "zones"))
}

// zones reads the options of the zones that have some.
func (r *report) zones(n *node) map[string]Zone {
	zones := make(map[string]Zone)
	for _, kid := range r.section(n).node.order {
		name, err := zoneName(kid.key)
		if err != nil {
			r.at(kid, "%v", err)
		}
		if _, ok := zones[name]; ok && err == nil {
			r.at(kid, "zone %s stands here twice", name)
		}
		t := r.section(kid)
		zones[name] = Zone{
			SerialAuto: t.choice("serial", "file", "auto") == "auto", DNSSEC: t.dnssec(), Pos: r.pos(kid),
		}
		t.close()
	}
	return zones
}
