package resolver

import (
	"encoding/binary"
	"net/netip"
)

// heard is a query as a plain reading of RFC 1035 section 4.1 and RFC 6891
// understands it, with the choices that Meridian makes where those leave some.
type heard struct {
	bad      bool // FORMERR, if nothing stronger applies
	question []byte
	name     name
	qtype    uint16
	qclass   uint16

	opts    int // OPT records seen
	payload int
	version byte
	do      bool
	options []heardOption
	subnet  []byte // data of the client subnet, if well-formed
	cookie  []byte // of the first cookie
}

type heardOption struct {
	code uint16
	data []byte
}

// hear reads a message of at least a header.
func hear(msg []byte) *heard {
	h := &heard{}
	r := &octets{msg: msg, at: headerSize}
	count := func(i int) int { return int(binary.BigEndian.Uint16(msg[4+2*i:])) }
	for range count(0) {
		h.readQuestion(r, count(0) == 1)
	}
	for section := 1; section <= 3 && !r.bad; section++ {
		for i := 0; i < count(section) && !r.bad; i++ {
			h.readRecord(r, section)
		}
	}
	h.bad = r.bad || r.at != len(msg) || h.opts > 1
	if !h.bad && h.opts == 1 && h.version == 0 {
		h.bad = !h.readOptions()
	}
	if h.version == 0 && count(0) != 1 && !(count(0) == 0 && h.cookie != nil) {
		h.bad = true
	}
	return h
}

func (h *heard) readQuestion(r *octets, only bool) {
	start := r.at
	wire := r.name(!only)
	typ, class := r.u16(), r.u16()
	if r.bad || !only {
		return
	}
	h.question, h.name, h.qtype, h.qclass = r.msg[start:r.at], lowered(string(wire)), typ, class
}

func (h *heard) readRecord(r *octets, section int) {
	start := r.at
	owner := r.name(true)
	rooted := len(owner) == 1 && r.at == start+1
	typ, class, ttl := r.u16(), r.u16(), r.take(4)
	data := r.take(int(r.u16()))
	if r.bad || typ != typeOPT {
		return
	}
	if section != 3 || !rooted || h.opts == 1 {
		r.bad = true
		return
	}
	h.opts++
	h.payload, h.version, h.do = int(class), ttl[1], ttl[2]&0x80 != 0
	h.options = []heardOption{{0, data}} // taken apart once the whole message is known to be sound
}

// readOptions tells whether the options of OPT are well-formed.
func (h *heard) readOptions() bool {
	r := &octets{msg: h.options[0].data}
	h.options = nil
	for r.at < len(r.msg) {
		o := heardOption{code: r.u16()}
		o.data = r.take(int(r.u16()))
		if r.bad || !h.sound(o) {
			return false
		}
		h.options = append(h.options, o)
	}
	return true
}

func (h *heard) sound(o heardOption) bool {
	switch size := len(o.data); o.code {
	case optSubnet:
		ok := h.subnet == nil && soundSubnet(o.data)
		h.subnet = o.data
		return ok
	case optCookie:
		if h.cookie == nil {
			h.cookie = o.data
		}
		return size == 8 || size >= 16 && size <= 40
	case optKeepalive:
		return size == 0
	}
	return true
}

// soundSubnet holds the form of RFC 7871 section 6.
func soundSubnet(data []byte) bool {
	if len(data) < 4 || data[3] != 0 {
		return false
	}
	family, source, addr := binary.BigEndian.Uint16(data), int(data[2]), data[4:]
	if most, known := map[uint16]int{0: 0, 1: 32, 2: 128}[family]; !known || source > most {
		return false
	}
	if len(addr) != (source+7)/8 {
		return false
	}
	for bit := source; bit < 8*len(addr); bit++ {
		if addr[bit/8]>>(7-bit%8)&1 != 0 {
			return false
		}
	}
	return true
}

// address is that of the client subnet, and its SOURCE.
func (h *heard) address() (netip.Addr, int) {
	if h.subnet == nil {
		return netip.Addr{}, -1
	}
	var full [16]byte
	copy(full[:], h.subnet[4:])
	switch h.subnet[1] {
	case 1:
		return netip.AddrFrom4([4]byte(full[:4])), int(h.subnet[2])
	case 2:
		return netip.AddrFrom16(full), int(h.subnet[2])
	}
	return netip.Addr{}, 0
}

// octets reads a message from the front; bad says that something was not there.
type octets struct {
	msg []byte
	at  int
	bad bool
}

func (r *octets) take(n int) []byte {
	if r.bad || r.at+n > len(r.msg) {
		r.bad = true
		return make([]byte, n)
	}
	r.at += n
	return r.msg[r.at-n : r.at]
}

func (r *octets) u16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }

// name reads a name; pointers lead backward, each before where the last led,
// and not into the header.
func (r *octets) name(pointers bool) (wire []byte) {
	jump := octets{msg: r.msg, at: r.at}
	from, home := r.at, -1
	for {
		n := int(jump.take(1)[0])
		switch {
		case jump.bad || n >= 64 && n < 192 || n >= 192 && !pointers:
			r.bad = true
			return nil
		case n >= 192:
			to := (n&63)<<8 | int(jump.take(1)[0])
			if home < 0 {
				home = jump.at
			}
			if jump.bad || to >= from || to < headerSize {
				r.bad = true
				return nil
			}
			jump.at, from = to, to
		default:
			wire = append(append(wire, byte(n)), jump.take(n)...)
			if len(wire) > 255 {
				r.bad = true
				return nil
			}
		}
		if n == 0 {
			break
		}
	}
	if r.at = jump.at; home >= 0 {
		r.at = home
	}
	r.bad = r.bad || jump.bad
	return wire
}
