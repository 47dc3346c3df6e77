package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

func TestOperating(t *testing.T) {
	c, err := config.Parse("/etc/meridian/m.toml", []byte(`[api]
listen = ["[2001:db8::53]:8053"]
cert = "api.crt"
key = "/keys/api.key"
names = ["NS1.example.com."]
[api.tokens.ops]
file = "ops.token"
rights = "write"
[api.tokens.beat]
file = "/b"
rights = "read"
[freeze]
canaries = ["192.0.2.1:443", "example.com:53"]
sites = 4
window = "10s"
[alerts]
name = "ns1"
after = "5s"
clear = "10s"
repeat = "4h"
[alerts.to.chat]
type = "slack"
url = "https://chat.example.com/hook"
token_file = "chat"
[alerts.to.mail]
type = "email"
server = "127.0.0.1:25"
from = "a@example.com"
to = ["b@example.com", "c@example.com"]
user = "u"
password_file = "/p"
tls = "none"
[alerts.ping]
url = "http://127.0.0.1/"
every = "5s"
[query_log]
file = "queries.log"
[dnstap]
socket = "/run/dnstap.sock"
sample = 0.25
identity = "ns1"
version = "v"
`))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "api", c.API, config.API{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::53]:8053")},
		Cert:   "/etc/meridian/api.crt", Key: "/keys/api.key", Names: []string{"ns1.example.com"},
		Tokens: []config.APIToken{{"ops", "/etc/meridian/ops.token", "write"}, {"beat", "/b", "read"}},
	})
	equal(t, "freeze", c.Freeze, config.Freeze{Canaries: []string{"192.0.2.1:443", "example.com:53"}, Sites: 4, Window: 10 * time.Second})
	equal(t, "query_log", c.QueryLog, config.QueryLog{On: true, Sample: 0.01, File: "/etc/meridian/queries.log"})
	equal(t, "dnstap", c.Dnstap, config.Dnstap{Socket: "/run/dnstap.sock", Sample: 0.25, Identity: "ns1", Version: "v"})
	equal(t, "alerts", c.Alerts, config.Alerts{
		Name: "ns1", After: 5 * time.Second, Clear: 10 * time.Second, Repeat: 4 * time.Hour,
		To: []config.Receiver{
			{Name: "chat", Type: "slack", URL: "https://chat.example.com/hook", TokenFile: "/etc/meridian/chat", TLS: "starttls"},
			{Name: "mail", Type: "email", Server: "127.0.0.1:25", From: "a@example.com", To: []string{"b@example.com", "c@example.com"},
				User: "u", PasswordFile: "/p", TLS: "none"},
		},
		Ping: config.Ping{URL: "http://127.0.0.1/", Every: 5 * time.Second},
	})
}
