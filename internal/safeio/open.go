package safeio

import (
	"fmt"
	"io/fs"
	"os"
)

// OpenRegular opens a regular file for reading. Anything else (a directory, a
// FIFO, a device, a socket) and an empty file are refused with a
// [FormatError], larger files than limits.MaxFile with a [LimitError]; a file
// that isn't there keeps its *fs.PathError. Symbolic links are followed: the
// user named them.
//
// It looks before it opens, opens without blocking where the system can, and
// looks again at what it got, so that a name swapped in between can't hang it.
func OpenRegular(path string, limits Limits) (f *os.File, size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if err := checkInfo(path, info, limits); err != nil {
		return nil, 0, err
	}
	f, err = os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err = f.Stat()
	if err == nil {
		err = checkInfo(path, info, limits)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// checkInfo refuses what isn't a regular file of an allowed size.
func checkInfo(path string, info fs.FileInfo, limits Limits) error {
	limits = limits.OrDefaults()
	w := Where{File: path}
	if m := info.Mode(); !m.IsRegular() {
		return &FormatError{Where: w, Msg: "not a regular file", Got: kind(m)}
	}
	if info.Size() == 0 {
		return &FormatError{Where: w, Msg: "the file is empty"}
	}
	if info.Size() > limits.MaxFile {
		return &LimitError{
			Where: w,
			Msg:   fmt.Sprintf("the file is %s", Bytes(uint64(info.Size()))),
			Limit: Bytes(uint64(limits.MaxFile)),
			Raise: "--max-size",
		}
	}
	return nil
}

// kind names a file's type.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
