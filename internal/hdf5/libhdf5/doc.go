// Package libhdf5 reads HDF5 files through libhdf5, the reference
// implementation in C, by way of gonum.org/v1/hdf5. It exists for two things:
// files that package hdf5 refuses because they use something exotic, and the
// test that both read the same from every file of testdata.
//
// It is built only with -tags libhdf5, which needs cgo and the library:
//
//	scripts/libhdf5.sh
//
// Use it on files that you trust, only: libhdf5 follows links into other
// files, trusts the sizes that a file declares, and can crash on damaged ones.
package libhdf5
