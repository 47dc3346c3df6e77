package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
)

// levels are how grave an event may be, from the least.
var levels = []string{"debug", "info", "warn", "error"}

func newLogLevel(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "log-level [LEVEL]",
		Short: "Change how much the running server logs",
		Long: `Print how grave an event must be for the running server to log it, or change that:
debug, info, warn or error. It lasts until the server ends; the next one begins with
its --log-level again.`,
		Example: `  meridian log-level debug
  meridian log-level                             print it`,
		Args: atMost(1, "level"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var now admin.LogLevel
			method, ask := http.MethodGet, any(nil)
			if len(args) > 0 {
				if !slices.Contains(levels, args[0]) {
					return usageError{fmt.Errorf("%q is none of %s", args[0], strings.Join(levels, ", "))}
				}
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
