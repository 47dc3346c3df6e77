package dnssec

import "time"

// Timing says how long things take, and so how long keys are kept. All fields are needed.
type Timing struct {
	Ahead       time.Duration // new times are written so long before they come, for every nameserver to have the files by then
	Propagation time.Duration // from the first nameserver that follows a time to the last one
	KeyTTL      time.Duration // TTL of the DNSKEY RRset
	MaxTTL      time.Duration // no cache keeps an RRset of the zone for longer
	DSTTL       time.Duration // TTL of the parent's DS RRset where it is not known
	Lifetime    time.Duration // of a ZSK
}

// DefaultTiming is for zones that say nothing else. Few caches keep anything for a week, whatever its TTL, and the DS
// RRsets of nearly all parents have a TTL of at most a day.
func DefaultTiming() Timing {
	const day = 24 * time.Hour
	return Timing{
		Ahead: 2 * day, Propagation: time.Hour, KeyTTL: time.Hour, MaxTTL: 7 * day, DSTTL: 2 * day, Lifetime: 90 * day,
	}
}

// known is how long it takes until every cache knows a key that is published (Ipub of RFC 7583 section 3.2.1).
func (t *Timing) known() time.Duration { return t.KeyTTL + t.Propagation }

// forgotten is how long it takes until no cache has a signature of a key that signs no more (Iret, the same section).
func (t *Timing) forgotten() time.Duration { return t.MaxTTL + t.Propagation }

// second is a moment as key files hold it.
func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// ceil is the first such moment that does not lie before t.
func ceil(t time.Time) time.Time { return second(t.Add(time.Second - 1)) }

// later is the last of some moments.
func later(times ...time.Time) time.Time {
	last := times[0]
	for _, t := range times[1:] {
		if t.After(last) {
			last = t
		}
	}
	return last
}
