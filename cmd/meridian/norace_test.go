//go:build !race

package main

import "time"

// patience is far more than anything takes, on machines that are busy.
const patience = 30 * time.Second

func buildFlags() []string { return nil }
