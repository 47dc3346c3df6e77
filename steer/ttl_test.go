package steer

import (
	"testing"
	"time"
)

func TestTTL(t *testing.T) {
	for _, c := range []struct {
		name   string
		choice Choice
		record uint32
		want   uint32
	}{
		{"settled", Choice{}, 60, 60},
		{"settled, with ttl_min", Choice{TTLMin: 90}, 60, 60},
		{"settled, zero", Choice{}, 0, 0},
		{"a streak lowers", Choice{Cap: 40}, 60, 40},
		{"not below half", Choice{Cap: 10}, 60, 30},
		{"half is rounded up", Choice{Cap: 10}, 61, 31},
		{"not above the record", Choice{Cap: 100}, 60, 60},
		{"not below 5", Choice{Cap: 1}, 8, 5},
		{"5 is never above the record", Choice{Cap: 1}, 3, 3},
		{"zero stays", Choice{Cap: 1}, 0, 0},
		{"the pool's ttl_min", Choice{Cap: 1, TTLMin: 2}, 60, 2},
		{"the pool's ttl_min over half", Choice{Cap: 1, TTLMin: 50}, 60, 50},
		{"the pool's ttl_min over the record", Choice{Cap: 1, TTLMin: 90}, 60, 60},
		{"all down", Choice{AllDown: true}, 60, 30},
		{"all down in a streak", Choice{AllDown: true, Cap: 50}, 60, 30},
		{"all down, the pool's ttl_min", Choice{AllDown: true, TTLMin: 7}, 60, 7},
		{"the greatest", Choice{AllDown: true}, 1<<32 - 1, 1 << 31},
	} {
		if got := c.choice.TTL(c.record); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestUntilFlip(t *testing.T) {
	for _, c := range []struct {
		needed   int
		interval time.Duration
		want     uint32
	}{
		{0, time.Minute, 0}, {1, 10 * time.Second, 10}, {2, 10 * time.Second, 20}, {1, 1500 * time.Millisecond, 2},
		{2, 750 * time.Millisecond, 2}, {1, time.Millisecond, 1}, {1, 0, 1}, {-1, time.Second, 0},
	} {
		if got := untilFlip(c.needed, c.interval); got != c.want {
			t.Errorf("%d results at %v: %d s, want %d", c.needed, c.interval, got, c.want)
		}
	}
	for _, c := range [][3]uint32{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 7, 5}, {7, 5, 5}} {
		if got := sooner(c[0], c[1]); got != c[2] {
			t.Errorf("sooner(%d, %d) = %d", c[0], c[1], got)
		}
	}
}
