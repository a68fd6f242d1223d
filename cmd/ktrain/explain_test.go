package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/cli"
)

// TestExplain runs the command; package explain's own tests recompute its numbers.
func TestExplain(t *testing.T) {
	out, log := ok(t, "explain")
	for _, want := range []string{"A network learns, number by number\n", "\nStep 1: Adam's update\n", "Dense(4, relu)", "below 0.05, and training stops there"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(out, "\x1b") || log != "" {
		t.Errorf("colours without a terminal, or a log: %q", log)
	}
	page := filepath.Join(t.TempDir(), "page.html")
	out, log = ok(t, "explain", "-o", page, "--steps", "2", "--until", "0.5")
	raw, err := os.ReadFile(page)
	if err != nil || !strings.HasPrefix(string(raw), "<!DOCTYPE html>\n") || !strings.Contains(string(raw), "Step 2: softmax") || out != "" || !strings.Contains(log, page) {
		t.Errorf("the page: %v; stdout %q, stderr %q", err, out, log)
	}
	fails(t, cli.Usage, "page.html", "explain", "-o", page)
	ok(t, "explain", "-o", page, "-f", "--seed", "1")
	picture := filepath.FromSlash("../../testdata/digits/3_018.png")
	if out, _ := ok(t, "explain", picture, "--digit", "3"); !strings.Contains(out, "This picture shows a 3.") {
		t.Error("another picture isn't explained")
	}
	fails(t, cli.Usage, "say with --digit what", "explain", picture)
	fails(t, cli.Usage, "the digit must be 0 to 9", "explain", "--digit", "11")
	fails(t, cli.Usage, "--until is loss<NUMBER", "explain", "--until", "accuracy>1")
	fails(t, cli.Usage, "explain takes one picture", "explain", "a", "b")
	fails(t, cli.Usage, "--steps", "explain", "--stpes", "2")
	fails(t, cli.Broken, "gone.png", "explain", "--digit", "1", filepath.Join(t.TempDir(), "gone.png"))
	fails(t, cli.Broken, "aren't numbers", "explain", "--lr", "1e38")
}
