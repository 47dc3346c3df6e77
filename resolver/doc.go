// Package resolver is the decision of a nameserver: the octets of a query in,
// the octets of the answer out.
//
// A View holds everything a query needs (zones, pools, identity) and never
// changes; whoever serves loads one per query and calls Answer. Answer has no
// clock, no log, no source of randomness and no I/O: what it needs of those
// comes with the Request. It allocates nothing, except for explanations asked
// for over DNS, and it holds no locks, so any number of goroutines may use one
// View, each with a Scratch of its own.
//
// The path of a query reads top to bottom in answer.go: header, question,
// EDNS, zone, node, geo ranking, authority, additional, OPT.
package resolver
