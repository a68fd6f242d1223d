"""What every family of goldens is made with: drawing arrays, running a model, writing one .npz a case.

A case is one call. `layer("Dense", "rank3", lambda L: L.Dense(5), normal(2, 3, 4))` writes testdata/golden/Dense/rank3.npz, which
holds (all arrays, i counting from 0):

    meta     UTF-8 JSON in uint8: {case, class, keras, framework, seed, tolerance, model, weights: [{path, trainable, shape}],
             inputs, outputs, trains, zeroed}. `model` is model.to_json() as an object; `weights` is model.weights in order;
             `zeroed` names the layers whose dropout rate (or noise) was set to 0 for the training pass.
    x_i      inputs            y_i     outputs with training=False        mask_i   mask of output i, where it carries one
    w_i      weights           layer_<name>  a layer's output, for models (nested with a slash; later calls end in @1, @2, ...)
    t_i, train_i, loss, dw_i, dx_i, after_i   if it trains: target and output of each float output with training=True,
             loss = sum over outputs of mean((train_i - t_i)^2), its gradient by each trainable weight and each float input,
             and the value of each non-trainable weight after that pass.

Everything is drawn from a seed that follows from the case's name, so a new case changes no other.
"""
import copy
import io
import json
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

TOLERANCE = 1e-5  # of max|expected|, per array: float32 sums in another order, and no more


class Spec:
    """An input to draw: its shape, how to draw it, and the shape that the model declares."""

    def __init__(self, shape, draw, dtype="float32"):
        self.shape, self.draw, self.dtype = tuple(shape), draw, dtype
        self.declared, self.batch = self.shape[1:], None

    def declare(self, *shape):
        """The same, declared with other dimensions than the array's, such as None for a time axis."""
        other = copy.copy(self)
        other.declared = shape
        return other

    def fixed(self):
        """The same, with the batch size declared too, as a stateful layer needs."""
        other = copy.copy(self)
        other.batch = self.shape[0]
        return other

    def input(self, K, name=None):
        return K.Input(shape=self.declared, batch_size=self.batch, dtype=self.dtype, name=name)


def normal(*shape, scale=1.0, mean=0.0):
    return Spec(shape, lambda rng: (mean + rng.normal(size=shape, scale=scale)).astype("float32"))


def uniform(*shape, low=0.0, high=1.0):
    return Spec(shape, lambda rng: rng.uniform(low, high, size=shape).astype("float32"))


def integers(*shape, low=0, high=10):
    return Spec(shape, lambda rng: rng.integers(low, high, size=shape).astype("int32"), "int32")


def fixed(values, dtype="float32"):
    a = np.array(values, dtype)
    return Spec(a.shape, lambda rng: a, dtype)


def sequence(lengths, features, time=None, holes=()):
    """A batch of sequences for Masking(0): row i has lengths[i] real steps, then zeros; holes are (row, step) zeroed too."""
    time = time or max(lengths)

    def draw(rng):
        a = rng.normal(size=(len(lengths), time, features)).astype("float32")
        for row, n in enumerate(lengths):
            a[row, n:] = 0
        for row, step in holes:
            a[row, step] = 0
        return a

    return Spec((len(lengths), time, features), draw)


def seed_of(*names):
    return zlib.crc32("/".join(names).encode())


def write_npz(path, arrays):
    """An .npz whose bytes follow from its arrays alone: fixed entry dates, fixed order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as z:
        for name, a in arrays.items():
            a = texts(np.asarray(a))
            a = a.astype("float32") if a.dtype.name == "bfloat16" else a  # .npy has none
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(a) if a.ndim else a, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            z.writestr(entry, buffer.getvalue(), compresslevel=9)


def texts(a):
    """Strings as TensorFlow has them (objects that are bytes) as characters of fixed width."""
    return np.char.decode(a.astype("S"), "utf-8") if a.dtype.kind == "O" else a


def pack(meta):
    return np.frombuffer(json.dumps(meta).encode(), np.uint8)


def path_of(weight):
    return getattr(weight, "path", None) or weight.name


def input_name(tensor):
    """The name of the layer that a model's input comes from, which is what its config and callers use."""
    history = tensor._keras_history
    return (getattr(history, "operation", None) or history.layer).name


def draw_weight(rng, path, shape):
    """A value that no layer is insensitive to: gains around 1 but different, variances positive, nothing zero."""
    name = path.split("/")[-1].split(":")[0]
    if "variance" in name:
        return rng.uniform(0.5, 1.6, size=shape)
    if "gamma" in name:
        return 1 + rng.normal(size=shape, scale=0.3)
    if "embeddings" in name or len(shape) < 2:
        return rng.normal(size=shape, scale=0.4)
    return rng.normal(size=shape, scale=1 / np.sqrt(np.prod(shape[:-1])))


def randomize(model, rng):
    for w in model.weights:
        if "float" in str(w.dtype):
            w.assign(draw_weight(rng, path_of(w), tuple(w.shape)).astype("float32"))


def flatten(structure):
    return tf.nest.flatten(structure)


def feed(model, xs):
    """The arrays (in model.inputs order) as the model is called: alone, as a list or as a dict."""
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict):
        ids = [id(t) for t in model.inputs]
        return {key: xs[ids.index(id(t))] for key, t in struct.items()}
    return xs[0] if len(xs) == 1 else list(xs)


def mask_of(t):
    mask = getattr(t, "_keras_mask", None)
    return None if mask is None else np.asarray(mask).astype(bool)


RATES = ("rate", "dropout", "_dropout", "recurrent_dropout", "stddev")


def zero_rates(model):
    """Sets every dropout rate and noise to 0, and returns the layers' names and a function that puts them back."""
    undo, names = [], []
    for layer in model._flatten_layers():
        for key in RATES:
            value = layer.__dict__.get(key)
            if isinstance(value, float) and value:
                undo.append((layer, key, value))
                setattr(layer, key, 0.0)
                names.append(layer.name)

    def restore():
        for layer, key, value in undo:
            setattr(layer, key, value)

    return names, restore


def sublayers(model, prefix=""):
    """(path, layer or operation) of everything that a model runs, depth first; nested models themselves too."""
    for op in getattr(model, "operations", None) or model.layers:
        yield prefix + op.name, op
        if hasattr(op, "layers") and hasattr(op, "to_json"):
            yield from sublayers(op, prefix + op.name + "/")


def record(model, run):
    """Runs `run` and returns {layer_<path>: output}; a shared layer's later calls end in @1, @2, ..."""
    seen, undo = {}, []

    def wrap(path, op):
        call, own = op.call, op.__dict__.get("call")

        def recorded(*args, **kwargs):
            out = call(*args, **kwargs)
            parts = flatten(out)
            for i, part in enumerate(parts):
                key = "layer_" + path + (f"#{i}" if i else "")
                n = sum(1 for k in seen if k == key or k.startswith(key + "@"))
                seen[key + (f"@{n}" if n else "")] = np.asarray(part)
            return out

        undo.append((op, own))
        object.__setattr__(op, "call", recorded)

    done = set()
    for path, op in sublayers(model):
        if id(op) not in done and type(op).__name__ != "InputLayer":
            done.add(id(op))
            wrap(path, op)
    try:
        run()
    finally:
        for op, own in undo:
            if own is None:
                object.__delattr__(op, "call")
            else:  # a TFOpLambda's call is its own, not its class's
                object.__setattr__(op, "call", own)
    return seen


class Suite:
    """Where cases are written. `only` (a regular expression over class/case) limits what is made."""

    def __init__(self, root, only=None):
        self.root, self.only, self.entries, self.failures = Path(root), only, [], []

    def wants(self, file):
        return self.only is None or self.only.search(str(file)) is not None

    def add(self, file, **entry):
        self.entries.append(dict(entry, file=str(file)))

    def layer(self, cls, name, make, *inputs, mask=False, k2=False, **options):
        """A model of one layer (after Masking(0), if mask). make takes the layers' module, so it serves Keras 2 as well."""

        def build(K):
            ins = [spec.input(K) for spec in inputs]
            layer = make(K.layers)
            hs = [K.layers.Masking(0.0)(t) for t in ins] if mask else ins
            return K.Model(ins if len(ins) > 1 else ins[0], layer(hs if len(hs) > 1 else hs[0]))

        self.model(cls, name, build, *inputs, k2=k2, **options)

    def op(self, name, f, *inputs, **options):
        """A model of operation nodes: f says the output(s) in terms of the inputs. All lie under golden/Operation."""

        def build(K):
            ins = [spec.input(K) for spec in inputs]
            return K.Model(ins if len(ins) > 1 else ins[0], f(*ins))

        self.model("Operation", name, build, *inputs, **options)

    def k2_model(self, cls, name, build, *inputs, **options):
        """A case that tf-keras alone makes."""
        self.model(cls, name, build, *inputs, frameworks=("tf_keras",), **options)

    def model(self, cls, name, build, *inputs, trains=True, draw=True, k2=False, frameworks=None, layers=False,
              jit=False, tolerance=TOLERANCE, why="float32 sums in another order"):
        """One case of a model that build makes; k2 says that tf-keras makes it too (inference alone); jit that
        only XLA has the kernels for it (inference alone)."""
        for framework in frameworks or (("keras", "tf_keras") if k2 else ("keras",)):
            case = name + (".k2" if framework == "tf_keras" else "")
            file = Path("golden") / cls / (case + ".npz")
            if not self.wants(file):
                continue
            K = keras if framework == "keras" else tf_keras
            K.backend.clear_session()
            seed = seed_of(cls, name)
            rng = np.random.default_rng(seed)
            K.utils.set_random_seed(seed % 2**31)  # what isn't drawn anew, such as integer state, repeats too
            try:
                net = build(K)
                xs = [spec.draw(rng) for spec in inputs]
                if draw:
                    randomize(net, rng)
                meta, arrays = run(net, framework, xs, rng, trains and framework == "keras" and not jit, layers, jit)
            except Exception as err:
                self.failures.append(f"{cls}/{case}: {err}")  # told at the end, all of them
                continue
            meta.update(case=case, seed=seed, tolerance=tolerance, keras=K.__version__, framework=framework)
            meta["class"] = cls
            write_npz(self.root / file, {"meta": pack(meta), **arrays})
            self.add(file, case=f"{cls}/{case}", keras=K.__version__, framework=framework, seed=seed, tolerance=tolerance, why=why)


def run(net, framework, xs, rng, trains, layers, jit):
    """Runs a model, for inference and (if it trains) one training pass, and returns its meta and arrays."""
    weights = list(net.weights)
    before = [np.array(w.numpy()) for w in weights]
    trainable = {id(w) for w in net.trainable_weights}
    meta = {
        "model": json.loads(net.to_json()),
        "weights": [{"path": path_of(w), "trainable": id(w) in trainable, "shape": list(w.shape)} for w in weights],
        "inputs": [input_name(t) for t in net.inputs],
        "outputs": list(getattr(net, "output_names", [])),
        "trains": trains,
        "zeroed": [],
    }
    arrays = {f"x_{i}": x for i, x in enumerate(xs)}

    def infer(x):
        return net(x, training=False)

    if jit:
        infer = tf.function(infer, jit_compile=True, autograph=False)
    outs = flatten(infer(feed(net, [tf.constant(x) for x in xs])))
    trains = meta["trains"] = trains and any("float" in y.dtype.name for y in outs)
    kinds = [y.dtype.name for y in outs]
    if any(k in ("float64", "float16", "bfloat16") for k in kinds):  # what isn't plain from the arrays, or is forgotten there
        meta["dtypes"] = kinds
    after_inference = [np.array(w.numpy()) for w in weights]
    for i, y in enumerate(outs):
        arrays[f"y_{i}"] = np.asarray(y)
        mask = mask_of(y)
        if mask is not None:
            arrays[f"mask_{i}"] = mask
    for i, w in enumerate(before):
        arrays[f"w_{i}"] = w
        if not np.array_equal(w, after_inference[i]):  # a stateful layer's state
            arrays[f"infer_after_{i}"] = after_inference[i]
            weights[i].assign(w)
    if layers:
        arrays.update(record(net, lambda: net(feed(net, [tf.constant(x) for x in xs]), training=False)))
    for key, a in arrays.items():
        if a.dtype.kind in "fV" and not key.startswith("x_") and not np.isfinite(a).all():
            raise ValueError(f"{key} isn't finite")
    if not trains:
        return meta, arrays

    meta["zeroed"], restore = zero_rates(net)
    floats = [i for i, x in enumerate(xs) if x.dtype.kind == "f"]
    tensors = [tf.constant(x) for x in xs]
    with tf.GradientTape() as tape:
        for i in floats:
            tape.watch(tensors[i])
        ys = flatten(net(feed(net, tensors), training=True))
        loss = 0.0
        for i, y in enumerate(ys):
            if "float" not in y.dtype.name:
                continue
            target = rng.normal(size=y.shape).astype("float32")
            arrays[f"t_{i}"], arrays[f"train_{i}"] = target, np.asarray(y)
            loss = loss + keras.ops.mean(keras.ops.square(y - target))
    restore()
    trained = [i for i, w in enumerate(weights) if id(w) in trainable]
    grads = tape.gradient(loss, [weights[i].value for i in trained] + [tensors[i] for i in floats],
                          unconnected_gradients=tf.UnconnectedGradients.ZERO)
    arrays["loss"] = np.asarray(loss, "float32").reshape(1)
    names = [f"dw_{i}" for i in trained] + [f"dx_{i}" for i in floats]
    for name, g in zip(names, grads):
        arrays[name] = np.asarray(tf.convert_to_tensor(g))
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} isn't finite")
    for i, w in enumerate(weights):
        if i not in trained:
            arrays[f"after_{i}"] = np.array(w.numpy())
    return meta, arrays
