package nameserver

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/orders"
)

// LogLevel tells how grave an event must be to be logged.
func (n *Nameserver) LogLevel() admin.LogLevel {
	return admin.LogLevel{Level: zapcore.LevelOf(n.log.Core()).String()}
}

// SetLogLevel changes that until the process ends. The change itself is logged whatever the level.
func (n *Nameserver) SetLogLevel(by admin.Caller, l admin.LogLevel) (admin.LogLevel, error) {
	level, err := zapcore.ParseLevel(l.Level)
	switch {
	case err != nil || level > zapcore.ErrorLevel || l.Level == "": // what is graver still ends the process
		return admin.LogLevel{}, admin.BadRequest("%q is none of debug, info, warn, error", l.Level)
	case n.o.Level == nil:
		return admin.LogLevel{}, admin.BadRequest("the level of this log cannot be changed")
	}
	before := n.o.Level.Level()
	n.o.Level.SetLevel(min(before, level, zapcore.InfoLevel))
	n.log.Info("log level changed", zap.Stringer("from", before), zap.Stringer("to", level), zap.String("by", by.Name), zap.String("who", l.Who))
	n.o.Level.SetLevel(level)
	entry := orders.Entry{Time: time.Now(), Action: "log level", Reason: level.String(), Who: l.Who, By: by.Name}
	n.ops.alarms.setError("audit", "the audit log cannot be written", n.ops.audit.Add(entry))
	return n.LogLevel(), nil
}
