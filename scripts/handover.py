"""Training handed over in files: Keras, then Go, then Keras again.

    python scripts/handover.py make FOLDER      trains two epochs of each case and saves NAME.keras; NAME.npz holds the rows x and t, the weights
                                                that three epochs more give (m_i) and two more after those (k_i), all in Keras
    python scripts/handover.py check FOLDER     loads NAME_go.keras, which Go trained for the three epochs, trains the two, and compares

Weights must agree to 1e-4 of range. Exits 1 if any don't.
"""
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import keras
import numpy as np

import parity_optimizers as P

warnings.simplefilter("ignore")
TOLERANCE = 1e-4
CASES = {**P.OPTIMIZERS, "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.8), "ema_adam": P.OPTIONS["ema_adam"], "accumulate": P.OPTIONS["accumulate"],
         "cosine": lambda: keras.optimizers.SGD(P.SCHEDULES["cosine"](), momentum=0.5)}


def fit(model, x, t, epochs):
    model.fit(x, t, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return [w.numpy() for w in model.weights]


def make(folder):
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
        then, last = fit(model, x, t, 3), fit(model, x, t, 2)
        np.savez(folder / f"{name}.npz", x=x, t=t, **{f"m_{i}": w for i, w in enumerate(then)}, **{f"k_{i}": w for i, w in enumerate(last)})


def check(folder):
    bad = 0
    for name in CASES:
        keras.backend.clear_session()
        with np.load(folder / f"{name}.npz") as a:
            model = keras.saving.load_model(folder / f"{name}_go.keras")
            steps = int(model.optimizer._iterations.numpy())
            got = fit(model, a["x"], a["t"], 2)
            off = max(float(np.max(np.abs(w - a[f"k_{i}"])) / np.max(np.abs(a[f"k_{i}"]))) for i, w in enumerate(got))
        fine = off <= TOLERANCE and steps == 20
        bad += not fine
        print(f"{'ok  ' if fine else 'FAIL'}  {name}: off by {off:.2g} of range after {steps} steps before")
    return bad


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    sys.exit(1 if {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2])) else 0)
