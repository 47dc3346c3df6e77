package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/admin"
)

// tokenFleet wants a token.
const tokenFleet = `[api]
listen = ["127.0.0.1:%API%"]
[api.tokens.board]
file = "board.token"
`

// testToken enters tokens as a person would.
func testToken(t *testing.T, b *browser) {
	f := openFleet(t, tokenFleet, map[string]string{"example.com.zone": fleetStatic})
	const token = "0123456789abcdef-board"
	write(t, f.dir+"/board.token", token+"\n")
	f.serve()
	p := b.open(t, 800)
	p.visit(f.url + "/")
	enter := func(text string) {
		p.await("the question for a token", `document.getElementById('login').hidden === false && document.activeElement.id === 'token'`)
		p.eval(`document.getElementById('token').value = ` + fmt.Sprintf("%q", text) + `; document.querySelector('#login button').click()`)
	}
	enter("wrong-wrong-wrong-wrong")
	p.await("that it is wrong", `document.getElementById('loginwhy').textContent.includes('does not know')`)
	enter(token)
	p.await("the status", sentence+`.startsWith('All is well')`)
	if got := p.eval(`document.cookie + localStorage.length + sessionStorage.length`); got != "01" {
		t.Errorf("cookies, local and session storage: %s", got)
	}
	p.visit(f.url + "/")
	p.await("the status without being asked again", sentence+`.startsWith('All is well') && document.getElementById('login').hidden`)
	p.eval(`document.getElementById('forget').click()`)
	p.await("that it is forgotten", `sessionStorage.length === 0 && document.getElementById('login').hidden === false`)
	for _, url := range p.asked() {
		if strings.Contains(url, token) {
			t.Errorf("the token stands in a URL: %s", url)
		}
	}
}

const fleetStatic = `$TTL 300
@    IN SOA ns1 hostmaster 2026112101 7200 3600 1209600 300
@    IN NS  ns1
ns1  IN A   192.0.2.53
`

// markup would run in a page that took it for more than text.
const markup = `<img src=x onerror=alert(1)>`

// testInjected puts markup into every text that comes from elsewhere: a zone's name, an error in one, the reason and the
// author of a drain, what a server says of itself, the name that is explained.
func testInjected(t *testing.T, b *browser) {
	config := strings.Replace(smallFleet, "[pools.web]", "[checks.self]\ntype = \"push\"\ntoken = \"a-token-of-a-check\"\n[pools.self]\ncheck = \"self\"\nservers = [\"jp\"]\n[pools.web]", 1)
	f := openFleet(t, config, map[string]string{
		"example.com.zone": fleetZone,
		"example.org.zone": fleetStatic + `www IN GEO "` + markup + "\"\n",
		strings.ReplaceAll(markup, " ", "%20") + ".zone": fleetStatic,
	})
	f.serve()
	f.run("drain", "ny", "--reason", markup, "--for", "1h")
	req, err := http.NewRequest("POST", f.url+"/v1/heartbeat/jp", strings.NewReader(fmt.Sprintf(`{"down": %q}`, markup)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer a-token-of-a-check")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err, resp)
	}
	resp.Body.Close()
	p := b.open(t, 1280)
	p.visit(f.url + "/")
	p.await("the drain's reason", `document.getElementById('orders').textContent.includes('onerror=alert(1)')`)
	p.await("the zones", `(document.getElementById('zones').textContent.match(/onerror/g) || []).length >= 2`)
	p.await("the server's word", `document.getElementById('servers').textContent.includes('onerror=alert(1)')`)
	p.await("the history", `document.getElementById('events').textContent.includes('onerror=alert(1)')`)
	p.eval(fmt.Sprintf(`for (const id of ['xname', 'xclient']) document.getElementById(id).value = %q; document.querySelector('#explain button').click()`, markup))
	p.await("an answer to markup", `document.getElementById('explained').textContent.length > 10`)
	if got := p.eval(`document.querySelectorAll('img, script:not([src]), [onerror]').length`); got != "0" {
		t.Errorf("%s elements were made of texts", got)
	}
	if got := p.eval(`(() => { try { document.body.innerHTML = '<b>x</b>'; return 'made'; } catch (e) { return e.name; } })()`); got != "TypeError" {
		t.Errorf("text becomes markup: %s", got)
	}
	p.quiet(t)
}

// asked lists the URLs asked for so far.
func (p *tab) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// quiet holds that no dialog was opened.
func (p *tab) quiet(t *testing.T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dialogs > 0 {
		t.Errorf("%d dialogs", p.dialogs)
	}
}

// attack is what a page elsewhere tries against the nameserver at %s.
const attack = `(async () => {
  const at = %q, got = [];
  const order = JSON.stringify({kind: 'drain', servers: ['ny']});
  const tries = {
    read: () => fetch(at + '/v1/status').then((r) => r.text()),
    opaque: () => fetch(at + '/v1/status', {mode: 'no-cors'}).then((r) => r.text()),
    json: () => fetch(at + '/v1/orders', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: order}).then((r) => r.text()),
    plain: () => fetch(at + '/v1/orders', {method: 'POST', mode: 'no-cors', headers: {'Content-Type': 'text/plain'}, body: order}).then((r) => r.text()),
    reload: () => fetch(at + '/v1/reload', {method: 'POST', mode: 'no-cors'}).then((r) => r.text()),
    script: () => new Promise((ok) => { const s = document.createElement('script'); s.src = at + '/page/api.js'; s.onload = () => ok('loaded'); s.onerror = () => ok(''); document.body.append(s); }),
    frame: () => new Promise((ok) => { const f = document.createElement('iframe'); f.src = at + '/'; f.onload = () => { let seen = ''; try { seen = f.contentDocument ? '' : ''; } catch (e) {} ok(seen); }; document.body.append(f); }),
    form: () => new Promise((ok) => { const f = document.createElement('form'); f.method = 'post'; f.enctype = 'text/plain'; f.action = at + '/v1/orders'; f.target = 'there'; const i = document.createElement('iframe'); i.name = 'there'; i.onload = () => ok(''); const n = document.createElement('input'); n.name = order.slice(0, -1) + ',"reason":"'; n.value = '"}'; f.append(n); document.body.append(i, f); f.submit(); setTimeout(() => ok(''), 2000); }),
  };
  for (const [name, go] of Object.entries(tries)) {
    let text = '';
    try { text = await go(); } catch (e) { /* refused */ }
    if (text) got.push(name + ': ' + text.slice(0, 100));
  }
  return got.join('\n');
})()`

// testForeign lets a page of another site, and one whose name leads here, try what browsers let them.
func testForeign(t *testing.T, b *browser) {
	f := openFleet(t, smallFleet, map[string]string{"example.com.zone": fleetZone})
	f.serve()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><title>elsewhere</title><body>elsewhere")
	})}
	go elsewhere.Serve(l)
	t.Cleanup(func() { elsewhere.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	before := f.status()
	for _, origin := range []string{fmt.Sprintf("http://evil.example:%d", port), fmt.Sprintf("http://127.0.0.1:%d", port)} {
		p := b.open(t, 800)
		p.visit(origin + "/")
		p.await("the page elsewhere", `document.title === 'elsewhere'`)
		if got := p.eval(fmt.Sprintf(attack, f.url)); got != "" {
			t.Errorf("from %s:\n%s", origin, got)
		}
	}
	rebound := strings.Replace(f.url, "127.0.0.1", "evil.example", 1)
	p := b.open(t, 800)
	p.visit(rebound + "/")
	p.await("a refusal", `document.body?.innerText.includes('this host has another name')`)
	if got := p.eval(`fetch('/v1/status').then((r) => r.status + '', (e) => 'blocked')`); got != "403" && got != "blocked" {
		t.Errorf("a name rebound to here reads: %s", got)
	}
	f.raw(t, "evil.example")
	after := f.status()
	if len(after.Orders) > 0 || after.Reload.At != before.Reload.At {
		t.Errorf("something was done: %+v, %+v", after.Orders, after.Reload)
	}
	if n := after.API.Refused - before.API.Refused; n < 10 {
		t.Errorf("only %d refusals were counted", n)
	}
	link := b.open(t, 800)
	link.visit(fmt.Sprintf("http://evil.example:%d/", port))
	link.await("the page elsewhere", `document.title === 'elsewhere'`)
	link.eval(fmt.Sprintf(`location.href = %q`, f.url+"/"))
	link.await("a link to the page", sentence+`.startsWith('All is well')`)
}

// raw sends what a browser would send for such pages, and what none would, as octets.
func (f *fleet) raw(t *testing.T, evil string) {
	t.Helper()
	host := strings.TrimPrefix(f.url, "http://")
	const drain = `{"kind":"drain","servers":["ny"]}`
	for _, c := range []struct{ name, request, status string }{
		{"the page", "GET / HTTP/1.1\r\nHost: " + host, "200"},
		{"the page, without a host", "GET / HTTP/1.0", "403"},
		{"the page, of a name rebound to here", "GET / HTTP/1.1\r\nHost: " + evil, "403"},
		{"the status, of a name rebound to here", "GET /v1/status HTTP/1.1\r\nHost: " + evil + ":80\r\nSec-Fetch-Site: same-origin", "403"},
		{"a name that begins like an address", "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1." + evil, "403"},
		{"a name that begins like ours", "GET /v1/status HTTP/1.1\r\nHost: localhost." + evil, "403"},
		{"an absolute address", "GET http://" + evil + "/v1/status HTTP/1.1\r\nHost: " + host, "400"},
		{"two hosts", "GET /v1/status HTTP/1.1\r\nHost: " + host + "\r\nHost: " + evil, "400"},
		{"an order by a page of ours", "POST /v1/orders HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + f.url + "\r\nContent-Type: application/json", "403"},
		{"an order by a page elsewhere", "POST /v1/orders HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://" + evil + "\r\nContent-Type: application/json", "403"},
		{"an order without a right", "POST /v1/orders HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/json", "403"},
		{"out of the page's folder", "GET /page/../v1/status HTTP/1.1\r\nHost: " + host, "400"},
		{"the page's folder", "GET /page/ HTTP/1.1\r\nHost: " + host, "400"},
		{"the source of the page", "GET /page/index.html HTTP/1.1\r\nHost: " + host, "404"},
	} {
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		body := ""
		if strings.HasPrefix(c.request, "POST") {
			body = drain
		}
		fmt.Fprintf(conn, "%s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", c.request, len(body), body)
		text, _ := io.ReadAll(conn) // what came before a reset counts
		conn.Close()
		head, _, _ := strings.Cut(string(text), "\r\n\r\n")
		if !strings.Contains(head[:min(len(head), 13)], " "+c.status) {
			t.Errorf("%s: want %s:\n%s", c.name, c.status, head)
		}
		if c.status != "400" && !strings.Contains(head, "frame-ancestors 'none'") {
			t.Errorf("%s: may be framed:\n%s", c.name, head)
		}
	}
}

// status asks through the socket.
func (f *fleet) status() (s admin.Status) {
	f.t.Helper()
	if err := json.Unmarshal([]byte(f.run("status", "--json")), &s); err != nil {
		f.t.Fatal(err)
	}
	return s
}
