package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKerasSweep trains the first of the random models of scripts/training_sweep.py here and in real Keras: histories and
// weights must agree. KERASGO_PYTHON names a Python that has it; scripts/training_sweep.sh goes through more.
func TestKerasSweep(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	sweep := func(args ...string) {
		t.Helper()
		out, err := exec.Command(python, append([]string{filepath.FromSlash("../../scripts/training_sweep.py")}, args...)...).CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
	}
	sweep("make", dir, "20")
	files, err := filepath.Glob(filepath.Join(dir, "*.args"))
	if err != nil || len(files) < 15 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		flags, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stem := strings.TrimSuffix(file, ".args")
		args := append([]string{stem + ".keras", "--data", stem + ".npz", "--epochs", "2", "--batch-size", "8", "--shuffle=false", "--verbose", "0",
			"-o", stem + ".go.keras", "--history", stem + ".go.json"}, strings.Fields(string(flags))...)
		if code, _, log := ktrain(context.Background(), args...); code != 0 {
			t.Errorf("%s: %s", filepath.Base(stem), log)
		}
	}
	sweep("check", dir)
}
