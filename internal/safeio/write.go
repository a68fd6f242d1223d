package safeio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExists is in the chain of [WriteFile]'s error when the file is there
// already and force wasn't given.
var ErrExists = errors.New("the file exists (use -f to overwrite)")

// WriteFile writes a file whole or not at all: write fills a temporary file in
// the same folder (writes are buffered), which is synced, renamed over path,
// and the folder synced. On any error up to the rename, write's included, path
// is as it was and the temporary file is gone. Without force an existing path is refused with [ErrExists], before
// write is called and again at the end. An overwritten file keeps its
// permission bits; a new one has 0o666 less the umask. A symbolic link is
// followed, so that its target is replaced and the link stays.
func WriteFile(path string, force bool, write func(io.Writer) error) error {
	return writeFile(osFS{}, path, force, write)
}

// writeFile is WriteFile on any file system, so that tests can fail each step.
func writeFile(fsys writeFS, path string, force bool, write func(io.Writer) error) (err error) {
	perm := fs.FileMode(0)
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return &FormatError{Where: Where{File: path}, Msg: "can't be written to", Got: kind(info.Mode())}
	case err == nil && !force:
		return existsError(path)
	case err == nil:
		perm = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}

	tmp, err := fsys.create(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", clean(path), err)
	}
	name := tmp.Name()
	defer func() {
		if err != nil {
			tmp.Close() // harmless when it is closed already
			fsys.remove(name)
		}
	}()
	w := bufio.NewWriterSize(tmp, 1<<16)
	if err := write(w); err != nil {
		return At(err, Where{File: path})
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", clean(path), err)
	}
	if perm != 0 {
		if err := tmp.Chmod(perm); err != nil {
			return fmt.Errorf("writing %s: %w", clean(path), err)
		}
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", clean(path), err)
	}
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", clean(path), err)
	}
	if force {
		err = fsys.rename(name, path)
	} else {
		err = fsys.link(name, path)
		if errors.Is(err, fs.ErrExist) {
			return existsError(path)
		}
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", clean(path), err)
	}
	return fsys.syncDir(filepath.Dir(path))
}

func existsError(path string) error {
	return fmt.Errorf("%s: %w", clean(path), ErrExists)
}

// tempFile is what writeFile needs of an *os.File.
type tempFile interface {
	io.Writer
	Name() string
	Chmod(fs.FileMode) error
	Sync() error
	Close() error
}

// writeFS is the file system that writeFile works on.
type writeFS interface {
	create(path string) (tempFile, error)
	rename(from, to string) error
	link(from, to string) error // rename that refuses an existing target
	remove(name string) error
	syncDir(dir string) error
}

// osFS is the real one.
type osFS struct{}

// create makes a new file beside path. os.CreateTemp isn't used because its
// files are private (0o600), which a finished model shouldn't be.
func (osFS) create(path string) (tempFile, error) {
	dir, base := filepath.Split(path)
	for i := 0; ; i++ {
		name := fmt.Sprintf("%s.%s.%d-%d.tmp", dir, base, os.Getpid(), i)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrExist) || i >= 10000 {
			return nil, err
		}
	}
}

func (osFS) rename(from, to string) error { return os.Rename(from, to) }
func (osFS) remove(name string) error     { return os.Remove(name) }
func (osFS) syncDir(dir string) error     { return syncDir(dir) }

// link gives a finished file its name only if that name is free, atomically
// where the file system has hard links; otherwise it looks first and renames.
func (osFS) link(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		os.Remove(from) // what is left if this fails is a second name, not a wrong file
		return nil
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, serr := os.Lstat(to); serr == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}
