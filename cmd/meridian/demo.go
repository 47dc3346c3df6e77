package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/demo"
)

func newDemo(s *settings) *cobra.Command {
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: a nameserver and three web servers on this machine",
		Long: `Run a real nameserver on 127.0.0.1:5300 (or the next free port) over an embedded
zone and configuration, and three small web servers on loopback that it sends
clients to. In a terminal, keys stop and start the web servers, and the answers
move as you watch. Without a terminal it writes a line for each change, and obeys
lines on its input: "stop europe", "start europe", "quit".

Nothing outside a temporary folder is touched, which is removed at the end.`,
		Example: `  meridian demo
  dig @127.0.0.1 -p 5300 www.example.com +subnet=81.2.69.0/24`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			quiet := *s
			if !cmd.Flags().Changed("log-level") {
				quiet.logLevel = "error" // what health checks find is shown anyway
			}
			log, err := quiet.newLog(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			// SIGHUP comes, and twice, when the terminal is closed.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
			defer stop()
			return demo.Run(ctx, demo.Options{
				In: os.Stdin, Out: os.Stdout, Log: log.Logger, Duration: duration,
				Screen: isTerminal(os.Stdin) && isTerminal(os.Stdout) && os.Getenv("TERM") != "dumb",
				Color:  os.Getenv("NO_COLOR") == "",
			})
		},
	}
	cmd.Flags().DurationVar(&duration, "duration", 0, "end after so long, such as 30s (default: when you quit)")
	return cmd
}
