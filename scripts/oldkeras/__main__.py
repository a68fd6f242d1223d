"""Writes testdata/old: models as the Keras of one day wrote them, run by that Keras.   scripts/oldkeras.sh runs it once a version.

Keras 1.2.2, 2.0.8 and 2.2.4 are pure Python and run on today's TensorFlow through its version 1 interface, with the few names
that have moved since put back (below). Keras 2.15 is the last of its line and runs as it is.

NAME.h5 (or .keras, or .json and .weights.h5) is what that Keras saved; NAME.npz holds its inputs x_0, x_1, ... and its outputs
y_0, y_1, ... in inference.
"""
import argparse
import collections
import collections.abc
import inspect
import os
import re
import sys
import traceback
import types
import zipfile
import zlib
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

OUT = Path(__file__).resolve().parents[2] / "testdata" / "old"


def revive(folder):
    """Imports the Keras that lies in folder, on TensorFlow's version 1 interface."""
    import tensorflow.compat.v1 as tf1
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import cond, control_flow_ops, while_loop

    tf1.disable_v2_behavior()
    tf1.logging.set_verbosity(tf1.logging.FATAL)
    tf1.__version__ = "1.0.0"
    control_flow_ops.while_loop, control_flow_ops.cond = while_loop.while_loop, cond.cond
    ops._TensorLike = (tf.Tensor, tf.Variable, tf.SparseTensor)
    ops.is_dense_tensor_like = lambda x: isinstance(x, (tf.Tensor, tf.Variable))
    spec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")
    inspect.getargspec = lambda f: spec(*inspect.getfullargspec(f)[:4])
    for name in ("Iterable", "Callable", "Mapping", "Sequence"):
        setattr(collections, name, getattr(collections.abc, name))
    for name in ("", ".tensorboard", ".tensorboard.plugins", ".tensorboard.plugins.projector"):
        sys.modules["tensorflow.contrib" + name] = types.ModuleType("tensorflow.contrib" + name)
    sys.modules["tensorflow.contrib.tensorboard.plugins"].projector = None
    sys.modules["tensorflow"] = tf1
    for name in [n for n in sys.modules if n == "keras" or n.startswith("keras.")]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    import keras

    return keras


def value(rng, name, shape):
    """A weight's value that no layer is insensitive to: gains around 1, variances positive, nothing zero."""
    if "variance" in name or "running_std" in name:
        return rng.uniform(0.5, 1.6, size=shape)
    if "gamma" in name:
        return 1 + rng.normal(size=shape, scale=0.3)
    if "embeddings" in name or len(shape) < 2:
        return rng.normal(size=shape, scale=0.4)
    return rng.normal(size=shape, scale=1 / np.sqrt(np.prod(shape[:-1])))


def settle(path):
    """The same archive without the day it was made."""
    with zipfile.ZipFile(path) as z:
        entries = {name: z.read(name) for name in z.namelist()}
    with zipfile.ZipFile(path, "w") as z:
        for name, data in entries.items():
            data = re.sub(rb'("date_saved": ")[^"]*', rb"\g<1>2023-11-10@00:00:00", data) if name == "metadata.json" else data
            z.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)


class Suite:
    def __init__(self, keras, version, only):
        self.K, self.version, self.only, self.failed = keras, version, only, []

    def rng(self, name):
        return np.random.default_rng(zlib.crc32((self.version + name).encode()))

    def wants(self, name):
        return not self.only or self.only.search(self.stem(name))

    def stem(self, name):
        return "k" + self.version.rsplit(".", 1)[0].replace(".", "_") + "_" + name

    def path(self, name, ext):
        return str(OUT / (self.stem(name) + ext))

    def randomize(self, model, rng):
        """Layer by layer: old versions list a model's values in another order than its weights."""
        for layer in getattr(model, "flattened_layers", None) or model.layers:
            if hasattr(layer, "layers") and layer.__class__.__name__ != "Merge":
                self.randomize(layer, rng)
            elif layer.weights:
                layer.set_weights([value(rng, w.name, v.shape) for w, v in zip(layer.weights, layer.get_weights())])

    def add(self, name, *args, **options):
        """Makes one model's files; see save."""
        if not self.wants(name):
            return
        try:
            self.save(name, *args, **options)
            print(self.stem(name))
        except Exception:
            self.failed.append(self.stem(name))
            traceback.print_exc()

    def save(self, name, build, *xs, kind="h5", twin=None, compiled=False):
        """Saves build()'s model; xs are arrays, or shapes of normal ones. twin is a model that loads its weights and runs for it."""
        rng = self.rng(name)
        xs = [x if isinstance(x, np.ndarray) else rng.normal(size=x).astype("float32") for x in xs]
        self.K.backend.clear_session()
        model = build()
        self.randomize(model, rng)
        if compiled:
            model.compile("adam", "mse")
            if self.version >= "2.2":  # before, TensorFlow of today would spoil the moving averages
                model.train_on_batch(xs if len(xs) > 1 else xs[0], rng.normal(size=(len(xs[0]),) + model.output_shape[1:]))
        if kind == "json":
            Path(self.path(name, ".json")).write_text(model.to_json())
            model.save_weights(self.path(name, ".weights.h5"))
        else:
            model.save(self.path(name, "." + kind))
            if kind == "keras":
                settle(self.path(name, ".keras"))
        if twin:
            runs = twin()
            runs.load_weights(self.path(name, ".h5"))
        else:
            runs = model
        ys = runs.predict(xs if len(xs) > 1 else xs[0])
        self.arrays(name, xs, ys if isinstance(ys, list) else [ys])

    def arrays(self, name, xs, ys):
        np.savez_compressed(self.path(name, ".npz"), **{f"x_{i}": x for i, x in enumerate(xs)}, **{f"y_{i}": y for i, y in enumerate(ys)})


def main():
    parser = argparse.ArgumentParser(prog="oldkeras.sh", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("folder", type=Path, help="where old versions are installed")
    parser.add_argument("--only", type=re.compile)
    args = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    if args.version.startswith("2.15"):
        import keras
    else:
        keras = revive(args.folder / args.version)
    assert keras.__version__ == args.version, keras.__version__
    from . import keras1, keras2, keras215

    suite = Suite(keras, args.version, args.only)
    family = {"1.2": keras1, "2.0": keras2, "2.2": keras2, "2.15": keras215}[args.version.rsplit(".", 1)[0]]
    family.models(suite)
    sys.exit(f"failed: {suite.failed}" if suite.failed else 0)


main()
