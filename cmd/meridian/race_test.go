//go:build race

package main

// buildFlags let the program look for races when its tests do.
func buildFlags() []string { return []string{"-race"} }
