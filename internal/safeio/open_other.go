//go:build !(aix || darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package safeio

// openNonblock is nothing where opening doesn't block or can't be told not to.
const openNonblock = 0
