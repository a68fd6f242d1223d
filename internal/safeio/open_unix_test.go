//go:build linux || darwin || freebsd || netbsd || openbsd

package safeio

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpenRegularRefusesFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	var fe *FormatError
	_, _, err := OpenRegular(path, Limits{}) // would wait for a writer forever
	if !errors.As(err, &fe) || !strings.Contains(err.Error(), "a named pipe") {
		t.Errorf("got %v", err)
	}
}

func TestOpenRegularRefusesDevice(t *testing.T) {
	var fe *FormatError
	if _, _, err := OpenRegular("/dev/zero", Limits{}); !errors.As(err, &fe) || !strings.Contains(err.Error(), "a device") {
		t.Errorf("got %v", err)
	}
}
