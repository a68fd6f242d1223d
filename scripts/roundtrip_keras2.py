"""Opens in tf-keras what Go wrote in the words of Keras 2: NAME.h5 must give NAME.npz's outputs y_0, y_1, ... of its inputs x_0, ...

    python scripts/roundtrip_keras2.py FOLDER

Prints a line a file; exits 1 if any can't be opened or is off by more than 1e-5 of range.
"""
import os
import sys

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as K
from tf_keras.src.applications import convnext

warnings.simplefilter("ignore")
TOLERANCE = 1e-5


def numbered(arrays, letter):
    return [arrays[f"{letter}_{i}"] for i in range(sum(k.startswith(letter + "_") for k in arrays.files))]


def off(got, want):
    if got.shape != want.shape:
        return f"shape {got.shape}, not {want.shape}"
    if want.dtype.kind in "US":
        return 0 if (got.astype(str) == want).all() else "other strings"
    got, want = got.astype("float64"), want.astype("float64")
    if not ((np.isnan(got) == np.isnan(want)) & (np.isinf(got) == np.isinf(want))).all():
        return "NaN or infinity elsewhere"
    fine = np.isfinite(want)
    return float(np.max(np.abs(got - want)[fine], initial=0) / max(np.max(np.abs(want)[fine], initial=0), 1e-30)) if want.size else 0


def judge(path):
    with np.load(path.with_suffix(".npz")) as arrays:
        xs, ys = numbered(arrays, "x"), numbered(arrays, "y")
    K.backend.clear_session()
    model = K.models.load_model(path, custom_objects={c.__name__: c for c in (convnext.LayerScale, convnext.StochasticDepth)})
    xs = [tf.constant(x) if x.dtype.kind in "US" else x for x in xs]
    got = model(xs if len(xs) > 1 else xs[0], training=False)
    got = [np.asarray(y.to_tensor() if hasattr(y, "to_tensor") else y) for y in tf.nest.flatten(got)]
    got = [np.char.decode(y.astype(bytes)) if y.dtype.kind in "SO" else y for y in got]
    if len(got) != len(ys):
        return f"{len(got)} outputs, not {len(ys)}"
    bound = 0.02 if "float16" in path.name else TOLERANCE  # half precision: oneDNN rounds elsewhere
    worst = [off(g, y) for g, y in zip(got, ys)]
    bad = [w for w in worst if isinstance(w, str) or not w <= bound]
    return f"off: {bad}" if bad else None


def main(folder):
    bad = 0
    for path in sorted(folder.glob("*.h5")):
        try:
            said = judge(path)
        except Exception as e:
            said = f"{type(e).__name__}: {e}".replace("\n", " ")[:400]
        bad += said is not None
        print(f"{'FAIL' if said else 'ok  '}  {path.name}: {said or 'equal'}")
    return bad


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
