package main

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// helpWidth is how long lines of help are: what the smallest terminals have.
const helpWidth = 80

// addGroup adds commands that stand together in the help.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		root.AddCommand(c)
	}
}

// fitHelp breaks the help of all commands into lines that fit.
func fitHelp(root *cobra.Command) {
	narrow := strings.NewReplacer("LocalFlags.FlagUsages", "LocalFlags.FlagUsagesWrapped 80", "InheritedFlags.FlagUsages", "InheritedFlags.FlagUsagesWrapped 80")
	root.SetUsageTemplate(narrow.Replace(root.UsageTemplate()))
	var fit func(c *cobra.Command)
	fit = func(c *cobra.Command) {
		c.Long = reflow(c.Long, helpWidth)
		for _, sub := range c.Commands() {
			fit(sub)
		}
	}
	fit(root)
}

// reflow breaks paragraphs at spaces into lines of at most width characters. Those that are indented stay as they are.
func reflow(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for n, p := range paragraphs {
		if strings.HasPrefix(p, " ") || strings.Contains(p, "\n ") {
			continue
		}
		var b strings.Builder
		at := 0
		for i, word := range strings.Fields(p) {
			wide := utf8.RuneCountInString(word)
			switch {
			case i == 0:
			case at+1+wide > width:
				b.WriteByte('\n')
				at = 0
			default:
				b.WriteByte(' ')
				at++
			}
			b.WriteString(word)
			at += wide
		}
		paragraphs[n] = b.String()
	}
	return strings.Join(paragraphs, "\n\n")
}
