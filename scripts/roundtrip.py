#!/usr/bin/env python3
"""Opens the files that our own code wrote in real Keras, and compares the answers.

    python scripts/roundtrip.py FOLDER

For each NAME.npz in FOLDER, each of NAME.keras, NAME.h5 and NAME.weights.h5 (the last with the architecture in NAME.json) is loaded by
Keras 3 in safe mode, or by tf-keras if NAME ends in _k2. NAME.npz holds

    x_i   inputs, in the model's order      y_i   the outputs that our code gave
    o_i   (optional) the optimizer's variables, in Keras's order; compared with those of the loaded .keras file, and for an .h5 with what
          the file holds under /optimizer_weights, since Keras 3 can't restore its own

Outputs must agree to 1e-5 of range, optimizer variables exactly. Prints a line a file; exits 1 if any says no, or if there is none.
"""
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import h5py
import numpy as np

warnings.filterwarnings("ignore")
TOLERANCE = 1e-5


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    rows = []
    for npz in sorted(folder.glob("*.npz")):
        with np.load(npz) as data:
            arrays = {k: data[k] for k in data.files}
        for kind in ("keras", "h5", "weights.h5"):
            path = npz.with_name(f"{npz.stem}.{kind}")
            if path.exists():
                rows.append((path.name, *judge(path, kind, arrays)))
    for name, ok, text in rows:
        print(f"{'ok  ' if ok else 'FAIL'}  {name:<40}  {text}")
    failed = sum(not ok for _, ok, _ in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


def judge(path, kind, arrays):
    """(fine, what to say) of one file."""
    try:
        model = load(path, kind)
        xs = numbered(arrays, "x")
        ys = outputs(model, xs)
        wanted = numbered(arrays, "y")
        if len(ys) != len(wanted):
            return False, f"{len(ys)} outputs, {len(wanted)} expected"
        error = max(relative(y, w) for y, w in zip(ys, wanted))
        state = optimizer_state(model, path, kind)
        problem = compare_state(state, numbered(arrays, "o")) if kind != "weights.h5" else None
        text = f"max error {error:.2g} of range" + (f", {problem}" if problem else "")
        if state is not None and not problem:
            text += f", {len(state)} optimizer variables"
        return error <= TOLERANCE and not problem, text
    except Exception as err:  # whatever Keras says of the file is the result
        return False, f"{type(err).__name__}: {' '.join(str(err).split())[:300]}"


def load(path, kind):
    if path.name.split(".")[0].endswith("_k2"):
        import tf_keras as keras
        options = {}
    else:
        import keras
        options = {"safe_mode": True}
    keras.backend.clear_session()
    if kind != "weights.h5":
        try:
            return keras.models.load_model(path, **options)
        except ValueError:
            if kind != "h5":
                raise
            # Keras 3 can't compile its own .h5 where a loss or metric goes by an alias, such as mse.
            return keras.models.load_model(path, compile=False, **options)
    architecture = path.with_name(path.name.removesuffix(".weights.h5") + ".json")
    model = keras.models.model_from_json(architecture.read_text())
    model.load_weights(path)
    return model


def outputs(model, xs):
    import tensorflow as tf
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict):
        ids = [id(t) for t in model.inputs]
        fed = {key: xs[ids.index(id(t))] for key, t in struct.items()}
    else:
        fed = xs[0] if len(xs) == 1 else xs
    return [np.asarray(y) for y in tf.nest.flatten(model(fed, training=False))]


def numbered(arrays, letter):
    found = []
    while f"{letter}_{len(found)}" in arrays:
        found.append(arrays[f"{letter}_{len(found)}"])
    return found


def relative(got, want):
    if got.shape != want.shape:
        raise ValueError(f"shape {got.shape}, expected {want.shape}")
    if got.dtype.kind == "O":  # strings
        return 0.0 if np.array_equal(np.char.decode(got.astype("S"), "utf-8"), want) else np.inf
    if not np.isfinite(got).all():
        raise ValueError("not finite")
    return float(np.max(np.abs(got.astype("float64") - want), initial=0) / max(np.max(np.abs(want), initial=0), 1e-30))


def optimizer_state(model, path, kind):
    """The optimizer's variables as the file gives them, or None where it holds no optimizer."""
    if kind == "h5":
        with h5py.File(path) as f:
            group = f.get("optimizer_weights")
            if group is None:
                return None
            names = [n.decode() if isinstance(n, bytes) else n for n in group.attrs["weight_names"]]
            return [group[n][()] for n in names]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or kind != "keras":
        return None
    variables = optimizer.variables
    return [np.asarray(v) for v in (variables() if callable(variables) else variables)]


def compare_state(state, wanted):
    if not wanted:
        return None
    if state is None:
        return "no optimizer state"
    if len(state) != len(wanted):
        return f"{len(state)} optimizer variables, {len(wanted)} expected"
    for i, (a, b) in enumerate(zip(state, wanted)):
        if a.shape != b.shape or not np.array_equal(a, b):
            return f"optimizer variable {i} differs"
    return None


if __name__ == "__main__":
    sys.exit(main())
