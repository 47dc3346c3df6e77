package background

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if Here() {
		t.Skip("all of this process is in the background")
	}
	inside, follower, child := false, false, ""
	Run(func() {
		inside = Here()
		done := make(chan bool)
		go func(background bool) {
			Follow(background)
			done <- Here()
		}(Here())
		follower = <-done
		out, err := exec.Command("nice").CombinedOutput() // without arguments it prints its own
		if err != nil {
			t.Error(err)
		}
		child = strings.TrimSpace(string(out))
	})
	if !inside || !follower {
		t.Errorf("in the background: what runs there %v, what follows it %v", inside, follower)
	}
	if child != "10" {
		t.Errorf("a process started there has nice value %q, want 10", child)
	}
	if Here() {
		t.Error("the caller has been put into the background")
	}
}

// TestThreadsOfOthers holds that no thread stays in the background for the next goroutine that comes.
func TestThreadsOfOthers(t *testing.T) {
	for range 20 {
		Run(func() {})
		done := make(chan bool)
		for range 4 {
			go func() {
				Follow(false)
				runtime.Gosched()
				done <- Here()
			}()
		}
		for range 4 {
			if <-done {
				t.Fatal("a goroutine is in the background that nobody put there")
			}
		}
	}
}
