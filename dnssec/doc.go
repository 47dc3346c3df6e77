// Package dnssec holds what a signed zone needs: its keys and their times, what of them is published and which of them
// sign at a moment, and how they are replaced.
//
// A Key is one key pair with the absolute times of its life. The Ring of a zone is all its keys, read from a folder of
// files in the form that BIND's tools use. Ring.Plan is a pure function of the ring and the time: the DNSKEY, CDS and
// CDNSKEY RRsets to publish, and the keys that sign. Every nameserver of a zone has the same files and follows the same
// times, so none of them needs to speak to another.
//
// Nothing but Generate makes a key, and nothing calls it but the command that makes a zone's first keys and a Roller,
// which only one nameserver of a zone has: two nameservers that each made their own keys would break the zone.
//
// Keys, rings and plans are not changed once they are in use and are safe for concurrent use.
package dnssec
