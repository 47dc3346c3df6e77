package querylog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// exchange is a query that is refused, with its answer.
func exchange(t testing.TB, name string, qtype uint16) *server.Exchange {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	v := resolver.NewView(nil, zones.NewSet(nil), (&steer.Set{}).With(nil, nil), &resolver.Options{})
	x := &server.Exchange{View: v, Query: query, Client: netip.MustParseAddrPort("192.0.2.1:5353"), Received: time.Unix(1, 5), Told: new(resolver.Scratch)}
	answer := make([]byte, 1232)
	x.Answer = answer[:v.Answer(answer, &resolver.Request{Msg: query, Client: x.Client}, x.Told)]
	return x
}

// lines collects what is written. Safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) write(b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	return nil
}

// run runs a log until the test says stop, which waits for its end.
func run(t *testing.T, l *Log) (stop func() bool) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { ended <- l.Run(ctx) }()
	return func() bool { cancel(); return <-ended }
}

// TestLines writes names of every kind as JSON and for people.
func TestLines(t *testing.T) {
	long := strings.Repeat(strings.Repeat(`\"`, 63)+".", 3) + strings.Repeat(`\000`, 61) + "."
	names := []string{"www.example.com.", ".", `a\.b\\.\"x\".example.`, `\000\255\ .example.`, "ex=ample.", long}
	for _, console := range []bool{false, true} {
		var to lines
		l := New(Options{Sample: 1, Console: console, Write: to.write})
		sink := l.Tap().Open()
		for _, name := range names {
			sink.Take(exchange(t, name, 4711))
		}
		sink.Close()
		if !run(t, l)() {
			t.Error("it did not end")
		}
		got := strings.Split(strings.TrimSuffix(to.text.String(), "\n"), "\n")
		if len(got) != len(names) {
			t.Fatalf("%d lines:\n%s", len(got), &to.text)
		}
		for i, text := range got {
			if console {
				if i == 0 && !strings.HasSuffix(text, `  query name=www.example.com. type=TYPE4711 rcode=REFUSED size=33 proto=udp client=192.0.2.1:5353 why="outside all zones here"`) {
					t.Error(text)
				}
				continue
			}
			var m map[string]any
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			name, _ := m["name"].(string)
			if !sameName(t, name, names[i]) || m["time"] != "1970-01-01T00:00:01.000000005Z" || m["rcode"] != "REFUSED" || m["client"] != "192.0.2.1:5353" || m["logger"] != "query" {
				t.Errorf("%s: %s", names[i], text)
			}
		}
		if written, dropped, _ := l.Counts(); written != uint64(len(names)) || dropped != 0 {
			t.Errorf("%d written, %d dropped", written, dropped)
		}
	}
}

func sameName(t *testing.T, a, b string) bool {
	t.Helper()
	var wire [2][]byte
	for i, name := range []string{a, b} {
		buffer := make([]byte, 300)
		n, err := dns.PackDomainName(name, buffer, 0, nil, false)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		wire[i] = buffer[:n]
	}
	return bytes.Equal(wire[0], wire[1])
}

// TestDeadWriter holds that queries are dropped and counted while nothing can be written, that Take goes on, that the end
// comes all the same, and that all is well again afterwards.
func TestDeadWriter(t *testing.T) {
	stuck, free := make(chan struct{}, 10), make(chan struct{})
	l := New(Options{Sample: 1, Write: func([]byte) error { stuck <- struct{}{}; <-free; return nil }})
	sink := l.Tap().Open()
	x := exchange(t, "example.", 1)
	sink.Take(x)
	stop := run(t, l)
	<-stuck
	for range 10 * slots {
		sink.Take(x)
	}
	if _, dropped, _ := l.Counts(); dropped != 9*slots {
		t.Errorf("%d dropped", dropped)
	}
	if stop() {
		t.Error("a log that is stuck says that it ended")
	}
	close(free)
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if written, _, _ := l.Counts(); written == slots+1 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("%d written", written)
		}
	}
}

// TestFailing tells once when nothing can be written, and once when that is over.
func TestFailing(t *testing.T) {
	full, told := true, []error{}
	l := New(Options{Sample: 1, Failing: func(err error) { told = append(told, err) }, Write: func([]byte) error {
		if full {
			return errors.New("full")
		}
		return nil
	}})
	sink := l.Tap().Open()
	for i := range 6 {
		full = i < 3
		sink.Take(exchange(t, "example.", 1))
		l.drain()
	}
	if written, dropped, _ := l.Counts(); written != 3 || dropped != 3 || len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("%d written, %d dropped, told %v", written, dropped, told)
	}
}

// TestSinksAreLetGo holds that the counts of a sink outlast it, and the sink does not outlast its worker.
func TestSinksAreLetGo(t *testing.T) {
	var to lines
	l := New(Options{Sample: 1, Write: to.write})
	sink := l.Tap().Open()
	for range slots + 5 {
		sink.Take(exchange(t, "example.", 1))
	}
	sink.Close()
	l.drain()
	if written, dropped, _ := l.Counts(); written != slots || dropped != 5 || len(l.sinks.All()) != 0 {
		t.Errorf("%d written, %d dropped, %d sinks", written, dropped, len(l.sinks.All()))
	}
}

// TestTakeAllocatesNothing is the ceiling of the query path.
func TestTakeAllocatesNothing(t *testing.T) {
	l := New(Options{Sample: 1, Write: func([]byte) error { return nil }})
	sink, x := l.Tap().Open(), exchange(t, "www.example.com.", 1)
	if per := testing.AllocsPerRun(3*slots, func() { sink.Take(x) }); per != 0 {
		t.Errorf("%v allocations", per)
	}
}

// TestFileIsFollowed moves the file away while lines are written.
func TestFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put := func(text string) {
		t.Helper()
		f.looked = time.Time{}
		if err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("1\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put("2\n")
	put("3\n")
	for name, want := range map[string]string{path: "2\n3\n", path + ".1": "1\n"} {
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, err := OpenFile(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// TestFileThatCannotBeBegunAnew holds that nothing is written, and that it is told each time, while a folder stands where
// the file was; and that what follows a line that a full disk cut short has a line of its own.
func TestFileThatCannotBeBegunAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(os.Rename(path, path+".1"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	f.looked = time.Time{}
	for range 2 {
		if err := f.Write([]byte("1\n")); err == nil || !strings.Contains(err.Error(), path+" is no regular file") {
			t.Errorf("it says %v", err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"cut", "2\n", "3\n"} {
		if err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		f.torn = text == "cut"
	}
	for name, want := range map[string]string{path: "cut\n2\n3\n", path + ".1": ""} {
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}
