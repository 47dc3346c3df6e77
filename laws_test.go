package meridian_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/meridian-dns/meridian/"

// mayImport lists, for each package of the project, the packages of the
// project that it may import. cmd/meridian wires everything together.
var mayImport = map[string]string{
	"cmd/meridian":        "admin alert config dnssec geo internal/background internal/flat healthcheck resolver server steer zones",
	"admin":               "resolver zones steer healthcheck",
	"server":              "resolver",
	"resolver":            "zones steer geo healthcheck dnssec",
	"steer":               "geo healthcheck internal/flat internal/prefetch",
	"zones":               "dnssec internal/background internal/prefetch",
	"alert":               "",
	"config":              "",
	"internal/flat":       "",
	"internal/background": "",
	"internal/prefetch":   "",
	"internal/testport":   "", // asked by tests alone
	"geo":                 "internal/flat internal/prefetch",
	"healthcheck":         "",
	"dnssec":              "",
	"e2e/scenario":        "", // read by tests alone
}

// source is one Go file of the project.
type source struct {
	path string // from the project's root, with slashes
	fset *token.FileSet
	file *ast.File
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

// sources parses every Go file of the project but those of bench, a module of
// its own.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == "bench" || path != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		all = append(all, source{filepath.ToSlash(path), fset, f})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found only %d Go files: the laws are not looking at the project", len(all))
	}
	return all
}

func TestImportsPointDownward(t *testing.T) {
	for _, s := range sources(t) {
		top, _, _ := strings.Cut(s.dir(), "/internal")
		allowed, known := mayImport[top]
		if s.test() || !known && top == "." {
			continue
		}
		if !known {
			t.Errorf("%s: package %s has no place in the layout", s.path, top)
			continue
		}
		for _, imp := range s.file.Imports {
			path, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			below := strings.HasPrefix(path, top+"/internal") || strings.HasPrefix(s.dir(), path)
			if ours && !below && !strings.Contains(" "+allowed+" ", " "+path+" ") {
				t.Errorf("%s imports %s, which does not lie below %s", s.path, path, top)
			}
			if top != "zones" && strings.HasSuffix(imp.Path.Value, `miekg/dns"`) && strings.Contains(" geo healthcheck steer config resolver server ", " "+top+" ") {
				t.Errorf("%s imports the DNS library, whose types stay out of %s", s.path, top)
			}
		}
	}
}

func TestPackagesHaveContracts(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test() {
			documented[s.dir()] = documented[s.dir()] || s.file.Doc != nil
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
		}
	}
}

func TestNoTail(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || ast.IsGenerated(s.file) {
			continue
		}
		if n := s.fset.File(s.file.Pos()).LineCount(); n > 400 {
			t.Errorf("%s has %d lines, over 400", s.path, n)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > 60 {
					t.Errorf("%s: %s has %d lines, over 60", s.path, f.Name.Name, n)
				}
			}
		}
	}
}

// noGrabBags are names of packages that say nothing of what is in them.
var noGrabBags = []string{"util", "utils", "common", "types", "helpers", "misc"}

func TestNoGrabBagPackages(t *testing.T) {
	for _, s := range sources(t) {
		for _, name := range noGrabBags {
			if s.file.Name.Name == name {
				t.Errorf("%s: a package named %s", s.path, name)
			}
		}
	}
}
