#!/usr/bin/env python3
"""Reads HDF5 files through real h5py and prints what is in them, one line of
JSON a file, in the form of testdata/hdf5/*.json: how the tests of
internal/hdf5 learn what others make of the files that it wrote.

    "$(scripts/venv.sh)/bin/python" scripts/h5check.py FILE...
"""
import json
import sys

from h5files import read_back

for path in sys.argv[1:]:
    print(json.dumps({"objects": read_back(path)}))
