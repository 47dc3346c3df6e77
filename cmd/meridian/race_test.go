//go:build race

package main

import "time"

// patience is far more than anything takes, on machines that are busy.
const patience = 2 * time.Minute

// buildFlags let the program look for races when its tests do.
func buildFlags() []string { return []string{"-race"} }
