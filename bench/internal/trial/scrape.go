package trial

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// scrape reads the metrics of a Meridian whose folder is dir: values by name with labels.
func scrape(dir string) (map[string]float64, error) {
	res, err := control(filepath.Join(dir, "state", "control.sock")).Get("http://meridian/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", res.Status)
	}
	values := map[string]float64{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' { // labels may hold spaces
			values[line[:at]], _ = strconv.ParseFloat(line[at+1:], 64)
		}
	}
	return values, nil
}

// control is a client of the interface behind a socket.
func control(socket string) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
}

// scrapeZipped reads the metrics as Prometheus asks for them and gives how many octets came: what they say costs time here.
func scrapeZipped(socket string) (octets int64, err error) {
	ask, err := http.NewRequest("GET", "http://meridian/metrics", nil)
	if err != nil {
		return 0, err
	}
	ask.Header.Set("Accept-Encoding", "gzip") // set here, nothing unpacks it
	ask.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
	res, err := control(socket).Do(ask)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("metrics: %s", res.Status)
	}
	return io.Copy(io.Discard, res.Body)
}
