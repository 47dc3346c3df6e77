package zones

import (
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// inotify is the watcher of Linux. It is used directly because it tells a file
// that is renamed into place, and so is whole, from one that is created and
// still to be written.
type inotify struct {
	root   string
	fd     int
	file   *os.File // the same descriptor, read through the poller
	events chan event
	done   chan struct{}

	mu     sync.Mutex // guards what follows
	dirs   map[int32]string
	closed bool
}

const watched = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM |
	unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

func newWatch(root string) (watcher, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &inotify{
		root: root, fd: fd, file: os.NewFile(uintptr(fd), "inotify"),
		events: make(chan event), done: make(chan struct{}), dirs: map[int32]string{},
	}
	go w.run()
	return w, nil
}

func (w *inotify) Events() <-chan event { return w.events }

func (w *inotify) Add(dir string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	wd, err := unix.InotifyAddWatch(w.fd, filepath.Join(w.root, filepath.FromSlash(dir)), watched)
	if err != nil {
		return fmt.Errorf("inotify: %s: %w", dir, err)
	}
	w.dirs[int32(wd)] = dir
	return nil
}

// Close ends the watching; nothing is sent afterwards.
func (w *inotify) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	close(w.done)
	return w.file.Close()
}

// run reads events until the descriptor is closed.
func (w *inotify) run() {
	defer close(w.events)
	buf := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
			if size > len(rest) || !w.send(rest[:size]) {
				return
			}
			rest = rest[size:]
		}
	}
}

// send passes one event of the kernel on: watch descriptor, mask, cookie and
// length of the name, 32 bits each, and the name, padded with NUL.
func (w *inotify) send(raw []byte) bool {
	wd := int32(binary.NativeEndian.Uint32(raw))
	mask := binary.NativeEndian.Uint32(raw[4:])
	name := unix.ByteSliceToString(raw[unix.SizeofInotifyEvent:])
	w.mu.Lock()
	dir, known := w.dirs[wd]
	if mask&unix.IN_IGNORED != 0 {
		delete(w.dirs, wd)
	}
	w.mu.Unlock()
	e := event{path: path.Join(dir, name), kind: kindOf(mask)}
	if !known && e.kind != lost || name == "" && e.kind != lost {
		return true
	}
	select {
	case w.events <- e:
		return true
	case <-w.done:
		return false
	}
}

func kindOf(mask uint32) eventKind {
	const tree = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
	switch {
	case mask&(unix.IN_Q_OVERFLOW|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0:
		return lost
	case mask&unix.IN_ISDIR != 0 && mask&tree != 0:
		return lost
	case mask&unix.IN_MOVED_TO != 0:
		return replaced
	}
	return touched
}
