package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// browser is a Chromium without a window, driven over a pipe by the DevTools protocol.
type browser struct {
	out  *os.File
	next atomic.Int64

	mu    sync.Mutex // guards what follows, and writes
	calls map[int64]chan message
	tabs  map[string]*tab // by session
	gone  error
}

// message is what goes over the pipe, in either direction.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// patience is for a browser on a machine that does other things.
const patience = 30 * time.Second

// openBrowser starts Chromium, or skips the test. It ends with the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	program := need(t, "chromium")
	dir, err := os.MkdirTemp("", "meridian-browser-")
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--disable-extensions", "--no-default-browser-check", "--hide-scrollbars", "--user-data-dir="+dir,
		"--host-resolver-rules=MAP evil.example 127.0.0.1", "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, said}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	said.Close()
	b := &browser{out: ours, calls: map[int64]chan message{}, tabs: map[string]*tab{}}
	go b.read(answers)
	t.Cleanup(func() {
		ours.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group that it leads
		_ = cmd.Wait()
		answers.Close()
		for end := time.Now().Add(5 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(end); {
			time.Sleep(20 * time.Millisecond) // its children still write
		}
	})
	return b
}

// read takes answers and events until the browser is gone.
func (b *browser) read(from *os.File) {
	r := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := r.ReadBytes(0)
		var m message
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &m)
		}
		b.mu.Lock()
		if err != nil {
			b.gone = fmt.Errorf("the browser has ended: %w", err)
			for _, c := range b.calls {
				close(c)
			}
			b.calls = nil
			b.mu.Unlock()
			return
		}
		answer, at := b.calls[m.ID], b.tabs[m.Session]
		delete(b.calls, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID != 0 && answer != nil:
			answer <- m
		case at != nil:
			at.event(&m)
		}
	}
}

// call asks for something and reads the result into out unless that is nil.
func (b *browser) call(session, method string, params, out any) error {
	p, err := json.Marshal(params)
	if err != nil {
		return err
	}
	m := message{ID: b.next.Add(1), Session: session, Method: method, Params: p}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	if b.gone != nil {
		b.mu.Unlock()
		return b.gone
	}
	b.calls[m.ID] = answer
	_, err = b.out.Write(append(text, 0))
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case got, ok := <-answer:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case got.Error != nil:
			return fmt.Errorf("%s: %s", method, got.Error.Message)
		case out != nil:
			return json.Unmarshal(got.Result, out)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer", method)
	}
}

// tab is a page in the browser and what came of it.
type tab struct {
	t       *testing.T
	b       *browser
	session string
	width   int

	mu       sync.Mutex // guards what follows
	faults   []string   // errors and warnings of the console, exceptions
	dialogs  int
	requests []string // URLs
	bytes    float64  // received, headers included
}

// object is JSON.
type object = map[string]any

// open makes a tab of a width.
func (b *browser) open(t *testing.T, width int) *tab {
	t.Helper()
	at := &tab{t: t, b: b, width: width}
	var made struct{ TargetID string }
	var attached struct{ SessionID string }
	if err := b.call("", "Target.createTarget", object{"url": "about:blank"}, &made); err != nil {
		t.Fatal(err)
	}
	if err := b.call("", "Target.attachToTarget", object{"targetId": made.TargetID, "flatten": true}, &attached); err != nil {
		t.Fatal(err)
	}
	at.session = attached.SessionID
	b.mu.Lock()
	b.tabs[at.session] = at
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		at.do(domain+".enable", object{}, nil)
	}
	at.do("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	t.Cleanup(func() { _ = b.call("", "Target.closeTarget", object{"targetId": made.TargetID}, nil) })
	return at
}

func (p *tab) do(method string, params, out any) {
	p.t.Helper()
	if err := p.b.call(p.session, method, params, out); err != nil {
		p.t.Fatal(err)
	}
}

// event takes note of what a test may ask about.
func (p *tab) event(m *message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch m.Method {
	case "Runtime.exceptionThrown":
		p.faults = append(p.faults, string(m.Params))
	case "Runtime.consoleAPICalled", "Log.entryAdded":
		if strings.Contains(string(m.Params), `"error"`) || strings.Contains(string(m.Params), `"warning"`) {
			p.faults = append(p.faults, string(m.Params))
		}
	case "Page.javascriptDialogOpening":
		p.dialogs++
		go p.b.call(p.session, "Page.handleJavaScriptDialog", object{"accept": true}, nil)
	case "Network.requestWillBeSent":
		var e struct{ Request struct{ URL string } }
		_ = json.Unmarshal(m.Params, &e)
		p.requests = append(p.requests, e.Request.URL)
	case "Network.loadingFinished":
		var e struct{ EncodedDataLength float64 }
		_ = json.Unmarshal(m.Params, &e)
		p.bytes += e.EncodedDataLength
	}
}

// visit goes to an address.
func (p *tab) visit(url string) {
	p.t.Helper()
	p.do("Page.navigate", object{"url": url}, nil)
}

// eval gives the value of an expression, as text; of an error what it says.
func (p *tab) eval(expression string) string {
	p.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	if err := p.b.call(p.session, "Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r); err != nil {
		p.t.Fatal(err)
	}
	if r.ExceptionDetails != nil {
		return "exception: " + r.ExceptionDetails.Exception.Description
	}
	return fmt.Sprint(r.Result.Value)
}

// await waits until an expression is true.
func (p *tab) await(what, expression string) {
	p.t.Helper()
	last := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if last = p.eval(expression); last == "true" {
			return
		}
	}
	p.t.Fatalf("%s: not within %v (%s is %s); the page says:\n%s", what, patience, expression, last, p.eval(`document.body.innerText`))
}

// shoot draws the whole page into a file.
func (p *tab) shoot(path string) {
	p.t.Helper()
	var m struct {
		CSSContentSize struct{ Height float64 } `json:"cssContentSize"`
	}
	p.do("Page.getLayoutMetrics", object{}, &m)
	p.clip(path, m.CSSContentSize.Height, 1)
}

// clip draws the upper part of the page into a file.
func (p *tab) clip(path string, height, scale float64) {
	p.t.Helper()
	var shot struct{ Data string }
	p.do("Page.captureScreenshot", object{"captureBeyondViewport": true, "clip": object{
		"x": 0, "y": 0, "width": p.width, "height": height, "scale": scale,
	}}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(path, data, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// theme chooses "light" or "dark".
func (p *tab) theme(name string) {
	p.t.Helper()
	p.do("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": name}}}, nil)
}

// clean holds that nothing went wrong in the page and that it asked nobody but its own origin.
func (p *tab) clean(origin string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		p.t.Errorf("the console: %s", f)
	}
	if p.dialogs > 0 {
		p.t.Errorf("%d dialogs", p.dialogs)
	}
	if len(p.requests) < 5 {
		p.t.Errorf("only %d requests were seen", len(p.requests))
	}
	for _, url := range p.requests {
		if !strings.HasPrefix(url, origin+"/") && !strings.HasPrefix(url, "data:") {
			p.t.Errorf("asked elsewhere: %s", url)
		}
	}
}

// named holds that a screen reader has something to say of all that can be reached, and finds the parts of the page.
func (p *tab) named(t *testing.T) {
	t.Helper()
	type value struct{ Value any }
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name value
			Properties []struct {
				Name  string
				Value value
			}
		}
	}
	p.do("Accessibility.getFullAXTree", object{}, &tree)
	roles := map[string]int{}
	for _, n := range tree.Nodes {
		role, name := fmt.Sprint(n.Role.Value), fmt.Sprint(n.Name.Value)
		if n.Ignored {
			continue
		}
		roles[role]++
		for _, prop := range n.Properties {
			if prop.Name == "focusable" && prop.Value.Value == true && role != "RootWebArea" && role != "main" && (name == "" || name == "<nil>") {
				t.Errorf("a %s without a name", role)
			}
		}
	}
	for role, least := range map[string]int{"main": 1, "banner": 1, "contentinfo": 1, "heading": 8, "region": 6, "table": 3, "columnheader": 12, "row": 12, "rowheader": 8, "status": 2, "image": 7} {
		if roles[role] < least {
			t.Errorf("%d of %q for a screen reader, want %d or more: %v", roles[role], role, least, roles)
		}
	}
}
