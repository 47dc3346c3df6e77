package healthcheck

import "golang.org/x/sys/unix"

// awaitEnd returns when a child has ended, and leaves it to be waited for.
func awaitEnd(pid int) bool {
	err := unix.EINTR
	for err == unix.EINTR {
		err, _ = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil).(unix.Errno)
	}
	return err == 0
}
