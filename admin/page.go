package admin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// The status page: plain HTML, CSS and JavaScript that ask this very interface. It holds nothing that needs a token.
//
//go:embed page
var pageFiles embed.FS

// policy lets the page use what comes from here and nothing else: no script or style within the page, no frames, and no
// text that becomes elements but through the one gate in map.js.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types map"

// asset is a file of the page.
type asset struct {
	kind, tag string // Content-Type, ETag
	body      []byte
}

// assets are the files of the page by path: "/" and "/page/NAME".
func assets() map[string]asset {
	found := map[string]asset{}
	err := fs.WalkDir(pageFiles, "page", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := pageFiles.ReadFile(name)
		sum := sha256.Sum256(body)
		at := "/" + name
		if path.Base(name) == "index.html" {
			at = "/"
		}
		found[at] = asset{kindOf(name), `"` + hex.EncodeToString(sum[:8]) + `"`, body}
		return err
	})
	if err != nil {
		panic(err) // it was embedded by the compiler
	}
	return found
}

// kindOf does not ask the system, which may know other types.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(".html")
}

// guard sets what a browser must know of every answer: it is no more than it says, in no frame, for no other site.
func guard(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", policy)
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, r, http.StatusOK, a.body)
}
