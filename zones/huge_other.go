//go:build !linux

package zones

// advise asks for large pages where there are such.
func advise[T any](s []T) []T { return s }
