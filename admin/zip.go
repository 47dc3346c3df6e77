package admin

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// worthZipping is from how many octets on an answer is compressed for those who take that. What comes with a secret of
// the caller's choosing beside a secret of ours could tell of it by its length: there is no such answer here.
const worthZipping = 2 << 10

// send writes a body, compressed if the caller takes that.
func send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	if len(body) < worthZipping || !zips(r) {
		w.Header().Set("Vary", "Accept-Encoding")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body) // a reader who left needs no answer
		return
	}
	out := zipped(w, r, status)
	_, _ = out.Write(body)
	_ = out.Close()
}

// Zipped takes a long answer piece by piece, compressed if the caller takes that. Whoever writes it closes it.
func Zipped(w http.ResponseWriter, r *http.Request) io.WriteCloser {
	return zipped(w, r, http.StatusOK)
}

func zipped(w http.ResponseWriter, r *http.Request, status int) io.WriteCloser {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	if !zips(r) {
		w.WriteHeader(status)
		return unzipped{w}
	}
	h.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is a known one
	return z
}

// unzipped is a writer with nothing to close.
type unzipped struct{ io.Writer }

func (unzipped) Close() error { return nil }

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
