package resolver

// parse reads the whole query, and gives the RCODE with which it must be
// refused, or noError. What can be understood of a bad query (its question,
// its OPT record) is kept all the same, for the answer echoes it.
func (q *query) parse() uint16 {
	msg := q.req.Msg
	q.opcode = u16(msg, 2) & maskOpcode
	rcode := q.message(msg)
	q.limit = q.size() - q.edns.reserve(q)
	switch {
	case q.opcode != opQuery:
		return notImp
	case q.edns.version > 0:
		return badVers
	}
	return rcode
}

// message reads question, records and OPT. Octets behind the last record are
// a format error, as is everything that the counts promise and the message
// does not hold.
func (q *query) message(msg []byte) uint16 {
	counts := tallyOf(msg)
	at, ok := q.questions(msg, counts.of(sectionQuestion))
	if !ok {
		return formErr
	}
	for range counts.of(sectionAnswer) + counts.of(sectionAuthority) {
		if at, ok = q.record(msg, at, false); !ok {
			return formErr
		}
	}
	for range counts.of(sectionAdditional) {
		if at, ok = q.record(msg, at, true); !ok {
			return formErr
		}
	}
	if at != len(msg) {
		return formErr
	}
	if rcode := q.edns.parse(msg); rcode != noError {
		return rcode
	}
	return q.countQuestions(counts.of(sectionQuestion))
}

// countQuestions refuses all but one question; none at all is a request for a
// server cookie (RFC 7873 section 5.4).
func (q *query) countQuestions(n int) uint16 {
	if n == 1 || n == 0 && q.edns.cookie.asked {
		return noError
	}
	return formErr
}

// questions reads the question section. A single question is kept and copied
// to the answer octet for octet.
func (q *query) questions(msg []byte, count int) (end int, ok bool) {
	if count == 1 {
		return q.question(msg)
	}
	at := headerSize
	for range count {
		if at, ok = skipName(msg, at); !ok || at+4 > len(msg) {
			return 0, false
		}
		at += 4
	}
	return at, true
}

func (q *query) question(msg []byte) (end int, ok bool) {
	size, err := q.name.Set(msg[headerSize:])
	end = headerSize + size + 4
	if err != nil || end > len(msg) {
		return 0, false
	}
	q.qtype, q.qclass = u16(msg, end-4), u16(msg, end-2)
	q.qend = end
	q.counts.add(sectionQuestion, 1)
	return end, true
}

// record steps over one record and takes note of OPT, of which there may be
// one, in the additional section, with the root for its owner (RFC 6891
// section 6.1.1).
func (q *query) record(msg []byte, at int, additional bool) (end int, ok bool) {
	owner := at
	if at, ok = skipName(msg, at); !ok || at+10 > len(msg) {
		return 0, false
	}
	rr := msg[at : at+10 : at+10]
	end = at + 10 + u16(rr, 8)
	if end > len(msg) {
		return 0, false
	}
	if u16(rr, 0) != typeOPT {
		return end, true
	}
	if q.edns.present || !additional || at != owner+1 {
		return 0, false
	}
	q.edns.take(rr, at+10, end)
	return end, true
}

// size is how long the answer may be, in octets, OPT included.
func (q *query) size() int {
	switch {
	case q.req.Transport != UDP:
		return maxTCP
	case !q.edns.present:
		return minUDP
	}
	return min(max(int(q.edns.payload), minUDP), maxUDP)
}

// finish writes OPT and the header and gives the length of the answer.
func (q *query) finish() int {
	switch q.rcode {
	case noError, nxDomain, yxDomain:
	default:
		q.n, q.aa, q.tc = q.qend, false, false
		q.counts = q.counts.questions()
		q.work.served = q.work.served[:0]
	}
	q.edns.write(q)
	flags := flagQR | q.opcode | int(q.rcode)&0xf
	if q.opcode == opQuery {
		flags |= u16(q.req.Msg, 2) & flagRD
	}
	if q.aa {
		flags |= flagAA
	}
	if q.tc {
		flags |= flagTC
	}
	q.header(flags)
	return q.n
}

// header writes the header of the answer, which has the ID of the query already.
func (q *query) header(flags int) {
	h := (*[headerSize]byte)(q.out)
	put16(h[:], 2, flags)
	q.counts.put(h[:])
}
