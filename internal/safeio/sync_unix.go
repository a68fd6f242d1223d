//go:build unix

package safeio

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes a rename inside dir durable. File systems that can't sync a
// folder say EINVAL or ENOTSUP; there is nothing more to do on them.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		// A folder that may be written but not read: the rename has happened.
		return nil
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
