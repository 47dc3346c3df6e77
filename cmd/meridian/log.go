package main

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// newLog makes the log of a command: lines for people in a terminal, JSON for machines elsewhere. Its level can be changed.
func (s *settings) newLog(w io.Writer) (*zap.Logger, *zap.AtomicLevel, error) {
	level, err := zap.ParseAtomicLevel(s.logLevel)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--log-level: %q is none of debug, info, warn, error", s.logLevel)}
	}
	encoder, err := s.encoder(w)
	if err != nil {
		return nil, nil, err
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), &level, nil
}

// encoder writes lines in the format for w.
func (s *settings) encoder(w io.Writer) (zapcore.Encoder, error) {
	switch format := s.format(w); format {
	case "json":
		return zapcore.NewJSONEncoder(jsonLines()), nil
	case "console":
		return zapcore.NewConsoleEncoder(consoleLines(isTerminal(w) && os.Getenv("NO_COLOR") == "")), nil
	default:
		return nil, usageError{fmt.Errorf("--log-format: %q is neither console nor json", format)}
	}
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
