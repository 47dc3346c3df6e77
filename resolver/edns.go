package resolver

// Codes of EDNS options and of extended errors (IANA DNS parameters).
const (
	optNSID      = 3
	optSubnet    = 8
	optCookie    = 10
	optKeepalive = 11
	optEDE       = 15

	edeNotReady    = 14
	edeInvalidData = 24
)

const (
	optHeader = 4  // code and length of an option
	optRR     = 11 // an OPT record without options
	flagDO    = 1 << 15
)

// edns is what the OPT record of a query says (RFC 6891), and what of it the
// answer's will say. Places are offsets in the query.
type edns struct {
	present   bool
	version   uint8
	payload   uint16
	options   uint16 // where they begin
	end       uint16 // and end
	do        bool
	nsid      bool
	keepalive bool
	cookie    cookie
	subnet    subnet
}

// take reads the fixed part of an OPT record, from its type on.
func (e *edns) take(rr []byte, options, end int) {
	e.present = true
	e.payload = uint16(u16(rr, 2))
	e.version = rr[5]
	e.do = u16(rr, 6)&flagDO != 0
	e.options, e.end = uint16(options), uint16(end)
}

// parse reads the options. Unknown ones are ignored; those of a version that
// is not ours are not looked at.
func (e *edns) parse(msg []byte) uint16 {
	if e.version > 0 {
		return badVers
	}
	for at := int(e.options); at < int(e.end); {
		data := at + optHeader
		if data > int(e.end) {
			return e.malformed()
		}
		end := data + u16(msg, at+2)
		if end > int(e.end) || !e.option(u16(msg, at), msg[data:end], data) {
			return e.malformed()
		}
		at = end
	}
	return noError
}

// malformed forgets the options of a query that is refused for one of them:
// none of them is echoed.
func (e *edns) malformed() uint16 {
	e.nsid, e.keepalive, e.subnet, e.cookie = false, false, subnet{}, cookie{}
	return formErr
}

// option reads one option, whose data stands at an offset of the query, and
// tells whether it is well-formed.
func (e *edns) option(code int, data []byte, at int) bool {
	switch code {
	case optNSID:
		e.nsid = true
	case optSubnet:
		return e.subnet.parse(data, at)
	case optCookie:
		return e.cookie.parse(data, at)
	case optKeepalive:
		e.keepalive = true
		return len(data) == 0 // RFC 7828 section 3.2.1
	}
	return true
}

// reserve drops the options that this answer will not carry and gives the
// room that OPT needs. The NSID alone may be too long to stand beside a
// question and the other options.
func (e *edns) reserve(q *query) int {
	switch {
	case !e.present:
		return 0
	case e.options == e.end: // and asks for none
		return optRR
	}
	size := optRR
	e.keepalive = e.keepalive && q.req.Transport == TCP && q.view.opts.IdleTimeout > 0
	if e.keepalive {
		size += optHeader + 2
	}
	if e.subnet.present {
		size += optHeader + int(e.subnet.size)
	}
	if e.cookie.verify(q) {
		size += optHeader + cookieSize
	}
	nsid := optHeader + len(q.view.opts.NSID)
	if e.nsid = e.nsid && nsid > optHeader && q.qend+size+nsid <= q.size(); e.nsid {
		size += nsid
	}
	return size
}

// write appends the OPT record; the room for it was kept free.
func (e *edns) write(q *query) {
	if !e.present {
		return
	}
	q.counts.add(sectionAdditional, 1)
	at := q.n
	rr := (*[optRR]byte)(q.out[at:])
	rr[0] = 0
	put16(rr[:], 1, typeOPT)
	put16(rr[:], 3, maxUDP)
	put32(rr[:], 5, uint32(q.rcode>>4)<<24)
	if e.do {
		put16(rr[:], 7, flagDO)
	}
	put16(rr[:], 9, 0)
	q.n += optRR
	if e.options < e.end || q.ede != 0 {
		e.writeOptions(q)
		put16(rr[:], 9, q.n-at-optRR)
	}
}

func (e *edns) writeOptions(q *query) {
	if e.nsid {
		q.n += copy(q.option(optNSID, len(q.view.opts.NSID)), q.view.opts.NSID)
	}
	if e.subnet.present {
		q.n += e.subnet.write(q.option(optSubnet, int(e.subnet.size)), q.req.Msg)
	}
	if e.cookie.asked {
		e.cookie.write(q.option(optCookie, cookieSize), q)
		q.n += cookieSize
	}
	if e.keepalive {
		put16(q.option(optKeepalive, 2), 0, int(q.view.opts.IdleTimeout))
		q.n += 2
	}
	if q.ede != 0 && q.n+optHeader+2 <= q.size() {
		put16(q.option(optEDE, 2), 0, int(q.ede))
		q.n += 2
	}
}

// option writes the head of an option and gives the room for its data.
func (q *query) option(code, size int) []byte {
	put16(q.out, q.n, code)
	put16(q.out, q.n+2, size)
	q.n += optHeader
	return q.out[q.n : q.n+size]
}
