package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
)

func newCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Check the configuration, the zones and the geo databases",
		Long: `Load all that serve would load and tell what is wrong with it, one line for each
error and each warning, as file:line: what. Nothing is changed and no port is
opened, so a running server is not disturbed.

Exit code 0: no errors, perhaps warnings. 1: at least one error.`,
		Example: `  meridian check --config meridian.toml
  meridian check && systemctl reload meridian`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := nameserver.Check(cmd.Context(), s.config)
			if err != nil {
				return err
			}
			return printReport(cmd.OutOrStdout(), report)
		},
	}
}

func printReport(w io.Writer, r *nameserver.Report) error {
	p := painterFor(w)
	for _, line := range r.Warnings {
		fmt.Fprintln(w, p.yellow(line))
	}
	for _, line := range r.Errors {
		fmt.Fprintln(w, p.red(line))
	}
	if r.Summary != "" {
		fmt.Fprintln(w, r.Summary)
	}
	fmt.Fprintln(w, r.Tally())
	if len(r.Errors) > 0 {
		return errReported
	}
	return nil
}

// painter colours text for a terminal.
type painter struct{ on bool }

func (p painter) red(s string) string    { return p.paint("31", s) }
func (p painter) yellow(s string) string { return p.paint("33", s) }

// named paints in a colour by its name; "" is none.
func (p painter) named(colour, s string) string {
	code := map[string]string{"red": "31", "green": "32", "yellow": "33", "bold": "1"}[colour]
	if code == "" {
		return s
	}
	return p.paint(code, s)
}

func (p painter) paint(color, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}
