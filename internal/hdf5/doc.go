// Package hdf5 reads and writes the HDF5 files that Keras and h5py make.
//
// The reader takes superblocks 0 to 3 with or without a user block, object
// headers of both versions, old and new groups (symbol tables, compact links,
// fractal heaps), attributes of all versions, contiguous, compact and chunked
// datasets with every chunk index, the deflate, shuffle and Fletcher-32
// filters, integers, IEEE floats, bfloat16, enumerations and strings. What it
// doesn't do it names: an [safeio.UnsupportedError]. Soft links, external
// links, external storage and virtual datasets are never followed.
//
// Files are hostile until proved otherwise. Every offset and length is checked
// against the file before anything is allocated, checksums are verified where
// the format has them, trees and chains can't loop, and what a file's datasets
// may take in memory is bounded by its size ([safeio.Limits.Memory]): whoever
// holds a [Dataset] may allocate its shape.
//
// The writer makes the dialect that every Keras and h5py opens: superblock 2,
// version 2 object headers with link messages, contiguous data, variable-length
// strings in global heaps. It keeps metadata in memory and streams the data.
//
// Source: the HDF5 File Format Specification, version 3.0.
package hdf5
