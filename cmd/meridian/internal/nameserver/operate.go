package nameserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/orders"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/zones"
)

// checkLimits bound what a text sent to be checked may make of itself: the text is small, and $GENERATE is not.
var checkLimits = zones.Limits{Records: 500_000, Generated: 8 << 20}

// maxZoneText is how much of a zone file is shown.
const maxZoneText = 1 << 20

// History lists what became of targets, servers and orders.
func (n *Nameserver) History(filter string) []admin.Event { return n.ops.history.list(filter) }

// Orders lists the drains and forced states.
func (n *Nameserver) Orders() []admin.Order { return n.ops.book.List(n.Plan().Pools) }

// Order puts orders in force and returns when queries see them.
func (n *Nameserver) Order(by admin.Caller, r admin.OrderRequest) ([]admin.Order, error) {
	made, err := n.ops.book.Add(by, r, n.Plan().Pools)
	for i := range made {
		to := "begun"
		if made[i].Planned {
			to = "planned"
		}
		n.noteOrder(&made[i], made[i].Kind, to)
	}
	n.ordersChanged()
	return made, err
}

// Release ends orders and returns when queries see it.
func (n *Nameserver) Release(by admin.Caller, r admin.ReleaseRequest) ([]admin.Order, error) {
	ended, err := n.ops.book.Release(by, r, n.Plan().Pools)
	for i := range ended {
		n.noteOrder(&ended[i], ended[i].Kind, "released")
	}
	n.ordersChanged()
	return ended, err
}

// reloader is n with Reload as operators call it.
type reloader struct{ *Nameserver }

// Reload reads everything again for an operator.
func (n reloader) Reload(ctx context.Context, by admin.Caller) (admin.Reloaded, error) {
	err := n.Nameserver.Reload(context.WithoutCancel(ctx))
	entry := orders.Entry{Time: time.Now(), Action: "reload", By: by.Name}
	if err != nil {
		entry.Error = err.Error()
	}
	if bad := n.ops.audit.Add(entry); bad != nil {
		n.ops.alarms.setError("audit", "the audit log cannot be written", bad)
	}
	if err != nil {
		return admin.Reloaded{}, admin.Conflict(lines(err))
	}
	n.mu.Lock()
	r := admin.Reloaded{Generation: n.generation, Problems: []string{}, Warnings: []string{}}
	n.mu.Unlock()
	r.Summary = n.Summary()
	n.change.Lock()
	r.Warnings = append(r.Warnings, n.ops.fixed...)
	n.change.Unlock()
	for _, p := range n.folder.Problems() {
		if p.Warning {
			r.Warnings = append(r.Warnings, p.String())
		} else {
			r.Problems = append(r.Problems, p.String())
		}
	}
	return r, nil
}

// Zone gives a zone that is configured with the text of its file, which is found by its origin: what a caller writes
// gets near no path.
func (n *Nameserver) Zone(name string) (admin.ZoneText, error) {
	n.mu.Lock()
	set := n.zones
	n.mu.Unlock()
	list := admin.Zones(set)
	i := slices.IndexFunc(list, func(z admin.Zone) bool { return strings.EqualFold(z.Name, dns.Fqdn(name)) })
	if i < 0 {
		return admin.ZoneText{}, admin.NotFound("no zone is named %q", name)
	}
	t := admin.ZoneText{Zone: list[i], Problems: []string{}}
	t.File = n.zoneFile(set.Entry(i).Origin)
	for _, p := range n.folder.Problems() {
		if t.File != "" && filepath.Base(p.File) == t.File {
			t.Problems = append(t.Problems, p.String())
		}
	}
	return t, readZone(filepath.Join(n.first.Zones, t.File), &t)
}

// zoneFile is the name of the file of an origin; "" if it is gone, and its zone served on.
func (n *Nameserver) zoneFile(origin string) string {
	files, _ := os.ReadDir(n.first.Zones)
	for _, f := range files {
		if o, err := zones.OriginOf(f.Name()); err == nil && o == origin && f.Type().IsRegular() {
			return f.Name()
		}
	}
	return ""
}

func readZone(path string, t *admin.ZoneText) error {
	if t.File == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxZoneText+1))
	if t.Cut = len(text) > maxZoneText; t.Cut {
		text = text[:maxZoneText]
	}
	t.Text = string(text)
	return err
}

// CheckZone says what is wrong with a text as a zone, whether that is configured or not. Files it includes are not
// found.
func (n *Nameserver) CheckZone(name string, text []byte) (admin.ZoneReport, error) {
	file := "root.zone"
	if name = strings.TrimSuffix(name, "."); name != "" {
		file = strings.ReplaceAll(strings.ToLower(name), "/", "%2F") + ".zone"
	}
	if _, err := zones.OriginOf(file); err != nil {
		return admin.ZoneReport{}, admin.BadRequest("%q is not the name of a zone: %v", name, err)
	}
	zone, problems := zones.ParseWithin(checkLimits, file, bytes.NewReader(text), int64(len(text)), geoInfo(n.Plan().Set))
	r := admin.ZoneReport{OK: zone != nil, Problems: []string{}}
	for _, p := range problems {
		r.Problems = append(r.Problems, p.String())
	}
	return r, nil
}

// Heartbeat takes a server's word of how it is.
func (n *Nameserver) Heartbeat(server, token string, b admin.Heartbeat) error {
	r := healthcheck.Report{Server: server, Token: token, Down: b.Down}
	if b.Load != nil {
		r.Load, r.HasLoad = *b.Load, true
	}
	switch err := n.monitor.Report(r); {
	case errors.Is(err, healthcheck.ErrToken), errors.Is(err, healthcheck.ErrNoPush):
		return admin.Unauthorized("no check of type push awaits this server with this token") // not told which
	default:
		return err
	}
}

// Readmit brings servers back that are held down.
func (n *Nameserver) Readmit(by admin.Caller, r admin.ReadmitRequest) ([]string, error) {
	plan := n.Plan()
	if err := orders.World(plan.Pools).Check(r.Servers, nil); err != nil {
		return nil, err
	}
	var back []string
	for i, t := range plan.Targets {
		if !orders.Names(r.Servers, plan.owner(i)) || n.monitor.Readmit(t) != nil {
			continue
		}
		back = append(back, t.String())
		err := n.ops.audit.Add(orders.Entry{Time: time.Now(), Action: "readmit", Server: plan.owner(i).Name, Reason: t.String(), Who: r.Who, By: by.Name})
		n.ops.alarms.setError("audit", "the audit log cannot be written", err)
	}
	if len(back) == 0 {
		return nil, admin.NotFound("nothing of %s is well and held down", strings.Join(r.Servers, ", "))
	}
	return back, nil
}
