// Command meridian is an authoritative nameserver that sends every client to the nearest healthy server.
//
// The commands stand one to a file; what they share is in the packages below internal. Exit codes: 0 all went well,
// 1 something failed, 2 the command line was not understood.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(exitCode(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr), os.Stderr))
}

// run executes one command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

// usageError says that the command line was not understood.
type usageError struct{ error }

// errReported is an error that has been told already.
var errReported = errors.New("reported")

// exitCode tells an error that has not been told yet.
func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errReported):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "meridian: %v\n", err)
		return 2
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(stderr, "meridian: %s\n", line)
	}
	return 1
}

// settings are the flags that all commands have.
type settings struct {
	config    string
	logLevel  string
	logFormat string
}

func newRoot() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "meridian",
		Short: "A nameserver that sends every client to the nearest healthy server",
		Long: `Meridian is an authoritative nameserver. Zone files say which names are geographic,
a configuration says where your servers are, and every client gets the nearest
one that is healthy.`,
		Example: `  meridian demo                            try it out, without a configuration
  meridian check --config meridian.toml    is everything right?
  meridian serve --config meridian.toml    run
  meridian explain www.example.com --client 81.2.69.0/24`,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&s.config, "config", "c", "/etc/meridian/meridian.toml", "the configuration `file`")
	flags.StringVar(&s.logLevel, "log-level", "info", "log what is at least this grave: debug, info, warn, error")
	flags.StringVar(&s.logFormat, "log-format", "", "console or json (default: console in a terminal, else json)")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	addGroup(root, "The nameserver:", newDemo(s), newCheck(s), newServe(s))
	addGroup(root, "What is answered, and why:", newExplain(s), newMap(s), newDump(s))
	addGroup(root, "While it runs:", newStatus(s), newHistory(s), newDrain(s), newUndrain(s), newForce(s), newReadmit(s), newReload(s), newLogLevel(s))
	addGroup(root, "Besides:", newKeys(s), newAlert(s), newVersion())
	root.SetHelpCommandGroupID("Besides:")
	root.SetCompletionCommandGroupID("Besides:")
	root.AddCommand(newBuild())
	fitHelp(root)
	return root
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	what := "unexpected argument"
	if cmd.HasSubCommands() {
		what = "unknown command"
	}
	return usageError{fmt.Errorf("%s %q; see %s --help", what, args[0], cmd.CommandPath())}
}
