package build

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/internal/flat"
	"github.com/meridian-dns/meridian/steer"
)

// job is what a child is to do: one of the first three.
type job struct {
	Open  *geo.Options
	Want  *geo.Want    // over a database
	Pools []steer.Pool // over a partition
	Over  flat.Piece   // of the second file
	Idle  bool
}

// result is what a child tells when it has done its job.
type result struct {
	Pieces []flat.Piece // of the first file
	Error  string
	InPool bool // the error is that of Pools[Pool]
	Pool   int
}

// The files of a child.
const (
	outFile  = 3
	overFile = 4
)

func (j *job) name() string {
	switch {
	case j.Open != nil:
		return "database"
	case j.Want != nil:
		return "partition"
	}
	return "tables"
}

func (j *job) doing() string {
	switch {
	case j.Open != nil:
		return "reading the geo databases"
	case j.Want != nil:
		return "dividing the address space"
	}
	return "ranking the servers of pools"
}

// Work does the job that a Child has sent to in, and tells it the result through out.
func Work(in io.Reader, out io.Writer) error {
	var j job
	r := bufio.NewReader(in)
	if err := gob.NewDecoder(r).Decode(&j); err != nil {
		return fmt.Errorf("this command does a part of serve's work, for serve alone: %w", err)
	}
	go func() {
		io.Copy(io.Discard, r)
		os.Exit(1) // the nameserver has ended
	}()
	debug.SetGCPercent(50)
	os.WriteFile("/proc/self/oom_score_adj", []byte("900"), 0) // the first to go; where it may not, the system decides
	if j.Idle {
		go yieldToAll()
	}
	var res result
	file := os.NewFile(outFile, "out")
	w := flat.NewWriter(file)
	err := j.do(w)
	if err == nil {
		res.Pieces, err = w.Pieces()
	}
	if err == nil && j.Want != nil {
		err = enlarge(file, res.Pieces)
	}
	if err != nil {
		res = failure(err)
	}
	return gob.NewEncoder(out).Encode(res)
}

func failure(err error) result {
	var p *steer.PoolError
	if errors.As(err, &p) {
		return result{Error: p.Err.Error(), InPool: true, Pool: p.Pool}
	}
	return result{Error: err.Error()}
}

func (j *job) do(w *flat.Writer) error {
	if j.Open != nil {
		db, err := geo.Open(*j.Open)
		if err != nil {
			return err
		}
		return db.Save(w)
	}
	region, err := flat.Map(os.NewFile(overFile, "over"), j.Over)
	if err != nil {
		return err
	}
	if j.Want != nil {
		return cut(w, region, *j.Want)
	}
	part, err := geo.ReadPartition(region)
	if err != nil {
		return err
	}
	return steer.SaveTables(w, part, j.Pools)
}

func cut(w *flat.Writer, region *flat.Region, want geo.Want) error {
	db, err := geo.ReadDatabase(region)
	if err != nil {
		return err
	}
	part, err := db.Partition(want)
	if err != nil {
		return err
	}
	part.Save(w)
	runtime.KeepAlive(db)
	return nil
}

// enlarge has huge pages made of a partition, the largest thing that queries read at random.
func enlarge(file *os.File, pieces []flat.Piece) error {
	for _, p := range pieces {
		region, err := flat.Map(file, p)
		if err != nil {
			return err
		}
		region.Enlarge()
	}
	return nil
}

// atOnce is how much CPU time a job may take before it is given what nobody else wants: on a busy machine that can be
// next to nothing, which small jobs need not wait for.
const atOnce = 50 * time.Millisecond

// yieldToAll puts this process behind all others, and the thread that does it last. Threads of the runtime spin while they
// wait for one another: one that still has its old priority would keep one that has not from the processor, and both
// of them from the work, for many seconds.
func yieldToAll() {
	for spent() < atOnce {
		time.Sleep(atOnce / 10)
	}
	runtime.LockOSThread() // and never again another: the thread ends with this goroutine
	self := unix.Gettid()
	for yieldOthers(self) {
	}
	yield(self)
	for yieldOthers(self) { // which it started meanwhile
	}
}

// yieldOthers puts all threads but one behind all others, and tells whether there were any to put there. Threads take
// over the policy of the one that starts them: after a look that found none, only that one can start more.
func yieldOthers(self int) (any bool) {
	tasks, _ := filepath.Glob("/proc/self/task/*")
	for _, t := range tasks {
		if id, _ := strconv.Atoi(filepath.Base(t)); id != self && yield(id) {
			any = true
		}
	}
	return any
}

// yield puts a thread behind all others, and tells whether it was not there.
func yield(thread int) bool {
	attr, err := unix.SchedGetAttr(thread, 0)
	if err != nil || attr.Policy == unix.SCHED_IDLE {
		return false
	}
	return unix.SchedSetAttr(thread, &unix.SchedAttr{Policy: unix.SCHED_IDLE}, 0) == nil
}

// spent is the CPU time of this process.
func spent() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
