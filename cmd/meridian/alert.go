package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
)

func newAlert(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alert",
		Short: "Try out the alerts",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "test",
		Short: "Send a test message to every receiver of alerts",
		Long: `Make the running server send a test message to every receiver of alerts, once, and
tell what became of each. Exit code 1 if one of them did not take it, or if there
are none.`,
		Example: "  meridian alert test",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var results []admin.AlertResult
			if err := askSocket(cmd.Context(), s.socketOf(), http.MethodPost, "/v1/alerts/test", nil, &results); err != nil {
				return err
			}
			if len(results) == 0 {
				return errors.New("no receivers; name some in [alerts.to]")
			}
			var failed error
			for _, r := range results {
				if r.Error == "" {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: sent\n", r.Receiver)
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", r.Receiver, r.Error)
				failed = errReported
			}
			return failed
		},
	})
	return cmd
}
