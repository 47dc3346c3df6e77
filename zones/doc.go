// Package zones turns master files into checked, compiled, immutable zones,
// and keeps a folder of them loaded.
//
// Text goes one way: a scanner cuts it into entries, a parser makes wire-form
// records that know their file and line, rules check them owner by owner, a
// compiler makes a Zone, and further rules check what needs lookups. Whatever
// is wrong becomes a Problem; a zone with one that is no warning is not
// served, and its last good version serves on. Text from outside never makes
// the package panic, and Limits bound what a zone may cost.
//
// A Zone and a Set are immutable and safe for concurrent use, as are their
// RRsets, which are views of the zone's own memory. A Name is scratch space of
// one goroutine. A Folder is safe for concurrent use: it builds aside and
// hands over a new Set whenever something has changed.
package zones
