package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// API says where the control interface listens beside the socket in the state folder, and who may do what there.
type API struct {
	Listen []netip.AddrPort // TCP; empty: nowhere
	Cert   string           // file, absolute; "" if all of Listen is loopback and TLS is not wanted
	Key    string           // likewise
	Names  []string         // of this host, lower case, under which it is asked beside its addresses
	Tokens []APIToken       // in the order of the file; at least one if Listen is not all loopback
}

// APIToken lets whoever knows it in.
type APIToken struct {
	Name   string
	File   string // that holds it, absolute
	Rights string // "read", "write"
}

// Freeze says when the fault is taken to be here.
type Freeze struct {
	Canaries []string      // "host:port" outside; empty: never
	Sites    int           // that fail at one instant
	Window   time.Duration // the instant
}

// Alerts says who is told of what lasts.
type Alerts struct {
	Name   string        // of this nameserver in messages; "": the host's
	After  time.Duration // how long something must be wrong
	Clear  time.Duration // how long it must be well again
	Repeat time.Duration // 0: told once
	To     []Receiver    // in the order of the file
	Ping   Ping
}

// Receiver is one place that messages go to.
type Receiver struct {
	Name         string
	Type         string   // "webhook", "slack", "ntfy", "email"
	URL          string   // http or https; for email ""
	TokenFile    string   // absolute; "": none
	Server       string   // email: "host:port"
	From         string   // email
	To           []string // email; at least one
	User         string   // email; "": no login
	PasswordFile string   // email: absolute
	TLS          string   // email: "starttls", "tls", "none"
}

// Ping is fetched while all is well, so that a watcher elsewhere misses it.
type Ping struct {
	URL   string // "": none
	Every time.Duration
}

// api reads [api].
func (r *report) api(n *node, dir string) API {
	t := r.section(n)
	a := API{Cert: t.file("cert", dir), Key: t.file("key", dir), Names: t.texts("names")}
	if t.node.kids["listen"] != nil {
		a.Listen = t.listen("listen")
	} else {
		t.get("listen")
	}
	for i, name := range a.Names {
		a.Names[i] = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	for _, kid := range r.section(t.get("tokens")).node.order {
		r.label(kid)
		k := r.section(kid)
		token := APIToken{Name: kid.key, File: k.file("file", dir), Rights: k.choice("rights", "read", "write")}
		if token.File == "" && k.node.kids["file"] == nil {
			r.at(kid, "needs file, which holds the token")
		}
		k.close()
		a.Tokens = append(a.Tokens, token)
	}
	if (a.Cert == "") != (a.Key == "") {
		r.at(n, "cert and key go together")
	}
	r.exposed(t, &a)
	t.close()
	return a
}

// exposed refuses to let others than this host ask without TLS and a token.
func (r *report) exposed(t *table, a *API) {
	for _, l := range a.Listen {
		switch {
		case l.Addr().IsLoopback():
		case a.Cert == "":
			t.at(t.node.kids["listen"], "%s is not loopback: it needs TLS (cert and key)", l)
			return
		case len(a.Tokens) == 0:
			t.at(t.node.kids["listen"], "%s is not loopback: it needs at least one token in [api.tokens]", l)
			return
		}
	}
}

// file reads the path of a file; "" if absent.
func (t *table) file(key, dir string) string {
	s := t.text(key, "")
	if s == "" {
		return ""
	}
	return absolute(dir, s)
}

// freeze reads [freeze].
func (r *report) freeze(n *node) Freeze {
	t := r.section(n)
	f := Freeze{
		Canaries: t.texts("canaries"), Sites: t.integer("sites", 3, 2, 1000),
		Window: t.duration("window", 30*time.Second, time.Second, time.Hour),
	}
	for _, c := range f.Canaries {
		if err := hostPort(c); err != nil {
			t.at(t.node.kids["canaries"], "%v", err)
		}
	}
	if n != nil && len(f.Canaries) == 0 {
		t.at(n, "needs canaries, addresses outside such as %q", "192.0.2.1:443")
	}
	t.close()
	return f
}

func hostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
		return fmt.Errorf("%q is not a host with a port such as \"192.0.2.1:443\"", s)
	}
	return nil
}

// alerts reads [alerts].
func (r *report) alerts(n *node, dir string) Alerts {
	t := r.section(n)
	a := Alerts{
		Name:   t.text("name", ""),
		After:  t.duration("after", 30*time.Second, 0, 24*time.Hour),
		Clear:  t.duration("clear", 2*time.Minute, 0, 24*time.Hour),
		Repeat: t.duration("repeat", 0, time.Minute, 30*24*time.Hour),
	}
	for _, kid := range r.section(t.get("to")).node.order {
		r.label(kid)
		a.To = append(a.To, r.receiver(kid, dir))
	}
	if p := t.get("ping"); p != nil {
		k := r.section(p)
		a.Ping = Ping{k.url("url"), k.duration("every", time.Minute, time.Second, 24*time.Hour)}
		if k.node.kids["url"] == nil {
			r.at(p, "needs url")
		}
		k.close()
	}
	t.close()
	return a
}

func (r *report) receiver(n *node, dir string) Receiver {
	t := r.section(n)
	o := Receiver{Name: n.key, Type: t.choice("type", "webhook", "slack", "ntfy", "email")}
	o.URL, o.TokenFile = t.url("url"), t.file("token_file", dir)
	o.Server, o.From, o.To = t.text("server", ""), t.text("from", ""), t.texts("to")
	o.User, o.PasswordFile = t.text("user", ""), t.file("password_file", dir)
	o.TLS = t.choice("tls", "starttls", "tls", "none")
	mail := o.Type == "email"
	web, post := []string{"url", "token_file"}, []string{"server", "from", "to", "user", "password_file", "tls"}
	needs, foreign := web[:1], post
	if mail {
		needs, foreign = post[:3], web
	}
	for _, key := range needs {
		if t.node.kids[key] == nil {
			r.at(n, "a receiver of type %s needs %s", o.Type, key)
		}
	}
	for _, key := range foreign {
		if t.node.kids[key] != nil {
			r.at(t.node.kids[key], "a receiver of type %s has none", o.Type)
		}
	}
	t.post(&o)
	t.close()
	return o
}

// post checks what mail needs.
func (t *table) post(o *Receiver) {
	if o.Server != "" {
		if err := hostPort(o.Server); err != nil {
			t.at(t.node.kids["server"], "%v", err)
		}
	}
	for key, list := range map[string][]string{"from": {o.From}, "to": o.To} {
		for _, a := range list {
			if n := t.node.kids[key]; n != nil && (!strings.Contains(a, "@") || strings.ContainsAny(a, "<> \r\n")) {
				t.at(n, "%q is not a mail address such as \"ops@example.com\"", a)
			}
		}
	}
	for key, other := range map[string]string{"user": "password_file", "password_file": "user"} {
		if n := t.node.kids[key]; n != nil && t.node.kids[other] == nil {
			t.at(n, "user and password_file go together")
		}
	}
}

// url reads a URL of http or https; "" if absent or wrong.
func (t *table) url(key string) string {
	s := t.text(key, "")
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		t.at(t.node.kids[key], "%q is not a URL of http or https", s)
		return ""
	}
	return s
}

// stateLine is how the state folder is usually written.
var stateLine = regexp.MustCompile(`(?m)^state *= *["']([^"']+)["']`)

// StateOf finds the state folder that a file names, whatever else may be wrong with it: a nameserver may be running with
// what stood there before. Of a file that cannot be read it is the default.
func StateOf(path string) string {
	data, _ := readFile(path)
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	r := &report{file: path}
	state := "/var/lib/meridian"
	if root := parseTree(r, data); root != nil {
		state = r.section(root).text("state", state)
	} else if m := stateLine.FindSubmatch(data); m != nil { // not even TOML
		state = string(m[1])
	}
	return absolute(filepath.Dir(abs), state)
}
