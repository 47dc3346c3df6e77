package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/dnssec"
)

func newKeysInit(s *settings) *cobra.Command {
	algorithm, split := "ECDSAP256SHA256", false
	cmd := &cobra.Command{
		Use:   "init ZONE",
		Short: "Make the first keys of a zone",
		Long: `Make the first keys of a zone, in the state folder. Run it once, on one nameserver of
the zone; the others get a copy of the folder, or keys import. Nothing else ever makes
first keys, because nameservers with keys of their own each would break the zone.

By default there is one key for everything, which is the simplest that is safe.`,
		Example: "  meridian keys init example.com\n  meridian keys init example.com --algorithm ED25519 --split",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			a, err := dnssec.ParseAlgorithm(algorithm)
			if err != nil {
				return usageError{fmt.Errorf("--algorithm: %w", err)}
			}
			return z.init(cmd.OutOrStdout(), a, split)
		}),
	}
	cmd.Flags().StringVar(&algorithm, "algorithm", algorithm, "ECDSAP256SHA256, ECDSAP384SHA384 or ED25519")
	cmd.Flags().BoolVar(&split, "split", split, "two keys: one that the registrar knows (KSK), one that signs the zone (ZSK)")
	return cmd
}

func (z *zoneKeys) init(w io.Writer, a dnssec.Algorithm, split bool) error {
	ring, err := z.write(func(old *dnssec.Ring) (*dnssec.Ring, error) {
		if old != nil {
			return nil, fmt.Errorf("zone %s has keys already, in %s; nothing was changed", z.zone, z.folder)
		}
		return dnssec.First(z.zone, a, split, z.now, z.timing())
	})
	if err != nil {
		return err
	}
	for _, k := range ring.Keys {
		fmt.Fprintf(w, "made %v %d (%v) for %s\n", k.Role, k.Tag(), k.Algorithm, z.zone)
	}
	fmt.Fprintf(w, "\n1. Copy %s to every other nameserver of the zone.\n", z.folder)
	step := 2
	if z.dnssec == nil {
		fmt.Fprintf(w, "2. On all of them set dnssec = true in [zone.%q], and reload.\n", z.zone)
		step++
	}
	k := ring.Asked(z.now)[0]
	fmt.Fprintf(w, "%d. Give the registrar this record, from %s on, if the zone was served unsigned before:\n   caches then know "+
		"that it is signed.\n\n%s\n", step, z.stamp(k.Times.SyncPublish), k.DSLine(z.zone, dnssec.SHA256))
	return nil
}

func newKeysList(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "list ZONE",
		Short:   "Show the keys of a zone, and what comes next",
		Example: "  meridian keys list example.com",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			ring, err := z.load()
			if err != nil {
				return err
			}
			z.list(cmd.OutOrStdout(), ring)
			return nil
		}),
	}
}

func (z *zoneKeys) list(w io.Writer, ring *dnssec.Ring) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TAG\tROLE\tALGORITHM\tSTATE\tDS AT THE PARENT\tNEXT")
	for _, k := range ring.Keys {
		fmt.Fprintf(t, "%d\t%v\t%v\t%s\t%s\t%s\n", k.Tag(), k.Role, k.Algorithm, k.State(z.now), k.DSState(z.now), k.NextStep(z.now))
	}
	t.Flush()
	for _, line := range ring.Warnings(z.now) {
		fmt.Fprintln(w, "\nwarning:", line)
	}
	if !ring.Leave.Since.IsZero() {
		fmt.Fprintf(w, "\n%s\n", z.leaving(ring))
	}
}

// leaving says how far the zone is on its way to being unsigned.
func (z *zoneKeys) leaving(ring *dnssec.Ring) string {
	l := ring.Leave
	switch {
	case l.DSGone.IsZero():
		return fmt.Sprintf("%s becomes unsigned: the DS at the parent is to be removed. Keep dnssec = true until then and for some time after.", z.zone)
	case z.now.Before(l.Safe):
		return fmt.Sprintf("%s becomes unsigned: the parent has no DS any more. Keep dnssec = true until %s.", z.zone, z.stamp(l.Safe))
	}
	return fmt.Sprintf("%s may be served unsigned: set dnssec = false on every nameserver.", z.zone)
}

func newKeysDS(s *settings) *cobra.Command {
	sha384, comment := false, "; key %d: not yet; from %s on\n"
	cmd := &cobra.Command{
		Use:   "ds ZONE",
		Short: "Print the DS records for the registrar",
		Long: `Print the DS records that the parent zone should have, as lines of a master file:
SHA-256, or SHA-384 with --sha384. A registrar that asks for a DNSKEY instead finds it
in the .key file.`,
		Example: "  meridian keys ds example.com\n  meridian keys ds example.com --sha384",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			ring, err := z.load()
			if err != nil {
				return err
			}
			digest := dnssec.SHA256
			if sha384 {
				digest = dnssec.SHA384
			}
			for _, k := range ring.Asked(z.now) {
				fmt.Fprintln(cmd.OutOrStdout(), k.DSLine(z.zone, digest))
			}
			for _, k := range ring.Keys {
				if k.Role.HasDS() && k.Times.SyncPublish.After(z.now) && len(ring.Keys) > 1 && k == ring.Rolling(k.Role, z.now) {
					fmt.Fprintf(cmd.ErrOrStderr(), comment, k.Tag(), z.stamp(k.Times.SyncPublish))
				}
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&sha384, "sha384", sha384, "digests by SHA-384")
	return cmd
}

func newKeysImport(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "import ZONE FILE...",
		Short: "Take over keys from files or folders",
		Long: `Take over keys of a zone from the files that BIND's dnssec-keygen and keys export
write, K*.key and K*.private. A FILE is either of a pair, or a folder with several.
Keys that are here already get the times of the files.`,
		Example: `  meridian keys import example.com Kexample.com.+013+41165.private
  meridian keys import example.com /var/cache/bind/keys`,
		Args: zoneAnd(1, 1000, " and files"),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, args []string) error {
			return z.take(cmd.OutOrStdout(), args)
		}),
	}
}

func (z *zoneKeys) take(w io.Writer, paths []string) error {
	in, err := dnssec.ReadForeign(z.zone, paths, z.now)
	if err != nil {
		return err
	}
	ring, err := z.write(func(old *dnssec.Ring) (*dnssec.Ring, error) { return old.Merge(in) })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "took over %s into %s\n\n", keyCount(len(in.Keys)), z.folder)
	z.list(w, ring)
	return nil
}

func keyCount(n int) string {
	if n == 1 {
		return "1 key"
	}
	return strconv.Itoa(n) + " keys"
}

func newKeysExport(s *settings) *cobra.Command {
	to := ""
	cmd := &cobra.Command{
		Use:   "export ZONE --to FOLDER",
		Short: "Write the keys of a zone to another folder",
		Long: `Write the keys of a zone to another folder, to be moved to another nameserver: with
keys import there, or by hand where BIND's key files are understood. The files hold
private keys: move them by a safe way, and remove them then.`,
		Example: "  meridian keys export example.com --to /root/example.com-keys",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			if to == "" {
				return usageError{errors.New("where to? add --to FOLDER")}
			}
			return z.export(cmd.OutOrStdout(), to)
		}),
	}
	cmd.Flags().StringVar(&to, "to", to, "the `folder`, which is made if need be")
	return cmd
}

func (z *zoneKeys) export(w io.Writer, to string) error {
	ring, err := z.load()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, k := range ring.Keys {
		path := filepath.Join(to, k.FileName(z.zone)+".private")
		if _, err := os.Stat(path); err == nil {
			return fmt.Errorf("%s is there already; nothing is overwritten", path)
		}
	}
	if err := ring.WriteTo(to); err != nil {
		return err
	}
	fmt.Fprintf(w, "wrote %s to %s\n", keyCount(len(ring.Keys)), strings.TrimSuffix(to, "/"))
	return nil
}
