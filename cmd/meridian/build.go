package main

import (
	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
)

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:    build.Command,
		Hidden: true,
		Short:  "Do a part of serve's work in a process of its own",
		Long: `Do a part of serve's work in a process of its own: read geo databases, or make the
tables of pools. serve starts it at a start and a reload, at the lowest priority there
is, so that queries do not wait. It is of no use by itself.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return build.Work(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
