//go:build aix || darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package safeio

import "syscall"

// openNonblock keeps open(2) from waiting for a FIFO's writer. Regular files
// read the same with it.
const openNonblock = syscall.O_NONBLOCK
