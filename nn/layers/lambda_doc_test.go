package layers_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"kerasgo/nn/layers"
)

var update = flag.Bool("update", false, "rewrite the list of functions in docs/custom-layers.md")

// TestLambdaDocs compares the list in docs/custom-layers.md with what there is, and its Go with the example that is tested.
func TestLambdaDocs(t *testing.T) {
	const path = "../../docs/custom-layers.md"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), "<!-- functions -->")
	_, after, _ := strings.Cut(rest, "\n\nThey follow")
	if !ok || after == "" {
		t.Fatal("there is no place for the list")
	}
	want := before + "<!-- functions -->\n`" + strings.Join(layers.Lambdas(), "`, `") + "`.\n\nThey follow" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("the list isn't what layers.Lambdas says: go test ./nn/layers -run TestLambdaDocs -update")
	}
	example, err := os.ReadFile("../../keras/custom_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(want, "```go\n")
	code, _, _ = strings.Cut(code, "\n```")
	if code == "" || !strings.Contains(string(example), code) {
		t.Error("the layer in docs/custom-layers.md isn't that of keras/custom_example_test.go")
	}
}
