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

// Dnsperf runs Debian's dnsperf with a file of binary queries: so many clients, outstanding queries in all, over "udp" or
// "tcp".
func Dnsperf(server netip.AddrPort, file, mode string, clients, outstanding int, length time.Duration) (Result, error) {
	return dnsperf(server, file, length, "-m", mode, "-c", strconv.Itoa(clients), "-q", strconv.Itoa(outstanding))
}

// DnsperfPaced has dnsperf ask over UDP at a rate a second, or as much less as answers come late with a hundred open.
func DnsperfPaced(server netip.AddrPort, file string, rate float64, length time.Duration) (Result, error) {
	return dnsperf(server, file, length, "-c", "4", "-q", "100", "-Q", strconv.Itoa(int(rate)))
}

func dnsperf(server netip.AddrPort, file string, length time.Duration, more ...string) (Result, error) {
	args := append([]string{"-B", "-d", file, "-s", server.Addr().String(), "-p", strconv.Itoa(int(server.Port())),
		"-T", "1", "-t", "1", "-l", fmt.Sprintf("%g", length.Seconds())}, more...)
	out, err := exec.Command("dnsperf", args...).CombinedOutput()
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
