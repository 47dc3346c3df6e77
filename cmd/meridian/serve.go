package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
)

func newServe(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the nameserver",
		Long: `Run the nameserver in the foreground.

Zone files and geo databases are picked up when they change. The configuration is
read again on SIGHUP: a file with an error in it is refused as a whole, and the
server goes on as before. SIGTERM and SIGINT answer what has been received, then
stop; a second one stops at once.`,
		Example: `  meridian serve --config /etc/meridian/meridian.toml
  systemctl reload meridian                      (SIGHUP)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := s.newLog(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer log.Sync()
			ctx, stop := untilStopped(cmd.Context())
			defer stop()
			return serve(ctx, nameserver.Options{
				Config: s.config, Version: buildVersion(), Log: log.Logger, Level: log.level,
				Lines: log.lines, Console: log.console,
				First: build.Child{Eager: true}, Later: build.Child{},
			})
		},
	}
}

// untilStopped gives a context that ends with the first SIGTERM or SIGINT. The second one then has its usual effect.
func untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func serve(ctx context.Context, o nameserver.Options) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // from the beginning: one that comes early must not end the process
	defer signal.Stop(hangup)
	n, err := nameserver.Start(ctx, o)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return err
	}
	makeRoom(n)
	o.Log.Info("serving " + n.Summary())
	for _, url := range n.Pages() {
		o.Log.Info("status page: " + url)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		reloads(ctx, n, hangup, o.Log)
	}()
	err = n.Run(ctx)
	if ctx.Err() == nil {
		return err // and the reloads end with the process
	}
	<-done
	o.Log.Info("stopped")
	return err
}

// makeRoom lets everything else run while the UDP workers of all addresses wait for the kernel in calls that the
// scheduler does not know to be waiting.
func makeRoom(n *nameserver.Nameserver) {
	cfg := n.Plan().Config
	procs := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(procs, cmp.Or(cfg.Workers, procs)*len(cfg.Listen)) + 2)
}

// reloads reads everything again at every signal.
func reloads(ctx context.Context, n *nameserver.Nameserver, hangup <-chan os.Signal, log *zap.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			err := n.Reload(ctx)
			if err == nil {
				log.Info("reloaded: " + n.Summary())
				continue
			}
			if ctx.Err() != nil {
				return
			}
			log.Error("reload refused, nothing has changed")
			for line := range strings.SplitSeq(err.Error(), "\n") {
				log.Error(line)
			}
		}
	}
}
