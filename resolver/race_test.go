//go:build race

package resolver

// raced tells that the race detector makes everything ten times slower.
const raced = true
