package admin

import "time"

// What an order makes of servers.
const (
	Drain = "drain" // they leave the candidates
	Up    = "up"    // they count as up whatever their checks say
	Down  = "down"  // they count as down
)

// Order is a drain or a forced state, with who, when and why.
type Order struct {
	ID      string    `json:"id"`
	Kind    string    `json:"kind"`   // Drain, Up, Down
	Server  string    `json:"server"` // a name, a glob such as "eu-*", or a site such as "site:europe"
	Pool    string    `json:"pool"`   // a name or a glob; "": all
	Reason  string    `json:"reason"`
	Who     string    `json:"who"` // as the caller says
	By      string    `json:"by"`  // as the nameserver knows the caller
	Made    time.Time `json:"made"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`  // zero: until it is released
	For     int64     `json:"for_ns"` // how long from From on; 0: until it is released
	Planned bool      `json:"planned"`
	Matches []string  `json:"matches"` // the servers it concerns now
}

// Target is what an order concerns, in one line.
func (o *Order) Target() string {
	if o.Pool == "" {
		return o.Server
	}
	return o.Server + " in " + o.Pool
}

// OrderRequest asks for orders, one for each server and each pool named, at most 100. One of the same kind for the same takes the
// place of the former, and so does a forced state that of another.
type OrderRequest struct {
	Kind    string   `json:"kind"`
	Servers []string `json:"servers"`
	Pools   []string `json:"pools,omitempty"`
	For     string   `json:"for,omitempty"` // a duration, "1h30m"; empty: until it is released
	At      string   `json:"at,omitempty"`  // when it begins, RFC 3339; empty: now
	Reason  string   `json:"reason,omitempty"`
	Who     string   `json:"who,omitempty"`
}

// ReadmitRequest names servers.
type ReadmitRequest struct {
	Servers []string `json:"servers"` // names, globs, sites
	Who     string   `json:"who,omitempty"`
}

// ReleaseRequest names orders: by what they were given for, or by their id, and by kind.
type ReleaseRequest struct {
	ID      string   `json:"id,omitempty"`
	Kinds   []string `json:"kinds,omitempty"`   // empty: any
	Servers []string `json:"servers,omitempty"` // as in orders; a glob names all orders it fits
	Pools   []string `json:"pools,omitempty"`   // empty: any
	Reason  string   `json:"reason,omitempty"`
	Who     string   `json:"who,omitempty"`
}
