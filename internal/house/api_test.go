package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// public are the packages that other modules use.
var public = []string{"data", "imaging", "imaging/labels", "keras", "nn", "nn/graph", "nn/layers", "nn/op", "train"}

// TestAPI compares what each public package exports with testdata/api, a line an identifier. A change of the API is then
// a change that reviewers see: go test ./internal/house -run TestAPI -update
func TestAPI(t *testing.T) {
	for _, dir := range public {
		golden := filepath.Join("testdata", "api", strings.ReplaceAll(dir, "/", "_")+".txt")
		got := strings.Join(exported(t, dir), "\n") + "\n"
		if *update {
			if err := os.MkdirAll(filepath.Dir(golden), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		raw, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		was, is := strings.Split(string(raw), "\n"), strings.Split(got, "\n")
		for _, line := range is {
			if !slices.Contains(was, line) {
				t.Errorf("%s: new: %s", dir, line)
			}
		}
		for _, line := range was {
			if !slices.Contains(is, line) {
				t.Errorf("%s: gone: %s", dir, line)
			}
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./internal/house -run TestAPI -update")
	}
}

// api collects the lines of one package.
type api struct {
	lines []string
	types map[string]*ast.TypeSpec
}

// exported is one line for each exported constant, variable, function, method, type, field and interface method: sorted,
// without bodies and comments. Struct tags are part of it: they are Keras's config keys.
func exported(t *testing.T, dir string) []string {
	t.Helper()
	a := &api{types: map[string]*ast.TypeSpec{}}
	var decls []ast.Decl
	for _, file := range goFiles(t) {
		if path.Dir(file) == dir && !isTest(file) {
			_, f := parse(t, file, parser.SkipObjectResolution)
			decls = append(decls, f.Decls...)
		}
	}
	if len(decls) == 0 {
		t.Fatalf("package %s is empty", dir)
	}
	for _, d := range decls {
		if g, ok := d.(*ast.GenDecl); ok {
			for _, s := range g.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					a.types[s.Name.Name] = s
				}
			}
		}
	}
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			a.function(d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						a.typ(s)
					}
				case *ast.ValueSpec:
					a.values(d.Tok.String(), s)
				}
			}
		}
	}
	slices.Sort(a.lines)
	return slices.Compact(a.lines)
}

func (a *api) add(format string, args ...any) {
	a.lines = append(a.lines, fmt.Sprintf(format, args...))
}

func (a *api) values(kind string, s *ast.ValueSpec) {
	for _, n := range s.Names {
		if n.IsExported() && s.Type != nil {
			a.add("%s %s %s", kind, n.Name, types.ExprString(s.Type))
		} else if n.IsExported() {
			a.add("%s %s", kind, n.Name)
		}
	}
}

func (a *api) function(d *ast.FuncDecl) {
	if !d.Name.IsExported() {
		return
	}
	signature := parameters(d.Type.TypeParams) + signature(d.Type)
	if d.Recv == nil {
		a.add("func %s%s", d.Name.Name, signature)
		return
	}
	name := receiver(d)
	of := types.ExprString(d.Recv.List[0].Type)
	if ast.IsExported(name) {
		a.add("method (%s) %s%s", of, d.Name.Name, signature)
		return
	}
	for _, s := range a.types { // methods of an unexported type are those of the exported structs that embed it
		if s.Name.IsExported() && a.embeds(s.Type, name) {
			a.add("method (*%s) %s%s", s.Name.Name, d.Name.Name, signature)
		}
	}
}

func (a *api) embeds(e ast.Expr, name string) bool {
	st, ok := e.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range st.Fields.List {
		id, ok := f.Type.(*ast.Ident)
		if len(f.Names) == 0 && ok && !id.IsExported() && (id.Name == name || a.types[id.Name] != nil && a.embeds(a.types[id.Name].Type, name)) {
			return true
		}
	}
	return false
}

func (a *api) typ(s *ast.TypeSpec) {
	equals := ""
	if s.Assign != 0 {
		equals = "= "
	}
	head := "type " + s.Name.Name + parameters(s.TypeParams) + " " + equals
	switch e := s.Type.(type) {
	case *ast.StructType:
		a.add("%sstruct", head)
		a.fields(s.Name.Name, e)
	case *ast.InterfaceType:
		a.add("%sinterface", head)
		for _, m := range e.Methods.List {
			for _, n := range m.Names {
				if n.IsExported() {
					a.add("interface %s, %s%s", s.Name.Name, n.Name, signature(m.Type.(*ast.FuncType)))
				} else {
					a.add("interface %s, unexported methods", s.Name.Name)
				}
			}
			if len(m.Names) == 0 {
				a.add("interface %s, %s", s.Name.Name, types.ExprString(m.Type))
			}
		}
	default:
		a.add("%s%s", head, types.ExprString(e))
	}
}

func (a *api) fields(of string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		tag := ""
		if f.Tag != nil {
			tag = " " + f.Tag.Value
		}
		for _, n := range f.Names {
			if n.IsExported() {
				a.add("field %s.%s %s%s", of, n.Name, types.ExprString(f.Type), tag)
			}
		}
		if len(f.Names) > 0 {
			continue
		}
		if id, ok := f.Type.(*ast.Ident); ok && !id.IsExported() {
			if s := a.types[id.Name]; s != nil {
				if inner, ok := s.Type.(*ast.StructType); ok {
					a.fields(of, inner)
				}
			}
			continue
		}
		a.add("field %s embeds %s%s", of, types.ExprString(f.Type), tag)
	}
}

// signature is a function's without the names of its parameters: they aren't part of the promise.
func signature(f *ast.FuncType) string {
	list := func(l *ast.FieldList) (parts []string) {
		if l != nil {
			for _, f := range l.List {
				for range max(1, len(f.Names)) {
					parts = append(parts, types.ExprString(f.Type))
				}
			}
		}
		return parts
	}
	s, results := "("+strings.Join(list(f.Params), ", ")+")", list(f.Results)
	switch len(results) {
	case 0:
		return s
	case 1:
		return s + " " + results[0]
	}
	return s + " (" + strings.Join(results, ", ") + ")"
}

func parameters(l *ast.FieldList) string {
	if l == nil {
		return ""
	}
	var parts []string
	for _, f := range l.List {
		for _, n := range f.Names {
			parts = append(parts, n.Name+" "+types.ExprString(f.Type))
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
