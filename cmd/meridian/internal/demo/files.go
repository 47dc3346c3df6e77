package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The ports that the files name. Where they are taken, the next free ones are written instead.
const (
	dnsPort  = 5300
	webPort  = 8300
	pagePort = 8053
)

//go:embed world
var world embed.FS

// writeFiles makes a temporary folder with the configuration and the zones, and returns its path.
func writeFiles(dns, web, page int) (string, error) {
	dir, err := os.MkdirTemp("", "meridian-demo-")
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	ports := strings.NewReplacer(
		"127.0.0.1:"+strconv.Itoa(dnsPort), "127.0.0.1:"+strconv.Itoa(dns),
		"= "+strconv.Itoa(webPort), "= "+strconv.Itoa(web),
		"127.0.0.1:"+strconv.Itoa(pagePort), "127.0.0.1:"+strconv.Itoa(page),
	)
	err = fs.WalkDir(world, "world", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := world.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(path, "world/")))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return writeOld(to, ports.Replace(string(text)))
	})
	if err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("demo: %w", err)
	}
	return dir, nil
}

// writeOld writes a file that looks as if it had been there for a while: one written just now might be unfinished, and
// would be waited for.
func writeOld(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	before := time.Now().Add(-time.Minute)
	return os.Chtimes(path, before, before)
}
