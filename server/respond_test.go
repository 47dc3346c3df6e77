package server

import (
	"bytes"
	"testing"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
)

// touchy is a view that panics at some messages, while it prepares them or while it answers.
type touchy struct{ *fake }

func (v touchy) Prepare(reqs []resolver.Request, s *resolver.Scratch) {
	for _, r := range reqs {
		if bytes.Contains(r.Msg, []byte("early")) {
			panic("early")
		}
	}
	v.fake.Prepare(reqs, s)
}

func (v touchy) Write(dst []byte, i int, s *resolver.Scratch) int {
	n := v.fake.Write(dst, i, s)
	if bytes.Contains(dst[:n], []byte("late")) {
		panic("late")
	}
	return n
}

// A query that makes the resolver panic is answered SERVFAIL; the others of its batch get their answers, and so does
// the next batch.
func TestPanicInABatch(t *testing.T) {
	s := &Server{view: func() answerer { return touchy{newFake(echo)} }}
	s.panics.log = zap.NewNop()
	r := newResponder(s, resolver.UDP, 8, new(counters))
	panics := uint64(0)
	for _, names := range [][]string{{"a", "late", "b", "late", "c"}, {"a", "b", "early"}, {"early", "a", "late"}, {"late", "early", "a"}, {"a", "b"}} {
		r.begin()
		for i, name := range names {
			r.add(question(uint16(i), name), loopback4)
		}
		r.prepare()
		for i, name := range names {
			dst := make([]byte, answerSize)
			answer := dst[:r.answer(dst, i)]
			if name != "late" && name != "early" {
				wantAnswer(t, question(uint16(i), name), answer)
				continue
			}
			if panics++; len(answer) < headerSize || answer[1] != byte(i) || answer[3] != servFail {
				t.Errorf("%v, query %d: % x, want SERVFAIL", names, i, answer)
			}
		}
	}
	if r.tally.panics != panics || r.tally.RCodes[servFail] != panics || r.tally.Queries != 16 {
		t.Errorf("counted %+v", r.tally)
	}
}
