package config

// QueryLog says which queries are logged. The zero value: none.
type QueryLog struct {
	On     bool
	Sample float64 // share of the answers, over 0 and at most 1
	File   string  // absolute; "": standard error
}

// Dnstap says where queries and answers are sent as dnstap. The zero value: nowhere.
type Dnstap struct {
	Socket   string  // absolute
	Sample   float64 // share of the answers, over 0 and at most 1
	Identity string  // "": the host's name
	Version  string  // "": that of the program
}

const (
	leastSample = 1e-6
	maxSocket   = 107 // octets of a path to a Unix socket
)

// queryLog reads [query_log].
func (r *report) queryLog(n *node, dir string) QueryLog {
	t := r.section(n)
	q := QueryLog{On: n != nil, Sample: t.fraction("sample", 0.01, leastSample, 1), File: t.file("file", dir)}
	t.close()
	if !q.On {
		return QueryLog{}
	}
	return q
}

// dnstap reads [dnstap].
func (r *report) dnstap(n *node, dir string) Dnstap {
	t := r.section(n)
	d := Dnstap{
		Socket: t.file("socket", dir), Sample: t.fraction("sample", 1, leastSample, 1),
		Identity: t.characterString("identity"), Version: t.characterString("version"),
	}
	if n != nil && t.node.kids["socket"] == nil {
		r.at(n, "needs socket, the Unix socket that the reader listens on")
	}
	if len(d.Socket) > maxSocket {
		t.at(t.node.kids["socket"], "the path has %d bytes, at most %d fit", len(d.Socket), maxSocket)
	}
	t.close()
	if n == nil {
		return Dnstap{}
	}
	return d
}
