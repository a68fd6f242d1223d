package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFileSizes keeps files short enough to be read in one go.
func TestFileSizes(t *testing.T) {
	for _, file := range goFiles(t) {
		src, most := read(t, file), 500
		if path.Dir(file) == "nn/layers" && !isTest(file) {
			most = 300
		}
		if n := bytes.Count(src, []byte("\n")); n > most && !generated(src) {
			t.Errorf("%s: %d lines; %d is the most", file, n, most)
		}
	}
}

// unwanted are things that don't belong into what is published: notes to oneself, and the paths of somebody's machine.
// They are written in pieces here.
var unwanted = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b|/wo` + `rk/|/ro` + `ot/|/ho` + `me/[a-z]|/Us` + `ers/|/tm` + `p/|/var/fo` + `lders/|C:\\Us` + `ers`)

var text = []string{".go", ".s", ".md", ".py", ".sh", ".txt", ".yml", ".yaml", ".json", ".mod", ".toml", ""}

// TestWords looks for them in every text file.
func TestWords(t *testing.T) {
	for _, file := range files(t, func(p string) bool { return slices.Contains(text, path.Ext(p)) }) {
		src := read(t, file)
		if bytes.IndexByte(src[:min(len(src), 512)], 0) >= 0 {
			continue
		}
		for _, at := range unwanted.FindAllIndex(src, 5) {
			t.Errorf("%s:%d: %q", file, 1+bytes.Count(src[:at[0]], []byte("\n")), src[at[0]:at[1]])
		}
	}
}

// TestDocumented requires a doc comment of every exported identifier, and of every package. Methods that implement an
// interface are documented there.
func TestDocumented(t *testing.T) {
	all := goFiles(t)
	interfaces := map[string]bool{"Error": true, "Unwrap": true, "String": true, "Is": true}
	parsed := map[string]*ast.File{}
	packages := map[string]bool{}
	for _, file := range all {
		_, f := parse(t, file, parser.ParseComments|parser.SkipObjectResolution)
		if isTest(file) {
			continue
		}
		parsed[file] = f
		if dir := path.Dir(file); f.Doc != nil || !packages[dir] {
			packages[dir] = f.Doc != nil || packages[dir]
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						interfaces[name.Name] = true
					}
				}
			}
			return true
		})
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
	for file, f := range parsed {
		if f.Name.Name == "main" {
			continue
		}
		for _, d := range f.Decls {
			for _, name := range undocumented(d, interfaces) {
				t.Errorf("%s: %s has no doc comment", file, name)
			}
		}
	}
}

func undocumented(d ast.Decl, interfaces map[string]bool) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || ast.IsExported(receiver(d)) && !interfaces[d.Name.Name]) {
			names = append(names, strings.TrimPrefix(receiver(d)+"."+d.Name.Name, "."))
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// TestRules checks the checks: each must find what it is for.
func TestRules(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\ntype T struct{}\nfunc (T) M() {}\nfunc (T) Error() string\nfunc F() {}\n// G is told of.\nfunc G() {}\nvar V, w int", parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, d := range f.Decls {
		found = append(found, undocumented(d, map[string]bool{"Error": true})...)
	}
	if want := []string{"T", "T.M", "F", "V"}; !slices.Equal(found, want) {
		t.Errorf("undocumented: %v, expected %v", found, want)
	}
	for _, s := range []string{"// TO" + "DO: later", "cp x /tm" + "p/y", "/wo" + "rk/main"} {
		if !unwanted.MatchString(s) {
			t.Errorf("%q passes", s)
		}
	}
	if invited("gonum.org/v1/plot", "keras") || !invited("github.com/spf13/pflag", "cmd/kconv") || invited("example.org/x", "nn") {
		t.Error("the table of guests isn't held")
	}
}
