package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/nameserver"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
)

func newKeys(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, show, move and replace the keys of signed zones",
		Long: `Make, show, move and replace the keys of zones that have dnssec = true.

The keys of a zone are files in the state folder, keys/ZONE, of the form that BIND's
tools use. All that is to happen to a key stands in its file as absolute times; every
nameserver that has the files follows them. The running server sees a change by itself.`,
		Example: `  meridian keys init example.com         the first keys, once, on one nameserver
  meridian keys ds example.com           the record for the registrar
  meridian keys list example.com         how the keys stand, and what comes next
  meridian keys roll example.com         replace the key the registrar knows`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysInit(s), newKeysList(s), newKeysDS(s), newKeysImport(s), newKeysExport(s), newKeysRoll(s),
		newKeysSeen(s), newKeysRetire(s), newKeysUnsign(s))
	return cmd
}

// zoneKeys is the zone whose keys a command is about.
type zoneKeys struct {
	cfg    *config.Config
	zone   string // lower case, without a final dot
	folder string
	dnssec *config.DNSSEC // nil: not signed
	now    time.Time
}

// zoneArg makes the RunE of a command whose first argument is a zone.
func zoneArg(s *settings, run func(*cobra.Command, *zoneKeys, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		z, err := findZone(s.config, args[0])
		if err != nil {
			return err
		}
		return z.hinted(run(cmd, z, args[1:]))
	}
}

// command finds commands for keys in the texts of errors.
var command = regexp.MustCompile(`meridian keys [a-z-]+ [^ ;,]+`)

// hinted makes commands in an error's text such as can be run as they stand: with the configuration that is in use.
func (z *zoneKeys) hinted(err error) error {
	if err == nil {
		return nil
	}
	text := command.ReplaceAllString(err.Error(), "$0 --config "+z.cfg.Path)
	if text == err.Error() || strings.Contains(err.Error(), "--config") {
		return err
	}
	return hint{err, text}
}

// hint is an error in other words.
type hint struct {
	error
	text string
}

func (h hint) Error() string { return h.text }
func (h hint) Unwrap() error { return h.error }

// zoneAnd checks that a zone and between lo and hi other arguments are there; what names them.
func zoneAnd(lo, hi int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 1+lo || len(args) > 1+hi {
			return usageError{fmt.Errorf("%s needs a zone%s; see %s --help", cmd.Name(), what, cmd.CommandPath())}
		}
		return nil
	}
}

func findZone(path, name string) (*zoneKeys, error) {
	cfg, err := nameserver.LoadConfig(path)
	if err != nil {
		return nil, err
	}
	zone := strings.ToLower(name)
	if zone != "." {
		zone = strings.TrimSuffix(zone, ".")
	}
	options, named := cfg.ZoneOptions[zone]
	file := filepath.Join(cfg.Zones, dnssec.FolderName(zone)+".zone")
	if _, err := os.Stat(file); err != nil && !named {
		return nil, fmt.Errorf("there is no zone %s: neither %s nor [zone.%q] in %s", zone, file, zone, path)
	}
	return &zoneKeys{cfg, zone, nameserver.KeyFolder(cfg.State, zone), options.DNSSEC, time.Now()}, nil
}

// load reads the keys; that there are none is an error.
func (z *zoneKeys) load() (*dnssec.Ring, error) {
	if err := ownWay(z.cfg.State, z.folder); err != nil {
		return nil, err
	}
	r, err := dnssec.Load(z.folder, z.zone)
	if errors.Is(err, dnssec.ErrNoKeys) {
		return nil, fmt.Errorf("zone %s has %w; make the first with meridian keys init %s", z.zone, err, z.zone)
	}
	return r, err
}

// edit changes the keys of a zone that has some.
func (z *zoneKeys) edit(change func(*dnssec.Ring) (*dnssec.Ring, error)) (*dnssec.Ring, error) {
	if _, err := z.load(); err != nil {
		return nil, err
	}
	return z.write(change)
}

// write changes the keys. Files that root makes are given to whom the state folder belongs: the user that serves.
func (z *zoneKeys) write(change func(*dnssec.Ring) (*dnssec.Ring, error)) (*dnssec.Ring, error) {
	if err := os.MkdirAll(z.cfg.State, 0o755); err != nil {
		return nil, err
	}
	if err := ownWay(z.cfg.State, z.folder); err != nil {
		return nil, err
	}
	r, err := dnssec.Edit(z.folder, z.zone, change)
	if err != nil {
		return nil, err
	}
	return r, giveAway(z.cfg.State, filepath.Dir(z.folder), z.folder)
}

// mayRoll tells whether this nameserver makes the zone's new keys.
func (z *zoneKeys) mayRoll() error {
	if z.dnssec != nil && z.dnssec.Roll {
		return nil
	}
	return fmt.Errorf("this nameserver does not make new keys for %s: run this where [zone.%q] has roll = true, or set it here "+
		"if no other nameserver of the zone has it", z.zone, z.zone)
}

func (z *zoneKeys) timing() dnssec.Timing { return nameserver.TimingOf(z.dnssec) }

func (z *zoneKeys) stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
