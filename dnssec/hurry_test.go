package dnssec

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestOthersStandBack has signatures that nothing waits for wait for those that
// something does, though not for ever.
func TestOthersStandBack(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		cache, err := OpenCache(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		k, err := Generate(ED25519, CSK, Times{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSigner("\x01a\x00", Plan{DNSKEY: [][]byte{k.DNSKEY()}, KeySigners: []*Key{k}, ZoneSigners: []*Key{k}}, Options{}, cache)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(how func([][]byte, []byte, uint16, uint32, [][]byte, int64) ([][]byte, error), last byte) {
			if _, err := how(nil, []byte("\x01a\x00"), 1, 60, [][]byte{{192, 0, 2, last}}, time.Now().Unix()); err != nil {
				t.Error(err)
			}
		}
		done := cache.Hurry()
		go sign(s.Sign, 1)
		synctest.Wait()
		if sign(s.SignNow, 2); s.Made() != 1 {
			t.Errorf("%d signatures made in a hurry, want that of SignNow", s.Made())
		}
		done()
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if s.Made() != 2 {
			t.Errorf("%d signatures after the hurry", s.Made())
		}
		cache.Hurry() // and never done
		begin := time.Now()
		if sign(s.Sign, 3); time.Since(begin) < 500*time.Millisecond || time.Since(begin) > 2*time.Second {
			t.Errorf("stood back for %v", time.Since(begin))
		}
	})
}
