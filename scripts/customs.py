#!/usr/bin/env python3
"""Opens what our own code wrote of testdata/custom/antirectifier in real Keras, which has the custom classes.

    python scripts/customs.py FOLDER

Outputs must agree with the golden's to 1e-5 of range.
"""
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import keras
import numpy as np
from goldens import custom

custom.library(keras)
failed = 0
files = sorted(p for p in Path(sys.argv[1]).iterdir() if p.suffix in (".keras", ".h5"))
with np.load(Path(__file__).parents[1] / "testdata" / "custom" / "antirectifier.npz") as data:
    x, want = data["x_0"], data["y_0"]
for path in files:
    try:
        got = keras.models.load_model(path)(x, training=False).numpy()
        off = np.abs(got - want).max() / np.abs(want).max()
        say = f"off by {off:.1e}"
    except Exception as err:
        off, say = np.inf, str(err)[:300]
    failed += not off <= 1e-5
    print(path.name, say)
sys.exit(1 if failed or not files else 0)
