package server

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// exhaust leaves this process without a descriptor to open, until the test ends.
func exhaust(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 256
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	t.Cleanup(func() {
		for _, f := range taken {
			f.Close()
		}
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	})
	for {
		f, err := os.Open("/dev/null")
		if errors.Is(err, unix.EMFILE) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
}

func TestTCPWithoutDescriptorsGivesUpTheLongestIdle(t *testing.T) {
	log, logs := observed()
	began := time.Now()
	s := start(t, Options{Log: log}, echo)
	idle := dialTCP(t, s.Addrs()[0])
	idle.send(question(1, "www"))
	idle.receive()
	u := dialUDP(t, s.Addrs()[0])
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	client := os.NewFile(uintptr(fd), "client")
	defer client.Close()
	exhaust(t)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(s.Addrs()[0].Port()), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	client.Write(framed(question(2, "www")))
	idle.wantEnd()
	answer := make([]byte, 512)
	n, err := client.Read(answer)
	if err != nil || n < 4 {
		t.Fatalf("read %d octets, %v", n, err)
	}
	wantAnswer(t, question(2, "www"), answer[2:n])
	wantAnswer(t, question(3, "www"), ask(t, u, question(3, "www")))
	if n, took := logs.FilterMessage("cannot accept").Len(), time.Since(began); n < 1 || n > 1+int(took/time.Second) {
		t.Errorf("logged in %v: %v", took, logs.All())
	}
}
