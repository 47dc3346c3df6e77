package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/geo"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version and whose geo data is embedded",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "meridian %s\n", buildVersion())
			fmt.Fprintf(w, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			built, err := geo.EmbeddedBuilt()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "embedded world of %s\n", built.Format("2006-01-02"))
			fmt.Fprintln(w, geo.EmbeddedAttribution)
			return nil
		},
	}
}

// buildVersion is what the module says of itself, else the revision it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value[:min(12, len(s.Value))]
		}
	}
	module := info.Main.Version
	if module == "(devel)" {
		module = ""
	}
	return cmp.Or(module, revision, "development")
}
