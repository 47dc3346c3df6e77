package flat

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// grace is how long a region that nobody can reach any more stays mapped: far longer than a query takes that
	// found it just before.
	grace = 5 * time.Second
	// slice is how much is mapped or given back in one go. Longer calls would keep queries waiting on a machine with
	// one processor: the kernel does such things on the priority of whoever asks.
	slice = 1 << 20
	// pause is what queries get in between.
	pause = time.Millisecond
	// huge is the size of huge pages, or a multiple of it: elsewhere than on x86-64 and arm64 it may be.
	huge = 2 << 20
)

// NewFile makes a file that has no name and lies in memory. It goes with the last process that has it open or mapped.
func NewFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Map maps a piece of a memory file that will not be written any more. The file may be closed when nothing else is to
// be mapped, but not by the caller: it is closed when no Region of it is left.
func Map(f *os.File, p Piece) (*Region, error) {
	// What cannot shrink can be read without a fault.
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		return nil, fmt.Errorf("memory file: seal: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	if p.Offset < 0 || p.Length <= 0 || p.Offset+p.Length > info.Size() {
		return nil, fmt.Errorf("memory file: no %d octets at %d in a file of %d", p.Length, p.Offset, info.Size())
	}
	b, err := mapPiece(f, p)
	if err != nil {
		return nil, fmt.Errorf("memory file: map: %w", err)
	}
	r := &Region{f, p, b}
	runtime.AddCleanup(r, func(r Region) { time.AfterFunc(grace, r.release) }, *r)
	return r, nil
}

// mapPiece maps a piece at an address as far behind a multiple of the size of huge pages as the piece is in its file:
// only so are huge pages of the file such of the process.
func mapPiece(f *os.File, p Piece) ([]byte, error) {
	page := uintptr(pageSize())
	size := (uintptr(p.Length) + page - 1) / page * page
	room, err := unix.MmapPtr(-1, 0, nil, size+huge, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	before := (uintptr(p.Offset) - uintptr(room)) % huge
	at, err := unix.MmapPtr(int(f.Fd()), p.Offset, unsafe.Add(room, before), size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_FIXED)
	if err != nil {
		unix.MunmapPtr(room, size+huge)
		return nil, err
	}
	unmap(room, before)
	unmap(unsafe.Add(at, size), huge-before)
	return unsafe.Slice((*byte)(at), p.Length), nil
}

func unmap(at unsafe.Pointer, size uintptr) {
	if size > 0 {
		unix.MunmapPtr(at, size)
	}
}

// Enlarge puts the region into huge pages, if the kernel can: then looking something up anywhere in many MB waits for
// the memory alone, and hardly for page tables. It holds for all processes that map the file. The kernel copies the
// memory for that, a huge page at a time.
func (r *Region) Enlarge() {
	for from := (huge - r.piece.Offset%huge) % huge; from+huge <= r.piece.Length; from += huge {
		unix.Madvise(r.b[from:from+huge], unix.MADV_COLLAPSE) // from Linux 6.1 on, and whatever shmem_enabled says
	}
	runtime.KeepAlive(r)
}

// Populate makes the first use of every page cheap.
func (r *Region) Populate() {
	for from := 0; from < len(r.b); from += slice {
		unix.Madvise(r.b[from:min(from+slice, len(r.b))], unix.MADV_POPULATE_READ) // old kernels cannot
		time.Sleep(pause)
	}
	runtime.KeepAlive(r)
}

// release gives the memory back, of the file too: others of its regions may live on.
func (r Region) release() {
	for done := int64(0); done < r.piece.Length; done += slice {
		n := min(slice, r.piece.Length-done)
		unix.Fallocate(int(r.file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, r.piece.Offset+done, n)
		time.Sleep(pause)
	}
	unmap(unsafe.Pointer(&r.b[0]), uintptr(len(r.b)))
}
