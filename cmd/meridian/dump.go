package main

import (
	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
)

func newDump(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "dump ZONE",
		Short: "Write a zone as a master file, with its signatures",
		Long: `Load a zone as serve would and write it to standard output as a master file: one
record a line, with the signatures and the chain of a signed zone. GEO records stand
as comments, because their answers are not in the zone. Nothing is changed.`,
		Example: `  meridian dump example.com --config meridian.toml
  meridian dump example.com > signed && ldns-verify-zone signed`,
		Args: zoneAnd(0, 0, ""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return nameserver.Dump(cmd.Context(), s.config, args[0], cmd.OutOrStdout())
		},
	}
}
