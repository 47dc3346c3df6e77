package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The checks of these tests, and what docs/health.md says they come to.
const (
	sickInterval = 100 * time.Millisecond
	sickTimeout  = 400 * time.Millisecond
	sickCount    = 2 // rise and fall

	publishing = time.Second                              // a transition that follows another
	outHung    = sickCount * (sickInterval + sickTimeout) // worst case of one that does not answer
	inAgain    = sickCount * (sickInterval + sickTimeout) // it answers well before the timeout
	busy       = 20 * time.Second                         // for a machine that does other things
)

// illness is a way to die, and to come back.
type illness struct {
	name   string
	check  string // the check, if not http with a body
	tls    bool
	fall   func(*patient)
	rise   func(*patient)
	reason string // what status says
}

func (i illness) mode(mode string) illness {
	i.fall = func(p *patient) { p.become(mode) }
	i.rise = func(p *patient) { p.become("well") }
	return i
}

func illnesses() []illness {
	killed := illness{name: "killed", fall: (*patient).kill, rise: (*patient).start, reason: "connection refused"}
	hung := illness{
		name: "hung", reason: "timed out after 400ms",
		fall: func(p *patient) { p.signal(syscall.SIGSTOP) }, rise: func(p *patient) { p.signal(syscall.SIGCONT) },
	}
	kept := hung
	kept.name, kept.check = "half-open", "keepalive = true"
	return []illness{
		killed, hung, kept,
		illness{name: "slow", reason: "timed out after 400ms"}.mode("slow"),
		illness{name: "resetting", reason: "connection reset by peer"}.mode("reset"),
		illness{name: "erring", reason: "status 500"}.mode("500"),
		illness{name: "wrong-body", reason: `body: no "well"`}.mode("body"),
		illness{name: "refusing", reason: "connection refused"}.mode("refuse"),
		illness{name: "expired", tls: true, reason: "certificate has expired"}.mode("expired"),
		illness{name: "wrong-name", tls: true, reason: "certificate is valid for other.test"}.mode("stranger"),
		illness{name: "cert", check: "type = \"tls\"\nsni = \"www.health.test\"", tls: true, reason: "certificate has expired"}.mode("expired"),
		illness{name: "port", check: `type = "tcp"`, reason: "connection refused"}.mode("refuse"),
		illness{name: "rechecked", check: "interval = \"500ms\"\nrecheck = \"50ms\"", reason: "status 500"}.mode("500"),
	}
}

// clinic is a Meridian with a pool for each server: that server first, and another if
// it is down.
type clinic struct {
	t      *testing.T
	dir    string
	listen string
	socket string
}

const otherServer = "192.0.2.99"

// newClinic starts it. addr gives the address of each server.
func newClinic(t *testing.T, names []string, checks, addr map[string]string) *clinic {
	t.Helper()
	dir, err := os.MkdirTemp("", "meridian-clinic-") // the socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &clinic{t: t, dir: dir, listen: fmt.Sprintf("127.0.0.1:%d", freePort(t)), socket: filepath.Join(dir, "state", "control.sock")}
	var servers, rest strings.Builder
	zone := "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"
	for _, name := range names {
		host, _, err := net.SplitHostPort(addr[name])
		if err != nil {
			t.Fatal(err)
		}
		server := "at-" + strings.ReplaceAll(host, ".", "-")
		if !strings.Contains(servers.String(), server+" =") {
			fmt.Fprintf(&servers, "%s = { ip = %q }\n", server, host)
		}
		fmt.Fprintf(&rest, "[checks.%s]\n%s\n[pools.%s]\nservers = [%q, \"other\"]\norder = \"listed\"\npick = \"first\"\ncheck = %q\n",
			name, checks[name], name, server, name)
		zone += name + " 60 IN GEO " + name + "\n"
	}
	// The other server has a check of its own, which waits an hour for a report.
	port := c.listen[strings.LastIndex(c.listen, ":")+1:]
	fmt.Fprintf(&servers, "other = { ip = %q, check = \"push\" }\n[checks.push]\ntype = \"push\"\ntoken = \"0123456789abcdef\"\nsilence = \"1h\"\n", otherServer)
	write(t, filepath.Join(dir, "zones", "health.test.zone"), zone)
	write(t, filepath.Join(dir, "meridian.toml"), fmt.Sprintf("listen = [\"127.0.0.1:%s\"]\nzones = \"zones\"\nstate = \"state\"\n[servers]\n%s%s",
		port, servers.String(), rest.String()))
	p := start(t, meridian, "serve", "--config", filepath.Join(dir, "meridian.toml"))
	p.answering(t, c.listen, "health.test.")
	return c
}

// points tells whether the answer of a pool is its own server.
func (c *clinic) points(name string) bool {
	c.t.Helper()
	r, err := insist(new(dns.Msg).SetQuestion(name+".health.test.", dns.TypeA), c.listen)
	if err != nil || len(r.Answer) != 1 {
		c.t.Fatalf("%s: %v, %v", name, r, err)
	}
	return r.Answer[0].(*dns.A).A.String() != otherServer
}

// wait waits until the answers for some names are so, and returns when each was, counted
// from a time of its own.
func (c *clinic) wait(names []string, want bool, bound time.Duration, from map[string]time.Time) map[string]time.Duration {
	c.t.Helper()
	took := map[string]time.Duration{}
	for start := time.Now(); len(took) < len(names); time.Sleep(5 * time.Millisecond) {
		for _, name := range names {
			if _, known := took[name]; !known && c.points(name) == want {
				took[name] = time.Since(from[name])
			}
		}
		if time.Since(start) > bound {
			break
		}
	}
	for _, name := range names {
		if d, known := took[name]; !known || d > bound {
			c.t.Errorf("%s: answers point at it: %v, still after %v", name, !want, bound)
		}
	}
	return took
}

// reason is what status says of the target at an address.
func (c *clinic) reason(addr string) string {
	c.t.Helper()
	var s struct {
		Targets []struct {
			Target, State string
			LastError     string `json:"last_error"`
		}
	}
	readStatus(c.t, c.socket, &s)
	for _, target := range s.Targets {
		if strings.Contains(target.Target, addr) {
			return target.State + ": " + target.LastError
		}
	}
	return "not there"
}

// timing is the part of a check that says when, unless it says so itself.
func timing(check string) string {
	if !strings.Contains(check, "interval") {
		check += fmt.Sprintf("\ninterval = %q", sickInterval)
	}
	return check + fmt.Sprintf("\ntimeout = %q\nrise = %d\nfall = %d\n", sickTimeout, sickCount, sickCount)
}

func (i illness) config(port string) string {
	check := i.check
	switch {
	case i.tls && check == "":
		check = "type = \"https\"\nhost = \"www.health.test\"\nbody = \"well\""
	case !strings.Contains(check, "type"):
		check += "\nbody = \"well\""
	}
	return timing("port = " + port + "\n" + check)
}

// TestEveryWayToDie kills servers in every way at once. Each is out of the answers
// within the worst case of docs/health.md, status names the reason, and each is back
// within the worst case after it is well.
func TestEveryWayToDie(t *testing.T) {
	certs := certificates(t)
	t.Setenv("SSL_CERT_FILE", filepath.Join(certs, "ca.pem"))
	port := fmt.Sprint(freePort(t))
	all := illnesses()
	var names []string
	checks, addr, patients := map[string]string{}, map[string]string{}, map[string]*patient{}
	for i, ill := range all {
		names = append(names, ill.name)
		addr[ill.name] = fmt.Sprintf("127.31.%d.1:%s", i, port)
		checks[ill.name] = ill.config(port)
		dir := ""
		if ill.tls {
			dir = certs
		}
		patients[ill.name] = newPatient(t, addr[ill.name], dir)
	}
	c := newClinic(t, names, checks, addr)
	since := map[string]time.Time{}
	each := func(do func(illness)) {
		for _, ill := range all {
			since[ill.name] = time.Now()
			do(ill)
		}
	}
	each(func(illness) {})
	c.wait(names, true, inAgain+busy, since)
	time.Sleep(3 * sickInterval) // so that nobody dies within the first round
	each(func(ill illness) { ill.fall(patients[ill.name]) })
	out := c.wait(names, false, outHung+publishing+busy, since)
	t.Logf("worst case out: %v, in: %v, each and %v for publishing", outHung, inAgain, publishing)
	for _, ill := range all {
		reason := c.reason(addr[ill.name])
		t.Logf("%-10s out after %4d ms: %s", ill.name, out[ill.name].Milliseconds(), reason)
		if !strings.HasPrefix(reason, "down: ") || !strings.Contains(reason, ill.reason) {
			t.Errorf("%s: status says %q, want the reason %q", ill.name, reason, ill.reason)
		}
	}
	time.Sleep(outHung)
	each(func(ill illness) {
		if c.points(ill.name) {
			t.Errorf("%s: an answer points at it again while it is dead", ill.name)
		}
		since[ill.name] = time.Now()
		ill.rise(patients[ill.name])
	})
	in := c.wait(names, true, inAgain+publishing+busy, since)
	for _, name := range names {
		t.Logf("%-10s in again after %4d ms", name, in[name].Milliseconds())
	}
}

// TestFlapping has a server that is well and ill in turns. One with a cooldown goes out
// and stays out for at least so long; one whose failback is one-way goes out once.
func TestFlapping(t *testing.T) {
	port := fmt.Sprint(freePort(t))
	const cooldown = 3 * time.Second // a second longer, with publishing, than it would be out without
	rules := map[string]string{"cooling": fmt.Sprintf("cooldown = %q\n", cooldown), "one-way": "failback = \"one-way\"\n"}
	checks, addr := map[string]string{}, map[string]string{}
	var patients []*patient
	for i, name := range []string{"cooling", "one-way"} {
		addr[name] = fmt.Sprintf("127.32.%d.1:%s", i, port)
		checks[name] = timing("port = "+port) + rules[name]
		patients = append(patients, newPatient(t, addr[name], ""))
	}
	names := []string{"cooling", "one-way"}
	c := newClinic(t, names, checks, addr)
	begun := time.Now()
	c.wait(names, true, inAgain+busy, map[string]time.Time{"cooling": begun, "one-way": begun})
	time.Sleep(3 * sickInterval)
	outs := map[string]int{}
	in, out := map[string]time.Time{}, map[string]bool{} // seen in last, and whether it is out
	for turn := 0; turn < 8; turn++ {
		for _, p := range patients {
			p.become([]string{"500", "well"}[turn%2])
		}
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			for name := range rules {
				before, was := time.Now(), out[name]
				if out[name] = !c.points(name); out[name] {
					if !was {
						outs[name]++
					}
					continue
				}
				if d := time.Since(in[name]); was && d < cooldown-publishing {
					t.Errorf("%s: out for %v only", name, d)
				}
				in[name] = before
			}
		}
	}
	if outs["one-way"] != 1 || outs["cooling"] < 1 || outs["cooling"] > 3 {
		t.Errorf("out %v times", outs)
	}
	if reason := c.reason(addr["one-way"]); !strings.HasPrefix(reason, "down: ") {
		t.Errorf("one-way: %s", reason)
	}
}

// command runs a program to its end, or skips the test with what is missing.
func command(t *testing.T, missing string, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("no %s here: %s: %v: %s", missing, strings.Join(args, " "), err, out)
	}
}

// TestLink has a server behind a link of its own in a network namespace: the link
// swallows everything, also under a connection that is kept, which is then half open;
// it becomes slow, though not too slow, and then too slow.
func TestLink(t *testing.T) {
	ip, tc := need(t, "ip"), need(t, "tc")
	if os.Getuid() != 0 {
		t.Skip("no right to make a network namespace: this is not root")
	}
	space := fmt.Sprintf("mer%d", os.Getpid())
	near, far := space+"a", space+"b"
	command(t, "network namespaces", ip, "netns", "add", space)
	t.Cleanup(func() { _ = exec.Command(ip, "netns", "del", space).Run() })
	command(t, "veth devices", ip, "link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
	t.Cleanup(func() { _ = exec.Command(ip, "link", "del", near).Run() })
	for _, args := range [][]string{
		{"addr", "add", "198.18.77.1/30", "dev", near}, {"link", "set", near, "up"},
		{"-n", space, "addr", "add", "198.18.77.2/30", "dev", far}, {"-n", space, "link", "set", far, "up"},
	} {
		command(t, "network namespaces", append([]string{ip}, args...)...)
	}
	port := fmt.Sprint(freePort(t))
	addr := net.JoinHostPort("198.18.77.2", port)
	newPatient(t, addr, "", ip, "netns", "exec", space)
	names := []string{"anew", "kept"}
	c := newClinic(t, names, map[string]string{
		"anew": timing("port = " + port), "kept": timing("keepalive = true\nport = " + port),
	}, map[string]string{"anew": addr, "kept": addr})
	link := func(state string) []string { return []string{ip, "-n", space, "link", "set", far, state} }
	// A link is slow by its rate: of the packets of a probe, some 500 octets come back.
	rate := func(rate string) []string {
		return []string{ip, "netns", "exec", space, tc, "qdisc", "replace", "dev", far, "root", "tbf", "rate", rate, "burst", "600", "limit", "20000"}
	}
	for _, step := range []struct {
		name    string
		needs   string
		command []string
		up      bool
	}{
		{"dead", "network namespaces", link("down"), false},
		{"well", "network namespaces", link("up"), true},
		{"slow", "tbf (sch_tbf)", rate("128kbit"), true},
		{"too slow", "tbf (sch_tbf)", rate("2kbit"), false},
		{"slow again", "tbf (sch_tbf)", rate("128kbit"), true},
	} {
		start := time.Now()
		command(t, step.needs, step.command...)
		took := c.wait(names, step.up, outHung+publishing+busy, map[string]time.Time{"anew": start, "kept": start})
		reason := c.reason(addr)
		t.Logf("%s: up %v after %v: %s", step.name, step.up, took, reason)
		if !step.up && !strings.Contains(reason, "timed out after 400ms") {
			t.Errorf("%s: %s", step.name, reason)
		}
		time.Sleep(outHung)
		if step.up { // where this machine stood still for long, again
			start = time.Now()
			c.wait(names, true, busy, map[string]time.Time{"anew": start, "kept": start})
			continue
		}
		for _, name := range names {
			if c.points(name) {
				t.Errorf("%s, %s: did not stay so", step.name, name)
			}
		}
	}
}
