// Package build makes what is big in a plan: geo databases, partitions, and the tables of pools.
//
// Here makes it in this process. Child runs the program itself for each job, at idle priority, and maps what that
// leaves behind: so the queries of this process wait neither for the work nor for the collection of its garbage, and
// the memory of the work is given back when the job ends. Where no process can be started it works here. Work is the
// other side, in the child. What either makes is immutable and the same. Both are safe for concurrent use.
package build

import (
	"context"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/steer"
)

// Here works in this process.
type Here struct{}

// Open reads and verifies databases.
func (Here) Open(_ context.Context, o geo.Options) (*geo.Database, error) { return geo.Open(o) }

// Cut divides the address space.
func (Here) Cut(_ context.Context, db *geo.Database, want geo.Want) (*geo.Partition, error) {
	return db.Partition(want)
}

// Rank makes no tables: Compile makes those that are not at hand.
func (Here) Rank(context.Context, *geo.Partition, []steer.Pool) (steer.Tables, error) {
	return steer.Tables{}, nil
}
