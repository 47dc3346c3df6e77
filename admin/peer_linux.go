package admin

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerID is the user id of the process at the other end.
func peerID(c *net.UnixConn) (uid int, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if ok = err == nil; ok {
			uid = int(cred.Uid)
		}
	})
	return uid, ok && err == nil
}
