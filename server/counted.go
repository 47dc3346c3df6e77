//go:build !uncounted

package server

// counting is false only in programs made to measure what counting costs (-tags uncounted).
const counting = true
