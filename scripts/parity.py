"""Makes testdata/parity: small models that real Keras trained, for the tests of package train.

    "$(scripts/venv.sh)/bin/python" scripts/parity.py [RE]     all of them, or those whose name matches

Each case starts from the same weights and the same rows, unshuffled, and is trained twice: as a TensorFlow graph with oneDNN's kernels,
and compiled by XLA. Where the two differ, Keras doesn't determine the bits; the difference is recorded beside what was trained.

testdata/parity/<case>.npz holds
    meta     UTF-8 JSON in uint8: {case, class, keras, framework, seed, tolerance, model, compile, weights: [{path, trainable, shape}],
             optimizer: [path], fit, history, history_xla, spread, names}
    x_i, t_i, sw_i            inputs, targets and sample weights;  vx_i, vt_i  validation data, where there is some
    w_i, after_i              the weights before and after;  o_i  the optimizer's variables after
    y_i                       what the trained model predicts of x
`spread` is max|a-b| / max|b| between the two runs, for each weight. losses.npz holds losses alone: for each of meta's cases its
targets t, predictions p, weights and mask (where it has them), the loss and its gradient by p.
"""
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

import json
import re
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

import parity_optimizers
from goldens import check
from goldens.common import pack, path_of, randomize, seed_of, write_npz

ROOT = Path(__file__).resolve().parents[1] / "testdata" / "parity"
O = keras.optimizers


def rows(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def mlp(out, activation, **options):
    return keras.Sequential([keras.Input((13,)), L.Dense(16, activation="relu", **options), L.Dense(out, activation=activation)], name="mlp")


def mlp_bn():
    return keras.Sequential([keras.Input((13,)), L.Dense(16, activation="relu"), L.BatchNormalization(), L.Dense(4, activation="softmax")],
                            name="sequential")


def cnn():
    return keras.Sequential([
        keras.Input((9, 8, 2)), L.Conv2D(5, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(2), L.DepthwiseConv2D(2),
        L.Conv2D(6, 1, padding="same"), L.ReLU(), L.GlobalAveragePooling2D(), L.Dense(3)], name="cnn")


def lstm():
    return keras.Sequential([
        keras.Input((7,), dtype="int32"), L.Embedding(11, 6, mask_zero=True), L.LSTM(8, return_sequences=True), L.Dense(5, activation="softmax")],
        name="tagger")


def two_outputs():
    x = keras.Input((13,), name="features")
    h = L.Dense(12, activation="tanh", name="hidden")(x)
    return keras.Model(x, [L.Dense(1, name="reg")(h), L.Dense(3, activation="softmax", name="cls")(h)], name="two")


def labels(n, classes):
    return lambda rng: rng.integers(0, classes, size=n)


def one_hot(n, classes):
    return lambda rng: np.eye(classes, dtype="float32")[rng.integers(0, classes, size=n)]


def floats(*shape):
    return lambda rng: rows(rng, *shape)


def positive(n):
    return lambda rng: rng.uniform(0.1, 2, size=n).astype("float32")


def tokens(n, t):
    def draw(rng):
        x = rng.integers(1, 11, size=(n, t)).astype("int32")
        for i in range(n):
            x[i, rng.integers(2, t + 1):] = 0
        return x
    return draw


X = floats(50, 13)
CASES = {  # name: (model, inputs, targets, compile, fit)
    "mlp_adam": (lambda: mlp(4, "softmax"), [X], [labels(50, 4)], dict(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]), {}),
    "mlp_bn_adam": (mlp_bn, [X], [labels(50, 4)], dict(optimizer=lambda: O.Adam(0.003), loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"]), {}),
    "mlp_amsgrad_decay": (lambda: mlp(4, "softmax"), [X], [one_hot(50, 4)],
                          dict(optimizer=lambda: O.Adam(0.01, amsgrad=True, weight_decay=0.1, beta_1=0.8), loss="categorical_crossentropy", metrics=["acc", "categorical_crossentropy"]), {}),
    "mlp_sgd": (lambda: mlp(4, "softmax"), [X], [labels(50, 4)],
                dict(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"]), {"class_weight": {0: 2.0, 2: 0.25}}),
    "steps": (lambda: mlp(4, "softmax"), [X], [labels(50, 4)], dict(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"]),
              {"validation_split": 0.2, "epochs": 6, "steps_per_epoch": 2, "validation_steps": 2, "validation_batch_size": 4, "validation_freq": 2}),
    "steps_listed": (lambda: mlp(4, "softmax"), [X], [labels(50, 4)], dict(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]),
                     {"validation_split": 0.2, "epochs": 5, "steps_per_epoch": 99, "validation_freq": [2, 5]}),
    "mlp_nesterov": (lambda: mlp(4, "softmax"), [X], [one_hot(50, 4)],
                     dict(optimizer=lambda: O.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=0.5), loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1), metrics=["accuracy"]), {}),
    "binary_rmsprop": (lambda: mlp(1, "sigmoid"), [X], [labels(50, 2)],
                       dict(optimizer=lambda: O.RMSprop(0.003, rho=0.8, momentum=0.5, centered=True), loss="binary_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy", "mse"]),
                       {"sample_weight": [positive(50)]}),
    "binary_clipped": (lambda: mlp(3, "hard_sigmoid"), [X], [lambda rng: rng.integers(0, 2, size=(50, 3)).astype("float32")],
                       dict(optimizer=lambda: O.SGD(0.1, momentum=0.7), loss=keras.losses.BinaryCrossentropy(label_smoothing=0.2), metrics=["binary_accuracy"]), {}),
    "regression_regularized": (lambda: mlp(1, "linear", kernel_regularizer=keras.regularizers.L1L2(0.01, 0.02), bias_regularizer="l2", activity_regularizer=keras.regularizers.L2(0.003)),
                               [X], [floats(50)], dict(optimizer=lambda: O.SGD(0.02, clipvalue=0.1), loss="mse", metrics=["mae"]), {"validation_split": 0.2}),
    "regression_mae": (lambda: mlp(2, None), [X], [floats(50, 2)], dict(optimizer="rmsprop", loss="mean_absolute_error", metrics=["mean_squared_error"]), {}),
    "cnn_adam": (cnn, [floats(21, 9, 8, 2)], [labels(21, 3)],
                 dict(optimizer=lambda: O.Adam(0.002), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]), {"batch_size": 8}),
    "cnn_nesterov": (cnn, [floats(21, 9, 8, 2)], [labels(21, 3)],
                     dict(optimizer=lambda: O.SGD(0.05, momentum=0.9, nesterov=True), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]), {"batch_size": 8}),
    "lstm_masked": (lstm, [tokens(23, 7)], [lambda rng: rng.integers(0, 5, size=(23, 7))],
                    dict(optimizer=lambda: O.Adam(0.01, global_clipnorm=0.3), loss="sparse_categorical_crossentropy", metrics=["accuracy"]), {"batch_size": 8}),
    "lstm_masked_sgd": (lstm, [tokens(23, 7)], [lambda rng: rng.integers(0, 5, size=(23, 7))],
                        dict(optimizer=lambda: O.SGD(0.5), loss="sparse_categorical_crossentropy", metrics=["accuracy"]), {"batch_size": 8}),
    "two_outputs": (two_outputs, [X], [floats(50, 1), labels(50, 3)],
                    dict(optimizer="adam", loss=["mse", "sparse_categorical_crossentropy"], loss_weights=[1.0, 0.5], metrics=[["mae"], ["accuracy"]]), {"validation_split": 0.3}),
}

CASES.update(parity_optimizers.cases())


def train(name, jit):
    build, inputs, targets, compile_args, fit = CASES[name]
    keras.backend.clear_session()
    seed = seed_of("parity", name)
    rng = np.random.default_rng(seed)
    model = build()
    xs, ts = [f(rng) for f in inputs], [f(rng) for f in targets]
    sw = [f(rng) for f in fit.get("sample_weight", [])]
    randomize(model, rng)
    start = [w.numpy() for w in model.weights]
    args = dict(compile_args)
    if callable(args["optimizer"]):
        args["optimizer"] = args["optimizer"]()
    model.compile(**args, jit_compile=jit)
    if isinstance(model.optimizer, O.ScheduleFreeAdamW):  # as Keras does for a file's model; fit() alone loses what it starts from
        model.optimizer.build(model.trainable_variables)
    compiled = model.get_compile_config()
    fit_args = {"batch_size": 16, "epochs": 3, **{k: v for k, v in fit.items() if k != "sample_weight"}}
    one = lambda a: a[0] if len(a) == 1 else a
    callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=fit_args["swap_ema"])] if "swap_ema" in fit_args else []
    history = model.fit(one(xs), one(ts), sample_weight=one(sw) if sw else None, shuffle=False, verbose=0, callbacks=callbacks,
                        **{k: v for k, v in fit_args.items() if k != "swap_ema"}).history
    return model, seed, xs, ts, sw, start, compiled, fit_args, history


def off(a, b):
    top = np.max(np.abs(b), initial=0)
    return float(np.max(np.abs(a - b), initial=0) / top) if top else float(np.max(np.abs(a), initial=0))


def case(name):
    model, seed, xs, ts, sw, start, compiled, fit, history = train(name, False)
    after, variables = [w.numpy() for w in model.weights], [v.numpy() for v in model.optimizer.variables]
    compiled["jit_compile"] = False
    trainable = {id(w) for w in model.trainable_weights}
    ys = model.predict(xs[0] if len(xs) == 1 else xs, verbose=0)
    ys = ys if isinstance(ys, list) else [ys]
    meta = {"case": name, "class": "parity", "keras": keras.__version__, "framework": "keras", "seed": seed, "tolerance": 1e-4,
            "model": json.loads(model.to_json()), "compile": compiled,
            "weights": [{"path": path_of(w), "trainable": id(w) in trainable, "shape": list(w.shape)} for w in model.weights],
            "optimizer": [v.path for v in model.optimizer.variables], "fit": fit, "history": history}
    arrays = {f"x_{i}": a for i, a in enumerate(xs)}
    for prefix, list_ in (("t", ts), ("sw", sw), ("w", start), ("after", after), ("o", variables), ("y", ys)):
        arrays.update({f"{prefix}_{i}": np.asarray(a) for i, a in enumerate(list_)})
    xla, *_, other = train(name, True)
    meta["history_xla"] = other
    meta["spread"] = [off(a.numpy(), b) for a, b in zip(xla.weights, after)]
    return meta, arrays


def losses():
    rng = np.random.default_rng(seed_of("parity", "losses"))
    K = keras.losses
    cases, arrays = [], {}

    def add(loss, t, p, weight=None, mask=None, logits=None):
        """logits: "softmax" or "sigmoid", which is applied to p, as a model's last layer does."""
        i = len(cases)

        @tf.function
        def step(p):
            with tf.GradientTape() as tape:
                tape.watch(p)
                out = keras.activations.get(logits)(p) if logits else p
                if mask is not None:
                    out._keras_mask = tf.constant(mask)
                    if out is p:
                        out = tf.identity(p)
                        out._keras_mask = tf.constant(mask)
                value = loss(tf.constant(t), out, sample_weight=None if weight is None else tf.constant(weight))
            return value, tape.gradient(value, p)

        value, gradient = step(tf.constant(p))
        config = keras.losses.serialize(loss)
        cases.append({"loss": config, "activation": logits, "value": float(value)})
        arrays.update({f"t_{i}": t, f"p_{i}": p, f"g_{i}": gradient.numpy()})
        if weight is not None:
            arrays[f"sw_{i}"] = weight
        if mask is not None:
            arrays[f"m_{i}"] = mask

    probability = lambda *s: np.clip(rng.uniform(-0.05, 1.05, size=s), 0, 1).astype("float32")
    mask = rng.integers(0, 2, size=(6, 5)).astype(bool)
    for cls in (K.MeanSquaredError, K.MeanAbsoluteError):
        add(cls(), rows(rng, 9, 3), rows(rng, 9, 3))
        add(cls(), rows(rng, 9), rows(rng, 9, 1), positive(9)(rng))
        add(cls(reduction="sum"), rows(rng, 9, 3), rows(rng, 9, 3), positive(9)(rng))
        add(cls(reduction="mean_with_sample_weight"), rows(rng, 9, 3), rows(rng, 9, 3), positive(9)(rng))
        add(cls(), rows(rng, 6, 5, 2), rows(rng, 6, 5, 2), None, mask)
        add(cls(), rows(rng, 6, 5, 2), rows(rng, 6, 5, 2), rng.uniform(size=(6, 5)).astype("float32"), mask)
    for smoothing in (0.0, 0.15):
        bits = rng.integers(0, 2, size=(9, 3)).astype("float32")
        for logits, from_logits in ((None, False), (None, True), ("sigmoid", False)):
            p = probability(9, 3) if logits is None and not from_logits else 4 * rows(rng, 9, 3)
            add(K.BinaryCrossentropy(from_logits, smoothing), bits, p, None, None, logits)
        onehot = np.eye(4, dtype="float32")[rng.integers(0, 4, size=9)]
        for logits, from_logits in ((None, False), (None, True), ("softmax", False)):
            p = probability(9, 4) + np.float32(1e-3) if logits is None and not from_logits else 4 * rows(rng, 9, 4)
            add(K.CategoricalCrossentropy(from_logits, smoothing), onehot, p, positive(9)(rng), None, logits)
    ids = rng.integers(0, 4, size=9)
    for logits, from_logits in ((None, False), (None, True), ("softmax", False)):
        p = probability(9, 4) if logits is None and not from_logits else 4 * rows(rng, 9, 4)
        add(K.SparseCategoricalCrossentropy(from_logits), ids, p, None, None, logits)
        add(K.SparseCategoricalCrossentropy(from_logits), ids[:, None], p, positive(9)(rng), None, logits)
        q = probability(6, 5, 4) if logits is None and not from_logits else 4 * rows(rng, 6, 5, 4)
        add(K.SparseCategoricalCrossentropy(from_logits), rng.integers(0, 4, size=(6, 5)), q, None, mask, logits)
    add(K.BinaryCrossentropy(), rng.integers(0, 2, size=(6, 5)).astype("float32"), 3 * rows(rng, 6, 5, 1), None, None, "sigmoid")
    meta = {"case": "losses", "class": "parity", "keras": keras.__version__, "framework": "keras", "seed": seed_of("parity", "losses"), "tolerance": 1e-5, "cases": cases}
    return meta, arrays


def progress():
    """What Keras's progress bar prints at given times: testdata/parity/progbar.json."""
    from keras.src.utils import io_utils, progbar

    class Out:
        isatty = staticmethod(lambda: True)

    out, now = [], [0.0]
    print_msg, stdout, clock = io_utils.print_msg, progbar.sys.stdout, progbar.time.time
    io_utils.print_msg = lambda text, line_break=True: out.append(text)
    progbar.time.time = lambda: now[0]
    cases = []
    for verbose in (1, 2):
        for steps, seconds in ((1875, 0.0008), (7, 0.03), (12, 1.7), (40, 200.0), (1, 0.2)):
            progbar.sys.stdout = Out
            now[0] = 1000.0
            bar = progbar.Progbar(target=steps, verbose=verbose, unit_name="step", stateless_metrics=set())
            progbar.sys.stdout = stdout
            updates = []
            for step in range(1, steps + 2):
                last = step > steps
                now[0] += 0.25 if last else seconds * (1 + 0.1 * (step % 3))
                logs = {"accuracy": min(1.0, step / 20), "loss": 2.0 / step**2, **({"val_loss": 0.5, "val_tiny": 3e-4} if last else {})}
                out.clear()
                if verbose == 1 or last:
                    bar.update(min(step, steps), list(logs.items()), finalize=last)
                text = "".join(out)
                if text:
                    updates.append({"step": step, "now": now[0], "logs": list(logs.items()), "text": text})
            cases.append({"verbose": verbose, "steps": steps, "seconds": seconds, "updates": updates})
    io_utils.print_msg, progbar.time.time = print_msg, clock
    (ROOT / "progbar.json").write_text(json.dumps({"keras": keras.__version__, "generator": "scripts/parity.py", "cases": cases}) + "\n")


def main():
    only = re.compile(sys.argv[1]) if len(sys.argv) > 1 else None
    entries = []
    warnings.simplefilter("ignore")
    for name in [*CASES, "losses"]:
        if only and not only.search(name):
            continue
        meta, arrays = losses() if name == "losses" else case(name)
        write_npz(ROOT / (name + ".npz"), {"meta": pack(meta), **arrays})
        why = "float32 sums in another order" if name == "losses" else "of range, or three times what two runs of Keras differ by"
        entries.append({"case": name, "file": name + ".npz", "keras": keras.__version__, "framework": "keras", "seed": meta["seed"], "tolerance": meta["tolerance"], "why": why})
        print(name, ["%.1e" % s for s in meta.get("spread", [])], flush=True)
    if only is None or only.search("progbar"):
        progress()
    if only is None or only.search("schedules"):
        (ROOT / "schedules.json").write_text(parity_optimizers.schedules())
    check.write_manifest(ROOT, entries, partial=only is not None)
    path = ROOT / "manifest.json"
    path.write_text(path.read_text().replace("scripts/goldens.sh", "scripts/parity.py"))


if __name__ == "__main__":
    main()
