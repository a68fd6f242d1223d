"""Training handed over in files: Keras, then Go, then Keras again.

    python scripts/handover.py make FOLDER      trains two epochs of each case and saves NAME.keras (and .h5); NAME.npz holds the rows x and t, the
                                                weights that three epochs more give (m_i) and two more after those (k_i), all in Keras
    python scripts/handover.py check FOLDER     loads NAME_go.keras, which Go trained for the three epochs, trains the two, and compares

Both do the same with tf-keras's optimizers, the legacy ones among them: old_NAME.h5, which Go writes as tf-keras does, and there and
back without a change in names, shapes and dtypes of the optimizer's variables.

Weights must agree to 1e-4 of range. Exits 1 if any don't.
"""
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

import parity_optimizers as P

warnings.simplefilter("ignore")
TOLERANCE = 1e-4
CASES = {**P.OPTIMIZERS, "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.8), "cosine": lambda: keras.optimizers.SGD(P.SCHEDULES["cosine"](), momentum=0.5),
         **{k: P.OPTIONS[k] for k in ("ema", "ema_adam", "accumulate", "accumulate_ema", "accumulate_schedule", "clipvalue", "scaled", "scaled_schedule")}}


def old_cases(K):
    O, L = K.optimizers, K.optimizers.legacy
    yield from {"adam": O.Adam(0.01), "amsgrad": O.Adam(0.01, amsgrad=True, clipnorm=0.5), "adamw": O.AdamW(0.01), "sgd": O.SGD(0.1), "momentum": O.SGD(0.1, momentum=0.9),
                "rmsprop": O.RMSprop(0.005), "centered": O.RMSprop(0.005, momentum=0.5, centered=True), "adagrad": O.Adagrad(0.05), "adadelta": O.Adadelta(0.5),
                "adamax": O.Adamax(0.01), "ftrl": O.Ftrl(0.1, l1_regularization_strength=0.01), "lion": O.Lion(0.003), "adafactor": O.Adafactor(0.05),
                "ema": O.Adam(0.01, use_ema=True, ema_momentum=0.9), "schedule": O.SGD(O.schedules.ExponentialDecay(0.1, 4, 0.5), momentum=0.5)}.items()
    yield from {"legacy_adam": L.Adam(0.01), "legacy_amsgrad": L.Adam(0.01, amsgrad=True), "legacy_decay": L.Adam(0.01, decay=0.1), "legacy_sgd": L.SGD(0.1),
                "legacy_momentum": L.SGD(0.1, momentum=0.9), "legacy_rmsprop": L.RMSprop(0.005), "legacy_centered": L.RMSprop(0.005, momentum=0.5, centered=True),
                "legacy_adagrad": L.Adagrad(0.05), "legacy_adadelta": L.Adadelta(0.5), "legacy_adamax": L.Adamax(0.01), "legacy_ftrl": L.Ftrl(0.1)}.items()


def fit(model, x, t, epochs):
    model.fit(x, t, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return [w.numpy() for w in model.weights]


def make_old(folder):
    import tf_keras as K
    rng = np.random.default_rng(7)
    x, t = rng.normal(size=(50, 7)).astype("float32"), rng.integers(0, 4, size=50)
    for name, optimizer in old_cases(K):
        K.utils.set_random_seed(7)
        model = K.Sequential([K.layers.Input((7,)), K.layers.Dense(9, activation="tanh"), K.layers.Dense(4, activation="softmax")], name="mlp")
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        fit(model, x, t, 2)
        model.save(folder / f"old_{name}.h5")
        if "legacy" not in name:
            model.save(folder / f"old_{name}.keras")
        then, last = fit(model, x, t, 3), fit(model, x, t, 2)
        np.savez(folder / f"old_{name}.npz", x=x, t=t, **{f"m_{i}": w for i, w in enumerate(then)}, **{f"k_{i}": w for i, w in enumerate(last)})


def check_old(folder):
    import tf_keras as K
    bad = 0
    for path in sorted(folder.glob("old_*_go.h5")):
        name = path.stem[:-len("_go")]
        with np.load(folder / f"{name}.npz") as a:
            model = K.models.load_model(path)
            steps, legacy = int(model.optimizer.iterations.numpy()), isinstance(model.optimizer, K.optimizers.legacy.Optimizer)
            got = fit(model, a["x"], a["t"], 2)
            off = max(float(np.max(np.abs(w - a[f"k_{i}"])) / np.max(np.abs(a[f"k_{i}"]))) for i, w in enumerate(got))
        fine = off <= TOLERANCE and steps == 20 and legacy == ("legacy" in name)
        bad += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {path.name}: off by {off:.2g} of range after {steps} steps before")
        kept, ours = variables(folder / f"{name}.h5", whole=True), variables(path, whole=True)
        if kept != ours:
            bad += 1
            print(f"FAIL  {path.name}: tf-keras keeps {kept}, Go {ours}")
    return bad + (bad == 0 and not list(folder.glob("old_*_go.h5")))


def make(folder):
    make_old(folder)
    for name, optimizer in CASES.items():
        keras.backend.clear_session()
        keras.utils.set_random_seed(7)
        rng = np.random.default_rng(7)
        x, t = rng.normal(size=(50, 7)).astype("float32"), rng.integers(0, 4, size=50)
        model = P.mlp()()
        model.compile(optimizer=optimizer(), loss="sparse_categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)
        fit(model, x, t, 2)
        model.save(folder / f"{name}.keras")
        if name != "adafactor":  # whose variables share names, which Keras can't put into an .h5
            model.save(folder / f"{name}.h5")
        then, last = fit(model, x, t, 3), fit(model, x, t, 2)
        np.savez(folder / f"{name}.npz", x=x, t=t, **{f"m_{i}": w for i, w in enumerate(then)}, **{f"k_{i}": w for i, w in enumerate(last)})


def check(folder):
    bad = check_old(folder)
    for name in CASES:
        keras.backend.clear_session()
        with np.load(folder / f"{name}.npz") as a:
            model = keras.saving.load_model(folder / f"{name}_go.keras")
            steps = int(getattr(model.optimizer, "inner_optimizer", model.optimizer)._iterations.numpy())
            got = fit(model, a["x"], a["t"], 2)
            off = max(float(np.max(np.abs(w - a[f"k_{i}"])) / np.max(np.abs(a[f"k_{i}"]))) for i, w in enumerate(got))
        fine = off <= TOLERANCE and steps == 20
        bad += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {name}: off by {off:.2g} of range after {steps} steps before")
        if not (folder / f"{name}.h5").exists():
            continue
        kept, ours = (variables(folder / f"{name}{of}.h5") for of in ("", "_go"))  # Keras can't train what it loads from those
        if kept != ours:
            bad += 1
            print(f"FAIL  {name}.h5: Keras keeps {kept}, Go {ours}")
    return bad


def variables(path, whole=False):
    """The optimizer's variables, without the scopes in their names, which in Keras depend on where a LossScaleOptimizer was built."""
    with h5py.File(path) as f:
        g = f["optimizer_weights"]
        names = [n.decode() if isinstance(n, bytes) else n for n in g.attrs["weight_names"]]
        return [(n if whole else n.split("/")[-1], g[n].shape, str(g[n].dtype)) for n in names]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    sys.exit(1 if {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2])) else 0)
