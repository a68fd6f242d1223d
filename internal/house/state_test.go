package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"testing"
)

// TestNoGlobalState finds init functions, and assignments to package-level variables, their elements and fields: what a
// package holds at its top is tables and pools, and never changes.
func TestNoGlobalState(t *testing.T) {
	variables := map[string]map[string]bool{} // by folder
	parsed := map[string]*ast.File{}
	for _, file := range goFiles(t) {
		if isTest(file) {
			continue
		}
		_, f := parse(t, file, parser.SkipObjectResolution)
		parsed[file] = f
		dir := path.Dir(file)
		if variables[dir] == nil {
			variables[dir] = map[string]bool{}
		}
		for _, name := range packageVariables(f) {
			variables[dir][name] = true
		}
	}
	for file, f := range parsed {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: has an init function", file)
			}
			for _, name := range assigned(fn, variables[path.Dir(file)]) {
				t.Errorf("%s: %s changes %s, a variable of the package", file, fn.Name.Name, name)
			}
		}
	}
}

func packageVariables(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// assigned are the package-level variables that a function changes. A local of the same name, anywhere in the function,
// hides the variable.
func assigned(fn *ast.FuncDecl, variables map[string]bool) (names []string) {
	local := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, id := range n.Names {
				local[id.Name] = true
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				local[id.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						local[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
					local[id.Name] = true
				}
			}
		}
		return true
	})
	note := func(e ast.Expr) {
		if id := rootOf(e); id != nil && id.Name != "_" && variables[id.Name] && !local[id.Name] {
			names = append(names, id.Name)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				note(e)
			}
		case *ast.IncDecStmt:
			note(n.X)
		}
		return true
	})
	return names
}

// rootOf is the variable that an assignment's left side begins with.
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// TestStateRule checks the check.
func TestStateRule(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
var table = map[int]int{}
var n, hidden int
func f() { table[1] = 2; n++; hidden := 1; hidden = 2; _ = hidden }`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{}
	for _, name := range packageVariables(f) {
		variables[name] = true
	}
	var found []string
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			found = append(found, assigned(fn, variables)...)
		}
	}
	if len(found) != 2 || found[0] != "table" || found[1] != "n" {
		t.Errorf("found %v, expected table and n", found)
	}
}
