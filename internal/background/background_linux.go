package background

import "golang.org/x/sys/unix"

// nice is the priority in the background; 0 is that of others, 19 the least.
const nice = 10

// lower and lowered are about the calling thread: Linux keeps priorities by thread, whatever POSIX says.
func lower() { unix.Setpriority(unix.PRIO_PROCESS, 0, nice) } // one that began lower may not rise, and stays

func lowered() bool {
	const zero = 20 // the system call adds it
	p, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	return err == nil && zero-p >= nice
}
