package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpFits holds that the help of every command of ours can be read in a terminal of 80 columns.
func TestHelpFits(t *testing.T) {
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		var text strings.Builder
		c.SetOut(&text)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
				t.Errorf("%s: %d characters: %s", c.CommandPath(), n, line)
			}
		}
		if !c.Hidden && !strings.Contains(text.String(), "Usage:") {
			t.Errorf("%s has no help", c.CommandPath())
		}
		seen++
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot())
	if seen < 28 {
		t.Errorf("only %d commands", seen)
	}
}
