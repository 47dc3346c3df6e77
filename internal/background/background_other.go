//go:build !linux

package background

func lower() {}

func lowered() bool { return false }
