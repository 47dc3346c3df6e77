package trial

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
)

// watch tells how much of the machine other programs use between two moments.
type watch struct {
	running []*peer.Running
	began   time.Time
	busy    time.Duration
	ours    time.Duration
}

func startWatch(running []*peer.Running) *watch {
	return &watch{running, time.Now(), busy(), ours(running)}
}

// others gives the share of all processors that went to other programs since the watch began.
func (w *watch) others() float64 {
	spent := busy() - w.busy - (ours(w.running) - w.ours)
	return max(0, float64(spent)/float64(time.Since(w.began))/float64(runtime.NumCPU()))
}

// ours is the time spent by the servers, by this program and by the load programs that have ended.
func ours(running []*peer.Running) time.Duration {
	var sum time.Duration
	for _, p := range running {
		t, _ := proc.CPU(p.PID())
		sum += t
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		syscall.Getrusage(who, &u)
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// busy is the time that all processors together did not idle, stolen time included.
func busy() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	return parseBusy(string(b))
}

// parseBusy reads the first line of /proc/stat, which counts in hundredths of a second: user, nice, system, idle,
// iowait, irq, softirq, steal.
func parseBusy(text string) time.Duration {
	line, _, _ := strings.Cut(text, "\n")
	var ticks int64
	for i, f := range strings.Fields(line) {
		if i >= 1 && i <= 8 && i != 4 && i != 5 {
			n, _ := strconv.ParseInt(f, 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
