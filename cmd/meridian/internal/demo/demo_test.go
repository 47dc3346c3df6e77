package demo

import (
	"os"
	"testing"

	"go.uber.org/zap"
)

// TestTwoAtOnce holds that demos that start together do not take each other's port.
func TestTwoAtOnce(t *testing.T) {
	type started struct {
		d   *demo
		err error
	}
	results := make(chan started)
	for range 2 {
		go func() {
			d, err := start(t.Context(), Options{In: os.Stdin, Out: os.Stdout, Log: zap.NewNop()})
			results <- started{d, err}
		}()
	}
	for range 2 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
			continue
		}
		defer r.d.close()
	}
}
