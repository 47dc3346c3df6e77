package resolver

import "encoding/binary"

// Numbers of the DNS protocol (IANA DNS parameters).
const (
	headerSize = 12
	rrHeader   = 12 // an RR up to its RDATA, the owner being a pointer
	maxUDP     = 1232
	minUDP     = 512
	maxTCP     = 65535

	classIN = 1
	classCH = 3

	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeTXT   = 16
	typeAAAA  = 28
	typeDNAME = 39
	typeOPT   = 41
	typeDS    = 43
	typeRRSIG = 46
	typeNSEC  = 47
	typeIXFR  = 251
	typeAXFR  = 252
	typeANY   = 255

	opQuery = 0

	noError   = 0
	formErr   = 1
	servFail  = 2
	nxDomain  = 3
	notImp    = 4
	refused   = 5
	yxDomain  = 6
	badVers   = 16
	badCookie = 23
)

// Bits of the second word of the header (RFC 1035 section 4.1.1).
const (
	flagQR     = 1 << 15
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	maskOpcode = 0xf << 11
)

func u16(b []byte, at int) int { return int(uint16(b[at])<<8 | uint16(b[at+1])) }

func put16(b []byte, at int, v int) { binary.BigEndian.PutUint16(b[at:], uint16(v)) }

func put32(b []byte, at int, v uint32) { binary.BigEndian.PutUint32(b[at:], v) }

// tally is how many entries each section of a message has, 16 bits a section,
// as they stand in the header.
type tally uint64

func tallyOf(header []byte) tally { return tally(binary.BigEndian.Uint64(header[4:])) }

func (t tally) of(section int) int { return int(t >> (48 - 16*section) & 0xffff) }

// questions is the tally without all but questions.
func (t tally) questions() tally { return t &^ (1<<48 - 1) }

func (t *tally) add(section, n int) { *t += tally(n) << ((48 - 16*section) & 63) }

func (t tally) put(header []byte) { binary.BigEndian.PutUint64(header[4:], uint64(t)) }

// skipName gives the offset behind the name at an offset of a message, or
// false if it is none: a label over 63 octets, a pointer that does not point
// backward, a name over 255 octets, or one that the message cuts short.
func skipName(msg []byte, at int) (int, bool) {
	end, size, floor := 0, 0, at
	for {
		if at >= len(msg) {
			return 0, false
		}
		switch c := int(msg[at]); {
		case c == 0:
			if end == 0 {
				end = at + 1
			}
			return end, true
		case c < 64:
			size += c + 1
			at += c + 1
		case c >= 0xc0 && at+1 < len(msg):
			if end == 0 {
				end = at + 2
			}
			at = u16(msg, at) & 0x3fff
			if at >= floor || at < headerSize {
				return 0, false
			}
			floor = at
		default:
			return 0, false
		}
		if size > 254 {
			return 0, false
		}
	}
}
