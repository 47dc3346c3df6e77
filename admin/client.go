package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Client asks a nameserver over its control socket. Safe for concurrent use.
type Client struct {
	Socket string
}

// Do sends a request, with in as its JSON body unless that is nil, and reads the answer into out unless that is nil. A
// *Refusal is what the nameserver answered instead; any other error means that it was not reached or not understood.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://meridian"+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	hc := &http.Client{Timeout: slowest, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", c.Socket)
		},
	}}
	resp, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp)
	}
	if out == nil {
		return nil
	}
	if text, ok := out.(*[]byte); ok { // a document
		*text, err = io.ReadAll(resp.Body)
		return err
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the running server's answer on %s: %w", c.Socket, err)
	}
	return nil
}

func (c *Client) refusal(resp *http.Response) error {
	var f failure
	if err := json.NewDecoder(resp.Body).Decode(&f); err != nil || f.Error == "" {
		return errors.New("the running server answers with " + resp.Status)
	}
	if len(f.Errors) == 0 {
		f.Errors = []string{f.Error}
	}
	return &Refusal{resp.StatusCode, f.Errors}
}
