package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
)

func newLogLevel(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "log-level [LEVEL]",
		Short: "Change how much the running server logs",
		Long: `Print how grave an event must be for the running server to log it, or change that:
debug, info, warn or error. It lasts until the server ends; the next one begins with
its --log-level again.`,
		Example: `  meridian log-level debug
  meridian log-level                             print it`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var now admin.LogLevel
			method, ask := http.MethodGet, any(nil)
			if len(args) > 0 {
				method, ask = http.MethodPost, admin.LogLevel{Level: args[0], Who: whoAmI()}
			}
			if err := askSocket(cmd.Context(), s.socketOf(), method, "/v1/log-level", ask, &now); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), now.Level)
			return err
		},
	}
}
