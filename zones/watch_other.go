//go:build !linux

package zones

import "errors"

// newWatch fails: elsewhere than on Linux the folder is polled.
func newWatch(string) (watcher, error) {
	return nil, errors.New("only supported on Linux")
}
