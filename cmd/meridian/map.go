package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
)

// mapCommand is what the flags of map say.
type mapCommand struct {
	*settings
	pool    string
	down    []string
	add     []string
	out     string
	format  string
	json    bool
	offline bool
}

func newMap(s *settings) *cobra.Command {
	m := &mapCommand{settings: s}
	cmd := &cobra.Command{
		Use:   "map POOL",
		Short: "Draw which part of the world each server of a pool serves",
		Long: `Tell for every country which server of a pool its clients are sent to and how far
that is, and with --out draw it as a map: the areas come from the pool's own
rankings, so rules, fences, order, drains and dead servers all show.

The running server is asked, so the map is of this moment. If none runs, or with
--offline, it is made from the configuration, and every server counts as up.
--down takes servers for down. --add tries a server before there is one.`,
		Example: `  meridian map web                                 who serves what, how far
  meridian map web --out map.svg                   as a picture
  meridian map web --down fr --out without-fr.svg  what if fr died?
  meridian map web --add jp=Tokyo --out jp.svg     what would Tokyo do?`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("map needs the name of a pool; see %s --help", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			m.pool = args[0]
			return m.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&m.down, "down", nil, "take this `server` for down: a name, a glob or site:NAME; may be given several times")
	f.StringArrayVar(&m.add, "add", nil, "try one more server, `NAME=PLACE`: a city or latitude,longitude; may be given several times")
	f.StringVarP(&m.out, "out", "o", "", "write the map to a `file`; - is standard output, without the table")
	f.StringVar(&m.format, "format", "svg", "of the file: svg or json")
	f.BoolVar(&m.json, "json", false, "print the table as JSON")
	f.BoolVar(&m.offline, "offline", false, "do not ask the running server: every server counts as up")
	return cmd
}

func (m *mapCommand) run(cmd *cobra.Command) error {
	if m.format != "svg" && m.format != "json" {
		return usageError{fmt.Errorf("--format %q is neither svg nor json", m.format)}
	}
	drawn, from, err := m.draw(cmd.Context())
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if m.out == "-" {
		if m.format == "json" {
			return printJSON(w, drawn.Coverage)
		}
		_, err := w.Write(drawn.SVG)
		return err
	}
	if err := m.write(drawn); err != nil {
		return err
	}
	if m.json {
		return printJSON(w, drawn.Coverage)
	}
	fmt.Fprintln(w, from)
	printCoverage(w, &drawn.Coverage)
	if m.out != "" {
		fmt.Fprintf(w, "\nwritten to %s\n", m.out)
	}
	return nil
}

// write makes the file that was asked for.
func (m *mapCommand) write(drawn *admin.Map) error {
	if m.out == "" {
		return nil
	}
	if m.format == "svg" {
		return os.WriteFile(m.out, drawn.SVG, 0o644)
	}
	f, err := os.Create(m.out)
	if err != nil {
		return err
	}
	return errors.Join(printJSON(f, drawn.Coverage), f.Close())
}

// draw asks the running server, or else draws the map itself; from says which.
//
//	--add   --offline   a server runs   drawn by
//	yes     any         any             us: the running one has no such server
//	no      yes         any             us
//	no      no          yes             the server
//	no      no          no              us
func (m *mapCommand) draw(ctx context.Context) (drawn *admin.Map, from string, err error) {
	why := "computed from " + m.config
	if len(m.add) == 0 && !m.offline {
		drawn, err := m.ask(ctx)
		switch {
		case err == nil:
			return drawn, "asked the running server", nil
		case absent(err):
			why = "no server is running: " + why
		case errors.Is(err, os.ErrPermission):
			why = fmt.Sprintf("the running server may not be asked (%v): %s", err, why)
		default:
			return nil, "", err
		}
	}
	drawn, err = m.compute(ctx)
	return drawn, why, err
}

// ask asks the running server for the numbers, and for the picture if it is wanted.
func (m *mapCommand) ask(ctx context.Context) (*admin.Map, error) {
	client := &admin.Client{Socket: m.socketOf()}
	query := url.Values{"pool": {m.pool}, "down": m.down}.Encode()
	var drawn admin.Map
	err := client.Do(ctx, http.MethodGet, "/v1/coverage?"+query, nil, &drawn.Coverage)
	if err == nil && m.out != "" && m.format == "svg" {
		err = client.Do(ctx, http.MethodGet, "/v1/map?"+query, nil, &drawn.SVG)
	}
	return &drawn, err
}

func (m *mapCommand) compute(ctx context.Context) (*admin.Map, error) {
	cfg, err := nameserver.LoadConfig(m.config)
	if err != nil {
		return nil, err
	}
	for _, a := range m.add {
		name, at, ok := strings.Cut(a, "=")
		if !ok || name == "" || at == "" {
			return nil, usageError{fmt.Errorf("--add %q is not NAME=PLACE, such as jp=Tokyo", a)}
		}
		if err := nameserver.TryServer(cfg, m.pool, name, at); err != nil {
			return nil, fmt.Errorf("--add %q: %w", a, err)
		}
	}
	plan, err := nameserver.Prepare(ctx, build.Here{}, cfg, nil)
	if err != nil {
		return nil, err
	}
	drawn, err := nameserver.DrawMap(ctx, plan, admin.MapRequest{Pool: m.pool, Down: m.down, Legend: true})
	return &drawn, err
}
