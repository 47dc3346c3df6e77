// Package steer decides which servers a client is sent to.
//
// Compile turns pools into tables once: every block of the address space (a /24 or a /56) maps to a ranking,
// which is an ordered list of tiers of servers. Set.With joins those rankings with the states of the health
// checks and gives a State, which holds finished answers in wire form. State.Answer is the query path: it
// finds the client's ranking, reads the answer that stands behind it and reports the scope, without a lock,
// a clock or an allocation. State.Explain tells a person the same decision in words.
//
// The promises the rest of the project relies on:
//   - Whether a type exists at a pool depends on the pool alone, never on the client, a rule or the state of
//     a check (RFC 7871 section 7.4), except where all_down = "nodata" asks for just that.
//   - Two clients in one reported scope have the same ranking, and scopes that overlap never carry different
//     rankings, at the granularity of /24 and /56.
//   - Rankings do not depend on health; a State costs in proportion to the pools whose checks changed.
//
// A Set and a State never change once they are returned and may be used by any number of goroutines at once,
// as may Ref, Client, Choice and Explanation, which are plain values. Pools, rules and the partition handed
// to Compile are kept and must not be changed afterwards.
package steer

import (
	"net/netip"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Address is one address of a server and the check that watches it.
type Address struct {
	Addr netip.Addr       // IPv4 or IPv6, not IPv4-mapped
	Slot healthcheck.Slot // healthcheck.NoCheck: counts as up
}

// Server is a machine that answers point at: either addresses or a CNAME target, never both.
type Server struct {
	Name, Site string
	At         geo.Point // only if Located
	Located    bool      // a server without a location is behind all that have one in the order "nearest"
	Addrs      []Address
	CNAME      string           // absolute name in presentation form, "cdn.example.net."
	Slot       healthcheck.Slot // the check of the CNAME target
	Weight     int              // for the picks Weighted and Sticky; 0: only if no other server of the tier is healthy
	Number     uint32           // of the server in this pool, by which Choice.Servers tells of it
}

// Order says how a tier is split into smaller ones.
type Order uint8

const (
	Nearest  Order = iota // by distance, in bands that count as equally near
	Listed                // every server is a tier
	Together              // no split
)

// Pick says which servers of the serving tier are answered.
type Pick uint8

const (
	All      Pick = iota // every healthy address, at most N (8)
	Weighted             // N (1) servers drawn anew for each query, by weight
	Sticky               // N (1) servers chosen by a rendezvous hash of the client's /24 or /56
	First                // the first N (1) healthy servers, walking on into later tiers
)

// AllDown says what is answered when no server of a ranking is healthy in the family asked for.
type AllDown uint8

const (
	ServeAll    AllDown = iota // the nearest tier, as if every candidate in it were up
	UseFallback                // Pool.Fallback; a family no fallback server carries is answered as by ServeAll
	DenyData                   // NODATA
	Fail                       // SERVFAIL
)

// Kind says what a Choice holds.
type Kind uint8

const (
	Addresses Kind = iota // Choice.Parts
	Alias                 // Choice.Alias
	NoData                // nothing: the type does not exist, or AllDown is DenyData
	ServFail              // nothing: AllDown is Fail, or the Ref is of another Set
)

// Pool is what a GEO record names.
type Pool struct {
	Name     string
	Servers  []Server // in file order
	Each     bool     // steer each family over the servers that carry it; else a family is served only if all do
	Rules    []Rule
	Order    Order
	Pick     Pick
	N        int // 0: the default of the pick
	MinUp    int // how many healthy servers make a tier serve; 0 counts as 1
	AllDown  AllDown
	Fallback []Server // for UseFallback
	TTLMin   uint32   // seconds; 0: half the record's TTL, at least 5
}

// Rule maps clients to servers.
type Rule struct {
	Tokens []Token
	Tiers  [][]int // indices into Pool.Servers
	Fence  bool    // servers that are not named are left out, else they form a last tier
	Source string  // as written, for explanations
}

// TokenKind is what a token looks at; a greater kind is more specific.
type TokenKind uint8

const (
	Default TokenKind = iota // every client, unknown places too
	Continent
	Country
	Subdivision
	ASN
	Net
)

// Token is one condition of a rule; which field counts follows from Kind.
type Token struct {
	Kind        TokenKind
	Net         netip.Prefix // no longer than /24 or /56
	ASN         uint32
	Subdivision geo.Subdivision
	Code        geo.Code // country or continent
	Group       string   // the group the token came from; empty if the rule names it itself
}

// Ref names a pool, or one server of it, by index; it is valid for the Set that gave it.
type Ref struct {
	Pool   int32
	Server int32 // -1: the pool decides; else this server is answered whatever its health
}

// Info says which types exist at a reference. Where OnlyCNAME is set every type is answered with a CNAME.
type Info struct {
	A, AAAA   bool
	CNAME     bool // some answer may be a CNAME, so the GEO record must stand alone
	OnlyCNAME bool
	NoData    bool // all_down = "nodata": a type that exists may come and go
}

// Client says for whom a query is answered.
type Client struct {
	Resolver  netip.Addr // whence the query came; unmapped
	Subnet    netip.Addr // client subnet masked to Source; of family 2 it must be 16 bytes, IPv4-mapped or not
	Source    uint8      // SOURCE PREFIX-LENGTH
	HasSubnet bool       // without it, and with Source 0, the resolver's address counts
}

// Choice is an answer and what a reply must say about it. Its byte slices belong to the State: read only.
type Choice struct {
	Kind    Kind
	Parts   [8][]byte // resource records: owner c00c, type, class IN, TTL 0, RDLENGTH, RDATA
	N       int       // how many of Parts are in use
	RRs     int       // how many records the parts hold together
	Alias   []byte    // the target of the CNAME, uncompressed wire form
	Scope   uint8     // of the ranking used; 0 without a client subnet and for answers without data
	Cap     uint32    // seconds until the answer may change, 0: every check behind it is settled
	AllDown bool      // no server of the ranking is healthy
	TTLMin  uint32    // Pool.TTLMin
	Variant uint32    // the place of the answer's RRset in State.Variants

	servers []uint32
	drawn   [8]uint32 // in place of servers, as long as Parts
	nDrawn  int
}

// Servers tells the numbers of the servers that the answer holds, good as long as the Choice.
func (ch *Choice) Servers() []uint32 {
	if ch.nDrawn > 0 {
		return ch.drawn[:ch.nDrawn]
	}
	return ch.servers
}
