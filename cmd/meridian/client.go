package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
	"github.com/meridian-dns/meridian/config"
)

// askSocket sends a request to the nameserver behind a socket. Errors it answers with stand one to a line.
func askSocket(ctx context.Context, socket, method, path string, in, out any) error {
	err := (&admin.Client{Socket: socket}).Do(ctx, method, path, in, out)
	var refusal *admin.Refusal
	switch {
	case errors.As(err, &refusal):
		var list []error
		for _, e := range refusal.Errors {
			list = append(list, errors.New(e))
		}
		return errors.Join(list...)
	case absent(err):
		return fmt.Errorf("no server is running: nobody answers on %s", socket)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("the running server may not be asked: %s: permission denied; run this as the user that serves, or as root", socket)
	}
	return err
}

// socketOf finds the socket even when the configuration is refused: a server may be running with the one before it.
func (s *settings) socketOf() string { return nameserver.SocketPath(config.StateOf(s.config)) }

// printJSON writes a value for machines.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// whoAmI is the person at the keyboard, behind sudo too.
func whoAmI() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

// atMost refuses more arguments.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError{fmt.Errorf("%s takes one %s, not %d; see %s --help", cmd.Name(), what, len(args), cmd.CommandPath())}
		}
		return nil
	}
}

// atLeast refuses fewer arguments.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usageError{fmt.Errorf("%s needs %s; see %s --help", cmd.Name(), what, cmd.CommandPath())}
		}
		return nil
	}
}
