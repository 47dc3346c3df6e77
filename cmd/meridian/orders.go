package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/admin"
)

// orderFlags are what all commands that give or end orders have in common.
type orderFlags struct {
	pools  []string
	length string
	at     string
	reason string
	id     string
	json   bool
}

func (f *orderFlags) give(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.pools, "pool", nil, "only in this `pool`, or those that a glob fits (default: all)")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the list, the audit log and explanations")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

func (f *orderFlags) time(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.length, "for", "", "end by itself after this `duration`, such as 30m or 2h (default: never)")
	cmd.Flags().StringVar(&f.at, "at", "", "begin at this `time`: 15:04 (the next, here), 2006-01-02T15:04 or with a zone (default: now)")
}

const serversHelp = `A SERVER is a name of [servers], a site as site:europe, or a glob such as 'eu-*'
(in quotes, so that the shell leaves it alone).`

func newDrain(s *settings) *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "drain SERVER...",
		Short: "Take servers out of the answers for a while",
		Long: `Take servers out of the answers, whatever their checks say. ` + serversHelp + `

A drained server answers again only where all servers that a client could be sent
to are drained. Drains last over restarts. Without a SERVER those in force and
planned are listed.`,
		Example: `  meridian drain fr --for 1h --reason "kernel"
  meridian drain site:europe --at 03:00 --for 30m --pool web
  meridian drain                                 list
  meridian undrain fr`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listOrders(cmd, s, &f)
			}
			return giveOrder(cmd, s, &f, admin.Drain, args)
		},
	}
	f.give(cmd)
	f.time(cmd)
	return cmd
}

func newUndrain(s *settings) *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "undrain SERVER...",
		Short: "End drains",
		Long: `End the drains that were given for a SERVER: the same name, site or glob, or a glob
that fits it. '*' ends all. --id ends one by its number.`,
		Example: `  meridian undrain fr
  meridian undrain '*'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return release(cmd, s, &f, []string{admin.Drain}, args)
		},
	}
	f.give(cmd)
	cmd.Flags().StringVar(&f.id, "id", "", "the `number` of a drain")
	return cmd
}

func newForce(s *settings) *cobra.Command {
	var f orderFlags
	cmd := &cobra.Command{
		Use:   "force up|down|auto SERVER...",
		Short: "Override what the checks of servers say",
		Long: `Make servers count as up or as down whatever their checks say, or, with auto, let
the checks decide again. ` + serversHelp + `

Unlike a drained server one that is forced down is a candidate still: it counts for
all_down, and may be answered if all others are down, too.`,
		Example: `  meridian force down fr --reason "answers 200 but is broken"
  meridian force up fr --for 10m
  meridian force auto fr`,
		Args: atLeast(2, "up, down or auto, and a server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case admin.Up, admin.Down:
				return giveOrder(cmd, s, &f, args[0], args[1:])
			case "auto":
				return release(cmd, s, &f, []string{admin.Up, admin.Down}, args[1:])
			}
			return usageError{fmt.Errorf("%q is none of up, down, auto; see %s --help", args[0], cmd.CommandPath())}
		},
	}
	f.give(cmd)
	f.time(cmd)
	return cmd
}

func giveOrder(cmd *cobra.Command, s *settings, f *orderFlags, kind string, servers []string) error {
	r := admin.OrderRequest{Kind: kind, Servers: servers, Pools: f.pools, For: f.length, Reason: f.reason, Who: whoAmI()}
	if d, err := time.ParseDuration(f.length); f.length != "" && (err != nil || d <= 0) {
		return usageError{fmt.Errorf("--for: %q is not a length of time such as 30m or 2h", f.length)}
	}
	if f.at != "" {
		at, err := parseAt(f.at, time.Now())
		if err != nil {
			return usageError{err}
		}
		r.At = at.Format(time.RFC3339)
	}
	var made []admin.Order
	if err := askSocket(cmd.Context(), s.socketOf(), http.MethodPost, "/v1/orders", r, &made); err != nil {
		return err
	}
	return printOrders(cmd.OutOrStdout(), f, made)
}

// parseAt reads a time of day, which is the next one, or a date with a time.
func parseAt(text string, now time.Time) (time.Time, error) {
	if t, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), 0, 0, now.Location())
		if !at.After(now) {
			at = at.AddDate(0, 0, 1)
		}
		return at, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02 15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--at: %q is not a time such as 15:04 or 2006-01-02T15:04", text)
}

func release(cmd *cobra.Command, s *settings, f *orderFlags, kinds, servers []string) error {
	if f.id == "" && len(servers) == 0 {
		return usageError{errors.New("which? name servers, or --id; meridian drain lists what is in force")}
	}
	r := admin.ReleaseRequest{ID: f.id, Kinds: kinds, Servers: servers, Pools: f.pools, Reason: f.reason, Who: whoAmI()}
	var ended []admin.Order
	if err := askSocket(cmd.Context(), s.socketOf(), http.MethodPost, "/v1/release", r, &ended); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if f.json {
		return printJSON(w, ended)
	}
	for i := range ended {
		fmt.Fprintf(w, "ended: %s\n", orderLine(&ended[i]))
	}
	return nil
}

func listOrders(cmd *cobra.Command, s *settings, f *orderFlags) error {
	if f.length != "" || f.at != "" || f.reason != "" {
		return usageError{errors.New("which? name servers, such as: meridian drain fr --for 1h")}
	}
	var all []admin.Order
	if err := askSocket(cmd.Context(), s.socketOf(), http.MethodGet, "/v1/orders", nil, &all); err != nil {
		return err
	}
	if len(all) == 0 && !f.json {
		fmt.Fprintln(cmd.OutOrStdout(), "no server is drained or forced")
		return nil
	}
	return printOrders(cmd.OutOrStdout(), f, all)
}

func printOrders(w io.Writer, f *orderFlags, list []admin.Order) error {
	if f.json {
		return printJSON(w, list)
	}
	for i := range list {
		fmt.Fprintln(w, orderLine(&list[i]))
	}
	return nil
}

// orderLine is an order in words: "order 3: fr drained until 15:04 (56m), by ann: kernel".
func orderLine(o *admin.Order) string {
	what := map[string]string{admin.Drain: "drained", admin.Up: "forced up", admin.Down: "forced down"}[o.Kind]
	var b strings.Builder
	fmt.Fprintf(&b, "order %s: %s %s", o.ID, o.Target(), what)
	if o.Planned {
		b.WriteString(" from " + clock(o.From))
	}
	if o.Until.IsZero() {
		b.WriteString(" until it is released")
	} else {
		fmt.Fprintf(&b, " until %s", clock(o.Until))
	}
	fmt.Fprintf(&b, ", by %s", o.Who)
	if o.Reason != "" {
		b.WriteString(": " + o.Reason)
	}
	if len(o.Matches) != 1 || o.Matches[0] != o.Server {
		fmt.Fprintf(&b, " (%s)", strings.Join(o.Matches, ", "))
	}
	return b.String()
}

// clock is a time for people here: with the date if it is not today's.
func clock(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

func newReadmit(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "readmit SERVER...",
		Short: "Bring servers back that are well but held down",
		Long: `Bring servers back at once whose checks pass again but that are held down: by
failback = "one-way", which waits for this command, by a cooldown or by a delay.
` + serversHelp,
		Example: "  meridian readmit fr",
		Args:    atLeast(1, "a server"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var back []string
			r := admin.ReadmitRequest{Servers: args, Who: whoAmI()}
			if err := askSocket(cmd.Context(), s.socketOf(), http.MethodPost, "/v1/readmit", r, &back); err != nil {
				return err
			}
			for _, target := range back {
				fmt.Fprintln(cmd.OutOrStdout(), "up: "+target)
			}
			return nil
		},
	}
}
