package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// Dnsperf runs Debian's dnsperf with a file of binary queries: four clients, outstanding queries in all, over "udp" or
// "tcp".
func Dnsperf(server netip.AddrPort, file, mode string, clients, outstanding int, length time.Duration) (Result, error) {
	out, err := exec.Command("dnsperf", "-B", "-d", file, "-m", mode, "-s", server.Addr().String(),
		"-p", strconv.Itoa(int(server.Port())), "-c", strconv.Itoa(clients), "-T", "1", "-q", strconv.Itoa(outstanding),
		"-t", "1", "-l", fmt.Sprintf("%g", length.Seconds())).CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("dnsperf: %w: %s", err, out)
	}
	return parseDnsperf(string(out))
}

var (
	dnsperfCount = regexp.MustCompile(`Queries (sent|completed): +(\d+)`)
	dnsperfTime  = regexp.MustCompile(`Run time \(s\): +([0-9.]+)`)
	dnsperfCodes = regexp.MustCompile(`(NOERROR|NXDOMAIN) (\d+)`)
)

// parseDnsperf reads the statistics that dnsperf prints at its end.
func parseDnsperf(text string) (Result, error) {
	var r Result
	for _, m := range dnsperfCount.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[2])
		if m[1] == "sent" {
			r.Sent = n
		} else {
			r.Answered = n
		}
	}
	m := dnsperfTime.FindStringSubmatch(text)
	if m == nil || r.Sent == 0 {
		return r, errors.New("dnsperf printed no statistics: " + text)
	}
	seconds, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return r, err
	}
	r.Elapsed = time.Duration(seconds * float64(time.Second))
	r.Wrong = r.Answered
	for _, m := range dnsperfCodes.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[2])
		r.Wrong -= n
	}
	return r, nil
}
