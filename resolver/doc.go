// Package resolver is the decision of a nameserver: the octets of a query in,
// the octets of the answer out.
//
// A View holds everything a query needs (zones, pools, identity) and never
// changes; whoever serves loads one per batch of queries, calls Prepare for all
// of them and Write for each; Answer is both for one query. They have no
// clock, no log, no source of randomness and no I/O: what they need of those
// comes with the Request. They allocate nothing, except for explanations asked
// for over DNS, and hold no locks, so any number of goroutines may use one
// View, each with a Scratch of its own.
//
// The path of a query reads top to bottom in answer.go: header, question,
// EDNS, zone, node, geo ranking, authority, additional, OPT. prepare.go is about
// time alone: what many queries will read of large tables, it reads at once.
package resolver
