package main

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// logs is where a command writes what it does.
type logs struct {
	*zap.Logger
	level   *zap.AtomicLevel
	lines   zapcore.WriteSyncer // takes other whole lines between those of the logger
	console bool                // the lines are for people, not JSON
}

// newLog makes the log of a command: lines for people in a terminal, JSON for machines elsewhere.
func (s *settings) newLog(w io.Writer) (*logs, error) {
	level, err := zap.ParseAtomicLevel(s.logLevel)
	if err != nil {
		return nil, usageError{fmt.Errorf("--log-level: %q is none of debug, info, warn, error", s.logLevel)}
	}
	l := &logs{level: &level, lines: zapcore.Lock(zapcore.AddSync(w))}
	var encoder zapcore.Encoder
	switch format := s.format(w); format {
	case "json":
		encoder = zapcore.NewJSONEncoder(jsonLines())
	case "console":
		l.console = true
		encoder = zapcore.NewConsoleEncoder(consoleLines(isTerminal(w) && os.Getenv("NO_COLOR") == ""))
	default:
		return nil, usageError{fmt.Errorf("--log-format: %q is neither console nor json", format)}
	}
	l.Logger = zap.New(zapcore.NewCore(encoder, l.lines, level))
	return l, nil
}

func (s *settings) format(w io.Writer) string {
	switch {
	case s.logFormat != "":
		return s.logFormat
	case isTerminal(w):
		return "console"
	}
	return "json"
}

func jsonLines() zapcore.EncoderConfig {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	return c
}

func consoleLines(color bool) zapcore.EncoderConfig {
	c := zap.NewDevelopmentEncoderConfig()
	c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	c.EncodeLevel = zapcore.CapitalLevelEncoder
	if color {
		c.EncodeLevel = zapcore.CapitalColorLevelEncoder
	}
	c.ConsoleSeparator = "  "
	return c
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
