"""Whole files as Keras and tf-keras write them, in testdata/models: NAME.keras, .h5, .weights.h5, .json, NAME_weights.h5
(Keras 2's older layout for weights alone) and NAME.npz.

NAME.npz is a golden as in common.py (without the training pass), with every layer's output, and
    logits_i  output i before its softmax or sigmoid     o_i  the optimizer's variables, in order; meta's `optimizer` names them
Compiled models made two steps of training first, so their optimizers hold state. A .keras file is what Keras wrote but for
dates and memory addresses: same entries, stored, each from 1980.
"""
import json
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from . import attention, images, models
from .common import TOLERANCE, feed, flatten, integers, normal, pack, path_of, randomize, record, run, seed_of, uniform, write_npz

EVERY = ("keras", "h5", "weights.h5", "json")


def goldens(s):
    ids = integers(6, 7, high=9).declare(None)
    image = uniform(4, 10, 12, 1, high=255)

    def both(name, build, *inputs, k2=("h5", "keras"), **options):
        save(s, name, keras, build, inputs, **options)
        save(s, name + "_k2", tf_keras, build, inputs, **dict(options, kinds=k2))

    both("mlp", models.mlp, normal(6, 6), kinds=EVERY, k2=EVERY + ("only.h5",), train=adam_classes)
    both("mlp_plain", models.mlp, normal(3, 6), kinds=("h5",), k2=("h5",))
    both("cnn", models.cnn, image, kinds=("h5", "keras"), train=adam_classes)
    both("nested", models.nested, normal(2, 8, 9, 2), kinds=EVERY, k2=EVERY)
    both("shared", models.shared_layer, normal(3, 4))
    both("text", text, ids, kinds=EVERY, train=rmsprop_binary)
    both("two_outputs", models.inputs_outputs, normal(4, 4), normal(4, 5, 2), train=sgd_two)
    both("bidirectional", models.bidirectional_stack, integers(3, 5, high=6).declare(None))
    both("features", models.feature_mix, integers(3, 2, high=6), normal(3, 4))
    both("attention", attention.stack, integers(3, 5, high=9), kinds=("h5", "keras", "weights.h5"))
    both("lambdas", operators, normal(3, 6))
    both("augmented", images.augmented, uniform(4, 9, 12, 3, high=255), kinds=("keras", "weights.h5", "json"), train=adam_classes)
    save(s, "preprocessed", keras, images.preprocessed, (uniform(2, 8, 7, 3, high=255),), kinds=("keras", "weights.h5", "json"))
    save(s, "siamese", keras, models.siamese, (normal(3, 6), normal(3, 6)))
    save(s, "legacy_optimizer_k2", tf_keras, models.sequential_nested, (normal(4, 5),), kinds=("h5",), train=legacy_momentum)


def text(K):
    L = K.layers
    return K.Sequential([
        K.Input((None,), dtype="int32", name="words"), L.Embedding(9, 6, mask_zero=True), L.LSTM(5, return_sequences=True),
        L.LSTM(4, dropout=0.2), L.Dense(1, activation="sigmoid")], name="sentiment")


def operators(K):
    """Arithmetic on tensors: keras.ops nodes in one file, TFOpLambda and SlicingOpLambda in the other."""
    L = K.layers
    t = K.Input((6,))
    h = L.Dense(6, activation="relu")(t / 2.0 - 0.5)
    return K.Model(t, L.Dense(2)(L.Concatenate()([h + t, 2.0 * h, h[:, 1:3]])))


def fit(net, xs, ys):
    """Two steps. tf-keras takes lists, Keras 3 too."""
    half = (len(xs[0]) + 1) // 2
    net.fit(feed(net, xs), ys[0] if len(ys) == 1 else ys, batch_size=half, epochs=1, shuffle=False, verbose=0)


def adam_classes(K, net, xs, rng):
    net.compile(K.optimizers.Adam(0.01), K.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"], jit_compile=False)
    fit(net, xs, [rng.integers(0, 4, size=len(xs[0]))])


def rmsprop_binary(K, net, xs, rng):
    net.compile(K.optimizers.RMSprop(0.01, momentum=0.5), "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    fit(net, xs, [rng.integers(0, 2, size=(len(xs[0]), 1)).astype("float32")])


def sgd_two(K, net, xs, rng):
    net.compile(K.optimizers.SGD(0.05, momentum=0.9, nesterov=True), [K.losses.SparseCategoricalCrossentropy(), K.losses.MeanSquaredError()],
                loss_weights=[1.0, 0.5], jit_compile=False)
    fit(net, xs, [rng.integers(0, 2, size=len(xs[0])), rng.normal(size=(len(xs[0]), 1)).astype("float32")])


def legacy_momentum(K, net, xs, rng):
    """The optimizer of Keras 2.10 and before, whose weights are named and ordered otherwise."""
    net.compile(K.optimizers.legacy.Adam(0.01), "mse", jit_compile=False)
    fit(net, xs, [rng.normal(size=xs[0].shape).astype("float32")])


def save(s, name, K, build, inputs, kinds=("keras", "h5"), train=None, folder=Path("models")):
    if not s.wants(folder / (name + ".npz")):
        return
    K.backend.clear_session()
    seed = seed_of(str(folder), name)
    K.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)
    net = build(K)
    xs = [spec.draw(rng) for spec in inputs]
    if train:
        train(K, net, xs, rng)  # first, so that the weights drawn next are the ones saved; the optimizer keeps its state
    randomize(net, rng)
    framework = "keras" if K is keras else "tf_keras"
    meta, arrays = run(net, framework, xs, rng, False, True, False)
    for i, y in enumerate(logits(net, xs)):
        if y is not None:
            arrays[f"logits_{i}"] = y
    meta.update(case=name, seed=seed, tolerance=TOLERANCE, keras=K.__version__, framework=framework)
    meta["class"] = "File"
    if train:
        variables = net.optimizer.variables
        variables = list(variables() if callable(variables) else variables)
        meta["optimizer"] = [{"path": path_of(v), "shape": list(v.shape)} for v in variables]
        arrays.update({f"o_{i}": np.array(v.numpy()) for i, v in enumerate(variables)})
    out = s.root / folder
    write_npz(out / (name + ".npz"), {"meta": pack(meta), **arrays})
    files = [name + ".npz"]
    for kind in sorted(kinds, key=("keras", "weights.h5", "only.h5", "json", "h5").index):  # .h5 last: Keras 3.15 drops the optimizer there
        file = name + ("_weights.h5" if kind == "only.h5" else "." + kind)
        write(net, K, out / file, kind)
        files.append(file)
    for file in files:
        s.add(folder / file, case=f"{folder}/{name}", keras=K.__version__, framework=framework, seed=seed, tolerance=TOLERANCE,
              why="float32 sums in another order")


def write(net, K, path, kind):
    if kind == "json":
        path.write_text(json.dumps(json.loads(net.to_json()), indent=1) + "\n")
    elif kind in ("weights.h5", "only.h5"):
        net.save_weights(path)
    else:
        net.save(path)
        if kind == "keras":
            settle(path)


def settle(path):
    """Rewrites a .keras archive with its entries as they are, but dated 1980 inside and out, and with the memory addresses
    that Keras takes for shared_object_id numbered in the order they come."""
    with zipfile.ZipFile(path) as z:
        entries = [(i.filename, z.read(i)) for i in z.infolist()]
    with zipfile.ZipFile(path, "w") as z:
        for name, data in entries:
            if name == "metadata.json":
                data = re.sub(rb'"date_saved": "[^"]*"', b'"date_saved": "1980-01-01@00:00:00"', data)
            if name == "config.json":
                ids = {}
                data = re.sub(rb'(?<="shared_object_id": )\d+', lambda m: b"%d" % ids.setdefault(m[0], 140000000000000 + 16 * len(ids)), data)
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            z.writestr(entry, data)


def logits(net, xs):
    """Each output without its layer's last softmax or sigmoid, else None."""
    layers = [(getattr(t._keras_history, "operation", None) or t._keras_history.layer) for t in net.outputs]
    kept = [(layer, layer.activation) for layer in layers if getattr(getattr(layer, "activation", None), "__name__", "") in
            ("softmax", "sigmoid") and not getattr(layer, "cell", None)]
    for layer, _ in kept:
        layer.activation = lambda x: x
    try:
        ys = flatten(net(feed(net, [tf.constant(x) for x in xs]), training=False))
    finally:
        for layer, activation in kept:
            layer.activation = activation
    changed = {id(layer) for layer, _ in kept}
    return [np.asarray(y) if id(layer) in changed else None for y, layer in zip(ys, layers)]
