package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
)

func newExplain(s *settings) *cobra.Command {
	var client string
	cmd := &cobra.Command{
		Use:   "explain NAME [TYPE] --client ADDRESS[/LENGTH]",
		Short: "Tell why a client gets the answer it gets",
		Long: `Tell why a client gets the answer it gets: its place, the rule that matched, the
servers in order with their distance and state, the answer, its scope and TTL.

An ADDRESS stands for a query that comes from there. ADDRESS/LENGTH stands for a
query that carries this client subnet (RFC 7871), as large resolvers send it.

The running server is asked, through the socket in its state folder. If none runs,
the same is computed from the configuration, and the health of servers is not known.`,
		Example: `  meridian explain www.example.com --client 81.2.69.0/24
  meridian explain www.example.com AAAA --client 2001:db8::1`,
		Args: explainArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if client == "" {
				return usageError{errors.New("whose answer? add --client, with an address such as 81.2.69.7 or a network such as 81.2.69.0/24")}
			}
			args = append(args, "A")
			q, err := admin.ParseQuestion(args[0], args[1], client)
			if err != nil {
				return usageError{err}
			}
			return explain(cmd.Context(), cmd.OutOrStdout(), s.config, q, client)
		},
	}
	cmd.Flags().StringVar(&client, "client", "", "the `address` or network of the client")
	return cmd
}

func explainArgs(cmd *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usageError{fmt.Errorf("explain needs a name and perhaps a type; see %s --help", cmd.CommandPath())}
	}
	return nil
}

func explain(ctx context.Context, w io.Writer, path string, q *admin.Question, client string) error {
	cfg, err := nameserver.LoadConfig(path)
	if err != nil {
		return err
	}
	lines, err := askServer(ctx, nameserver.SocketPath(cfg.State), q, client)
	switch {
	case err == nil:
		fmt.Fprintln(w, "asked the running server")
	case absent(err):
		fmt.Fprintln(w, "no server is running: computed from", path)
	case errors.Is(err, os.ErrPermission):
		fmt.Fprintf(w, "the running server may not be asked (%v): computed from %s\n", err, path)
	default:
		return err
	}
	if err != nil {
		if lines, err = explainOffline(ctx, path, q); err != nil {
			return err
		}
	}
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
	return nil
}

// absent tells whether an error of connecting means that no server runs.
func absent(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

func explainOffline(ctx context.Context, path string, q *admin.Question) ([]string, error) {
	report, err := nameserver.Check(ctx, path)
	if err != nil {
		return nil, err
	}
	if report.View == nil {
		return nil, fmt.Errorf("%s", report.Errors[0])
	}
	return q.Explain(report.View)
}

// askServer asks the nameserver that listens on a socket.
func askServer(ctx context.Context, socket string, q *admin.Question, client string) ([]string, error) {
	query := url.Values{"name": {q.Name}, "type": {q.TypeName()}, "client": {client}}
	var answer admin.Explanation
	err := (&admin.Client{Socket: socket}).Do(ctx, http.MethodGet, "/v1/explain?"+query.Encode(), nil, &answer)
	return answer.Lines, err
}
