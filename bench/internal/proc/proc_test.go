package proc

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseEnded(t *testing.T) {
	line := "12 (a (b) c) S 1 12 12 0 -1 4194560 100 200 0 0 7 8 150 25 20 0 1 0 5 6 7\n"
	if d, err := parseEnded(line); d != 1750*time.Millisecond || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := parseEnded("12 (x) S 1"); err == nil {
		t.Error("a short line passes")
	}
}

func TestParseKilobytes(t *testing.T) {
	text := "Rss:   100 kB\nPss:   60 kB\nPss_Dirty: 7 kB\n"
	if n, err := parseKilobytes(text, "Pss:"); n != 60<<10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parseKilobytes(text, "Swap:"); err == nil {
		t.Error("a missing key passes")
	}
}

func TestCPUOfThisProcessGrows(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
	}
	after, err := CPU(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("%v, then %v: %v", before, after, err)
	}
	if _, err := CPU(1 << 30); err == nil {
		t.Error("a process that does not exist costs nothing without an error")
	}
}

func TestCPUKeepsThreadsThatEnded(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const work = 50 * time.Millisecond
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // which ends the thread
		for began := threadTime(t); threadTime(t)-began < work; {
		}
	}()
	<-done
	time.Sleep(20 * time.Millisecond)
	if after, err := CPU(os.Getpid()); err != nil || after-before < work {
		t.Errorf("%v, then %v: %v", before, after, err)
	}
}

func threadTime(t *testing.T) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Error(err)
	}
	return time.Duration(ts.Nano())
}

func TestMemoryOfThisProcess(t *testing.T) {
	m, err := MemoryOf(os.Getpid())
	if err != nil || m.Proportional < 1<<20 || m.Peak < m.Proportional {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestProcess(t *testing.T) {
	p, err := Start(0, "sh", "-c", "echo hello; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ended(); err != nil {
		t.Error(err)
	}
	if _, err := CPU(p.PID()); err != nil {
		t.Error(err)
	}
	p.Stop()
	if p.Ended() == nil {
		t.Error("runs on")
	}
}
