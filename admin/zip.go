package admin

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// worthZipping is from how many octets on an answer is compressed for those who take that. What comes with a secret of
// the caller's choosing beside a secret of ours could tell of it by its length: there is no such answer here.
const worthZipping = 2 << 10

// send writes a body, compressed if the caller takes that.
func send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	if len(body) < worthZipping || !zips(r) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body) // a reader who left needs no answer
		return
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is a known one
	_, _ = z.Write(body)
	_ = z.Close()
}

// zips says whether gzip is among what a caller takes, which a weight of 0 rules out.
func zips(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") {
			q := strings.TrimSpace(weight)
			return q != "q=0" && q != "q=0.0"
		}
	}
	return false
}
