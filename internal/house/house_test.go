// Package house holds the rules of the project that a test can check: which way imports point, what the exported API is,
// how long files are, what text mustn't hold, and that everything exported is documented. CONTRIBUTING.md tells them.
package house

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden of the exported API")

// root is the module's folder, seen from this one.
const root = "../.."

// files are the module's own, by slash-separated path from the root. Data and what other modules hold is left out.
func files(t *testing.T, wanted func(path string) bool) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, rel := d.Name(), strings.TrimPrefix(filepath.ToSlash(path), root+"/")
		switch {
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") && name != ".github" || slices.Contains([]string{"out", "bin", "__pycache__"}, name)):
			return fs.SkipDir
		case d.IsDir() || !d.Type().IsRegular() || !wanted(rel):
		default:
			paths = append(paths, rel)
		}
		return nil
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d files: %v", len(paths), err)
	}
	return paths
}

// goFiles are the Go files of this module: not those of internal/kernel/gen, which is a module of its own.
func goFiles(t *testing.T) []string {
	return files(t, func(path string) bool {
		return strings.HasSuffix(path, ".go") && !strings.HasPrefix(path, "internal/kernel/gen/") && !strings.Contains(path, "testdata/")
	})
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func parse(t *testing.T, path string, mode parser.Mode) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, read(t, path), mode)
	if err != nil {
		t.Fatal(err)
	}
	return set, f
}

func isTest(path string) bool { return strings.HasSuffix(path, "_test.go") }

func generated(src []byte) bool {
	return bytes.Contains(src, []byte("\n// Code "+"generated ")) || bytes.HasPrefix(src, []byte("// Code "+"generated "))
}
