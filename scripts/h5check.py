#!/usr/bin/env python3
"""Reads HDF5 files through real h5py and prints what is in them, one line of
JSON a file, in the form of testdata/hdf5/*.json: how the tests of
internal/hdf5 learn what others make of the files that it wrote.

    "$(scripts/venv.sh)/bin/python" scripts/h5check.py FILE...

With --keras, the files come in pairs, a model and its copy: real Keras loads
both, and fails unless they predict the same from the same random inputs.

    "$(scripts/venv.sh)/bin/python" scripts/h5check.py --keras MODEL.h5 COPY.h5...
"""
import json
import sys

from h5files import read_back


def compare(path, copy):
    import keras
    import numpy as np

    a, b = keras.models.load_model(path), keras.models.load_model(copy)
    rng = np.random.default_rng(3)
    inputs = [rng.random([d or 2 for d in x.shape]).astype(x.dtype) for x in a.inputs]
    for x, y in zip(keras.tree.flatten(a.predict(inputs, verbose=0)), keras.tree.flatten(b.predict(inputs, verbose=0))):
        np.testing.assert_array_equal(x, y, err_msg=copy)


if sys.argv[1] == "--keras":
    for pair in zip(sys.argv[2::2], sys.argv[3::2], strict=True):
        compare(*pair)
else:
    for path in sys.argv[1:]:
        print(json.dumps({"objects": read_back(path)}))
