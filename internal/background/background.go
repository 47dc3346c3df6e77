// Package background gives long work a thread that other threads go before: on a busy processor it gets about a tenth of
// what one of them gets. So queries are hardly kept waiting by work that shares the processor with them.
//
// It never gets nothing, as a thread of idle priority does on a busy machine: the garbage collector waits for every thread
// that runs Go, and with it everybody. Elsewhere than on Linux work in the background is like all other. All functions are
// safe for concurrent use.
package background

import "runtime"

// Run calls f on a thread in the background and returns when f does. A process that f starts is in the background with
// all its threads; goroutines that it starts are not, unless they Follow.
func Run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never again another: the thread ends with this goroutine
		lower()
		f()
	}()
	<-done
}

// Here tells whether the caller runs within Run.
func Here() bool { return lowered() }

// Follow puts a goroutine that has just been started into the background if who started it was there: what Here told.
func Follow(background bool) {
	if background {
		runtime.LockOSThread()
		lower()
	}
}
