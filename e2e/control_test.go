package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"
)

// controlClient speaks to the control API at a unix socket, on a new connection each time, so that it outlasts restarts.
func controlClient(socket string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
}

// readStatus decodes what the nameserver behind a control socket tells of itself.
func readStatus(t *testing.T, socket string, status any) {
	t.Helper()
	resp, err := controlClient(socket).Get("http://meridian/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(status); err != nil {
		t.Fatal(err)
	}
}
