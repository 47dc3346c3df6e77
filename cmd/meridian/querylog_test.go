package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// logged are the lines of a query log, of which there must come to be so many.
func (h *home) logged(name string, n int) []map[string]any {
	h.t.Helper()
	var list []map[string]any
	if !eventually(func() bool {
		list = nil
		text, _ := h.read(name)
		for line := range strings.Lines(text) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				return false
			}
			list = append(list, m)
		}
		return len(list) >= n
	}) || len(list) > n {
		h.t.Fatalf("%d lines in %s, want %d: %v", len(list), name, n, list)
	}
	return list
}

// TestQueryLog asks questions of every kind and compares the log with what is explained. Then the file is moved away, and
// the log ended by a reload.
func TestQueryLog(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.replace("zones/example.com.zone", "text IN", "alias IN CNAME www\ntext IN")
	h.write("meridian.toml", h.config("")+"[pools.web.rules]\n\"continent:EU, country:CH\" = [\"fr\"]\n[query_log]\nsample = 1\nfile = \"q.log\"\n")
	p := h.serve()
	h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24")
	h.ask("tcp", "alias.EXAMPLE.com", dns.TypeA, "")
	h.ask("udp", "ny.example.com", dns.TypeA, "81.2.69.0/24")
	h.ask("udp", "none.example.com", dns.TypeAAAA, "")
	h.ask("udp", "example.net", 4711, "")
	want := []string{
		`{"answer":["fr"],"continent":"EU","country":"GB","name":"www.example.com.","pool":"web","proto":"udp","rcode":"NOERROR","rule":"continent:EU, country:CH","subnet":"81.2.69.0/24","tier":1,"type":"A","why":"tier 1, the first with a healthy server: all, at most 8 addresses"}`,
		`{"answer":["ny"],"name":"alias.EXAMPLE.com.","pool":"web","proto":"tcp","rcode":"NOERROR","tier":1,"type":"A","why":"tier 1, the first with a healthy server: all, at most 8 addresses"}`,
		`{"answer":["ny"],"name":"ny.example.com.","pinned":"ny","pool":"web","proto":"udp","rcode":"NOERROR","subnet":"81.2.69.0/24","type":"A","why":"this server whatever its health: the name is pinned to it"}`,
		`{"name":"none.example.com.","proto":"udp","rcode":"NXDOMAIN","type":"AAAA","why":"no such name, the same answer for every client"}`,
		`{"name":"example.net.","proto":"udp","rcode":"REFUSED","type":"TYPE4711","why":"outside all zones here"}`,
	}
	var got []string // each worker's in the order asked
	for _, m := range h.logged("q.log", len(want)) {
		if client, _ := m["client"].(string); !strings.HasPrefix(client, "127.0.0.1:") || m["size"].(float64) < 12 || m["logger"] != "query" {
			t.Errorf("%v", m)
		}
		for _, key := range []string{"client", "size", "logger", "time", "lat", "lon"} {
			delete(m, key)
		}
		line, _ := json.Marshal(m)
		got = append(got, string(line))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	out, _ := h.meridian("explain", "www.example.com", "--client", "81.2.69.0/24", "--config", "meridian.toml")
	for _, text := range []string{`"continent:EU, country:CH"`, "tier 1, the first with a healthy server: all, at most 8 addresses", "* fr"} {
		if !strings.Contains(out, text) {
			t.Errorf("not explained: %s\n%s", text, out)
		}
	}
	if err := os.Rename(h.path("q.log"), h.path("q.log.1")); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { h.ask("udp", "www.example.com", 1, ""); _, err := h.read("q.log"); return err == nil }) {
		t.Fatal("no new file")
	}
	h.replace("meridian.toml", "[query_log]\nsample = 1\nfile = \"q.log\"\n", "")
	if out, code := h.meridian("reload", "--config", "meridian.toml"); code != 0 {
		t.Fatal(out)
	}
	before := h.scrape()["meridian_query_log_written_total"]
	h.ask("udp", "www.example.com", 1, "")
	if after := h.scrape()["meridian_query_log_written_total"]; after != before || before == "0" {
		t.Errorf("%s written, %s before", after, before)
	}
	h.replace("meridian.toml", "[pools.web.rules]", "[query_log]\nfile = \"zones\"\n[pools.web.rules]")
	for _, command := range []string{"check", "reload"} {
		out, code := h.meridian(command, "--config", "meridian.toml")
		if code != 1 || !strings.Contains(out, filepath.Join(h.dir, "zones")+" is no regular file") {
			t.Errorf("%s: exit code %d\n%s", command, code, out)
		}
	}
	h.replace("meridian.toml", "[query_log]\nfile = \"zones\"", "[query_log]\nsample = 1")
	if out, code := h.meridian("reload", "--config", "meridian.toml"); code != 0 {
		t.Fatal(out)
	}
	h.ask("udp", "www.example.com", 1, "")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 || !strings.Contains(p.output(), `"logger":"query","name":"www.example.com."`) {
		t.Errorf("exit code %d:\n%s", code, p.output())
	}
}

// capture is a program of others that listens for dnstap and writes it to a file.
func (h *home) capture(file string) *exec.Cmd {
	h.t.Helper()
	_ = os.Remove(h.path("tap.sock"))
	cmd := exec.Command(tool(h.t, "fstrm_capture"), "-t", "protobuf:dnstap.Dnstap", "-u", h.path("tap.sock"), "-w", h.path(file))
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if !eventually(func() bool { _, err := os.Stat(h.path("tap.sock")); return err == nil }) {
		h.t.Fatal("fstrm_capture does not listen")
	}
	return cmd
}

// waits tells whether a process sleeps: one for which there is something to read does not.
func waits(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") S ")
}

// captured lets the program take what was sent, ends it, and reads its file by another one: "AQ CLIENT -> SERVER UDP NAME" and so on.
func (h *home) captured(cmd *exec.Cmd, file string) []string {
	h.t.Helper()
	if !eventually(func() bool { return waits(cmd.Process.Pid) }) {
		h.t.Error("fstrm_capture is always busy")
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		h.t.Fatalf("fstrm_capture: %v", err)
	}
	read := exec.Command(tool(h.t, "dnstap-read"), h.path(file))
	read.Env = append(os.Environ(), "TZ=UTC")
	out, err := read.CombinedOutput()
	if err != nil {
		h.t.Fatalf("dnstap-read: %v\n%s", err, out)
	}
	var list []string
	for line := range strings.Lines(string(out)) {
		m := regexp.MustCompile(`^(\S+ \S+) (AQ|AR) (\S+) (->|<-) (\S+) (UDP|TCP) \d+b (\S+)\n$`).FindStringSubmatch(line)
		if m == nil {
			h.t.Fatalf("dnstap-read says %q", line)
		}
		if at, err := time.Parse("02-Jan-2006 15:04:05.000", m[1]); err != nil || time.Since(at) < 0 || time.Since(at) > 2*patience {
			h.t.Errorf("%v: %s", err, line)
		}
		list = append(list, strings.Join([]string{m[2], m[3], m[5], m[6], m[7]}, " "))
	}
	return list
}

// tapped asks over a connection of its own, and says what dnstap is to tell of it.
func (h *home) tapped(network string, to netip.AddrPort, name string, qtype uint16) []string {
	h.t.Helper()
	c, err := (&dns.Client{Net: network, Timeout: patience}).Dial(to.String())
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	if err := c.WriteMsg(m); err != nil {
		h.t.Fatal(err)
	}
	if _, err := c.ReadMsg(); err != nil {
		h.t.Fatal(err)
	}
	plain := strings.NewReplacer("[", "", "]", "")
	rest := fmt.Sprintf(" %s %s %s %s/IN/%s", plain.Replace(c.LocalAddr().String()), plain.Replace(to.String()), strings.ToUpper(network), strings.TrimSuffix(name, "."), dns.TypeToString[qtype])
	return []string{"AQ" + rest, "AR" + rest}
}

// TestDnstap has programs of others take and decode what is sent while questions are asked over UDP and TCP, over IPv4 and
// IPv6, before and after the reader is replaced: all that was asked, and nothing else.
func TestDnstap(t *testing.T) {
	t.Parallel()
	tool(t, "fstrm_capture")
	tool(t, "dnstap-read")
	h := newHome(t)
	six := netip.AddrPortFrom(netip.MustParseAddr("::1"), h.listen.Port())
	h.replace("meridian.toml", `listen = ["`, `listen = ["`+six.String()+`", "`)
	h.write("meridian.toml", h.mustRead("meridian.toml")+"[dnstap]\nsocket = \"tap.sock\"\nidentity = \"ns1\"\n")
	p := h.start("serve", "--config", "meridian.toml")
	p.find(0, "dnstap messages are dropped")
	p.find(0, "serving ")
	h.tapped("udp", h.listen, "www.example.com.", dns.TypeA) // for nobody
	for round := range 2 {
		file, mark := fmt.Sprintf("tap%d", round), p.mark()
		reader := h.capture(file)
		p.find(mark, "dnstap messages are sent")
		var want []string
		for _, to := range []netip.AddrPort{h.listen, six} {
			for _, network := range []string{"udp", "tcp"} {
				for i, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeDNSKEY} {
					want = append(want, h.tapped(network, to, fmt.Sprintf("n%d.Example.com.", i), qtype)...)
				}
			}
		}
		if !eventually(func() bool {
			return h.scrape()["meridian_dnstap_sent_total"] == fmt.Sprint((round+1)*len(want))
		}) {
			t.Errorf("%s messages are sent", h.scrape()["meridian_dnstap_sent_total"])
		}
		got := h.captured(reader, file)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		p.find(mark, "dnstap messages are dropped")
	}
	if dropped := h.scrape()["meridian_dnstap_dropped_total"]; dropped != "2" {
		t.Errorf("%s messages dropped, want the 2 of the first question", dropped)
	}
	if text, err := exec.Command("dnstap-read", "-y", filepath.Join(h.dir, "tap0")).CombinedOutput(); err != nil || strings.Count(string(text), "identity: ns1\n") != 24 || strings.Count(string(text), "version: meridian ") != 24 {
		t.Errorf("%v:\n%s", err, text)
	}
}
