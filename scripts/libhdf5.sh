#!/usr/bin/env bash
# Compares our HDF5 reader with libhdf5, through gonum.org/v1/hdf5 and cgo, on every HDF5 file in testdata.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
name=hdf5
pkg-config --exists hdf5 || name=hdf5-serial
export CGO_ENABLED=1 CGO_CFLAGS CGO_LDFLAGS
CGO_CFLAGS=$(pkg-config --cflags $name)
CGO_LDFLAGS=$(pkg-config --libs $name)
go vet -tags libhdf5 ./internal/hdf5/...
go test -count=1 -tags libhdf5 ./internal/hdf5/...
