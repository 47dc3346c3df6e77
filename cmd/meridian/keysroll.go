package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/dnssec"
)

func newKeysRoll(s *settings) *cobra.Command {
	zsk := false
	cmd := &cobra.Command{
		Use:   "roll ZONE",
		Short: "Begin to replace a key by a new one",
		Long: `Begin to replace the key that the parent has a DS for, by a new one. The new key's
times lie ahead, so that every nameserver can have its files by then; copy the folder to
the others. CDS and CDNSKEY ask the parent for the new DS. The old key goes once the new
DS was seen at every server of the parent, which the running server looks for, or was
confirmed by keys ds-seen.

ZSKs are replaced by the running server when their time is over; --zsk does it now.`,
		Example: "  meridian keys roll example.com\n  meridian keys roll example.com --zsk",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			return z.roll(cmd.OutOrStdout(), zsk)
		}),
	}
	cmd.Flags().BoolVar(&zsk, "zsk", zsk, "replace the ZSK")
	return cmd
}

func (z *zoneKeys) roll(w io.Writer, zsk bool) error {
	if err := z.mayRoll(); err != nil {
		return err
	}
	var made *dnssec.Key
	ring, err := z.edit(func(old *dnssec.Ring) (next *dnssec.Ring, err error) {
		role := dnssec.CSK
		switch {
		case zsk:
			role = dnssec.ZSK
		case old.Split():
			role = dnssec.KSK
		}
		next, made, err = old.Roll(role, z.now, z.timing())
		return next, err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "made %v %d for %s; copy %s to the other nameservers before %s\n\n", made.Role, made.Tag(), z.zone, z.folder,
		z.stamp(made.Times.Publish))
	z.list(w, ring)
	return nil
}

func newKeysSeen(s *settings) *cobra.Command {
	gone, ttl := false, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "ds-seen ZONE [TAG]",
		Short: "Confirm that the parent has the DS of a key",
		Long: `Confirm that every server of the parent has the DS of a key, by default of the one
that is on its way to replace another: the replaced one is then removed once caches have
forgotten. With --gone: that the parent has no DS of the zone any more.

The running server finds out by itself if it has roll = true and may ask the parent.`,
		Example: "  meridian keys ds-seen example.com\n  meridian keys ds-seen example.com --gone",
		Args:    zoneAnd(0, 1, " and perhaps the tag of a key"),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, args []string) error {
			return z.seen(cmd.OutOrStdout(), args, gone, ttl)
		}),
	}
	cmd.Flags().BoolVar(&gone, "gone", gone, "the parent has no DS any more")
	cmd.Flags().DurationVar(&ttl, "ttl", ttl, "the TTL of the DS at the parent (default ds_ttl of the configuration)")
	return cmd
}

func (z *zoneKeys) seen(w io.Writer, args []string, gone bool, ttl time.Duration) error {
	t := z.timing()
	if ttl > 0 {
		t.DSTTL = ttl
	}
	ring, err := z.edit(func(old *dnssec.Ring) (*dnssec.Ring, error) {
		if gone {
			if old.Leave.Since.IsZero() {
				return nil, fmt.Errorf("zone %s is not on its way to being unsigned; begin with meridian keys unsign %s", z.zone, z.zone)
			}
			return old.Gone(z.now, t), nil
		}
		tag, err := seenTag(old, args, z.now)
		if err != nil {
			return nil, err
		}
		return old.Seen(tag, z.now, t.DSTTL, t)
	})
	if err != nil {
		return err
	}
	z.list(w, ring)
	return nil
}

// seenTag is the key that is meant: that of the argument, or the newest whose DS may have come.
func seenTag(ring *dnssec.Ring, args []string, now time.Time) (uint16, error) {
	if len(args) > 0 {
		return parseTag(args[0])
	}
	asked := ring.Asked(now)
	if len(asked) == 0 {
		return 0, fmt.Errorf("no key of zone %s waits for a DS", ring.Origin)
	}
	return asked[len(asked)-1].Tag(), nil
}

func parseTag(s string) (uint16, error) {
	tag, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, usageError{fmt.Errorf("%q is no key tag, a number up to 65535 that keys list shows", s)}
	}
	return uint16(tag), nil
}

func newKeysRetire(s *settings) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use:   "retire ZONE TAG",
		Short: "End a key that others can do without",
		Long: `End a key, as soon as every nameserver can know and caches have forgotten it. It is
refused for a key without which the zone would not validate. With --all instead of a
tag the zone becomes unsigned, as by keys unsign.`,
		Example: "  meridian keys retire example.com 41165\n  meridian keys retire example.com --all",
		Args:    zoneAnd(0, 1, " and the tag of a key"),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, args []string) error {
			if all == (len(args) == 1) {
				return usageError{fmt.Errorf("retire needs the tag of a key, or --all; see %s --help", cmd.CommandPath())}
			}
			if all {
				return z.unsign(cmd.OutOrStdout(), false)
			}
			return z.retire(cmd.OutOrStdout(), args[0])
		}),
	}
	cmd.Flags().BoolVar(&all, "all", all, "all keys: the zone becomes unsigned")
	return cmd
}

func (z *zoneKeys) retire(w io.Writer, arg string) error {
	tag, err := parseTag(arg)
	if err != nil {
		return err
	}
	ring, err := z.edit(func(old *dnssec.Ring) (*dnssec.Ring, error) {
		next, _, err := old.Retire(tag, z.now, z.timing())
		return next, err
	})
	if err != nil {
		return err
	}
	z.list(w, ring)
	return nil
}

func newKeysUnsign(s *settings) *cobra.Command {
	cancel := false
	cmd := &cobra.Command{
		Use:   "unsign ZONE",
		Short: "Begin to make a zone unsigned",
		Long: `Begin to make a zone unsigned. The zone stays signed; CDS and CDNSKEY ask the parent to
remove its DS (RFC 8078), which you may also do at the registrar. Once no server of the
parent has one, which the running server looks for or keys ds-seen --gone confirms, and
caches have forgotten it, keys list says that dnssec = false is safe.`,
		Example: "  meridian keys unsign example.com\n  meridian keys unsign example.com --cancel",
		Args:    zoneAnd(0, 0, ""),
		RunE: zoneArg(s, func(cmd *cobra.Command, z *zoneKeys, _ []string) error {
			return z.unsign(cmd.OutOrStdout(), cancel)
		}),
	}
	cmd.Flags().BoolVar(&cancel, "cancel", cancel, "stay signed after all")
	return cmd
}

func (z *zoneKeys) unsign(w io.Writer, cancel bool) error {
	ring, err := z.edit(func(old *dnssec.Ring) (*dnssec.Ring, error) {
		if cancel {
			return old.Stay(), nil
		}
		return old.Unsign(z.now), nil
	})
	if err != nil {
		return err
	}
	z.list(w, ring)
	return nil
}
