package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
)

func newReload(s *settings) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the running server read everything again",
		Long: `Make the running server read its configuration and zones again, and wait until
queries see the result.

A configuration with anything wrong in it is refused as a whole: nothing changes,
the errors are printed, and the exit code is 1. It is 1 too if a zone is refused;
then that zone keeps its last good version, and all the rest is in force.`,
		Example: "  meridian reload",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r admin.Reloaded
			if err := askSocket(cmd.Context(), s.socketOf(), http.MethodPost, "/v1/reload", nil, &r); err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				if err := printJSON(w, r); err != nil {
					return err
				}
			} else {
				p := painterFor(w)
				for _, line := range r.Warnings {
					fmt.Fprintln(w, p.yellow(line))
				}
				for _, line := range r.Problems {
					fmt.Fprintln(w, p.red(line))
				}
				fmt.Fprintln(w, "reloaded: "+r.Summary)
			}
			if len(r.Problems) > 0 {
				return fmt.Errorf("refused zones keep their last good version")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
