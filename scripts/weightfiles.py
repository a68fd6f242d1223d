"""Weights in files that don't simply fit, in testdata/weights: by name, with mismatches, and in shards, as Keras 3 loads them.

    "$(scripts/venv.sh)/bin/python" scripts/weightfiles.py

donor.h5 and donor.weights.h5 are one model's weights; NAME.json is another's architecture, NAME.npz what Keras 3 predicts (y_0)
for x_0 once it has loaded them. What the donor doesn't give starts from constants, so that the answer is defined.
sharded.weights.json and its shards are sharded.json's.
"""
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"] = "3", ""

import keras
import numpy as np

L, OUT = keras.layers, Path(__file__).resolve().parents[1] / "testdata" / "weights"
START = dict(kernel_initializer=keras.initializers.Constant(0.125), bias_initializer=keras.initializers.Constant(0.5))


def net(*layers):
    return keras.Sequential([keras.Input((4,))] + list(layers))


def randomize(model, rng):
    for w in model.weights:
        value = rng.normal(size=w.shape).astype("float32")
        w.assign(np.abs(value) + 0.5 if "variance" in w.path else value)


def write(name, model, x):
    (OUT / (name + ".json")).write_text(model.to_json())
    np.savez_compressed(OUT / (name + ".npz"), x_0=x, y_0=np.asarray(model(x)))


def main():
    OUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(3, 4)).astype("float32")
    donor = net(L.Dense(5, name="a"), L.BatchNormalization(name="norm"), L.Dense(6, name="b"), L.Dense(2, name="c"))
    randomize(donor, rng)
    donor.save_weights(OUT / "donor.weights.h5")
    donor.save(OUT / "donor.h5")

    # another order and another layer between: only names tell
    named = net(L.Dense(5, name="a", **START), L.Dense(5, name="between", **START), L.BatchNormalization(name="norm"), L.Dense(3, name="last", **START))
    named.load_weights(OUT / "donor.h5", by_name=True)
    write("byname", named, x)
    # "b" has another shape, "c" another number of weights
    odd = net(L.Dense(5, name="a", **START), L.BatchNormalization(name="norm"), L.Dense(7, name="b", **START), L.Dense(2, name="c", use_bias=False, **{"kernel_initializer": START["kernel_initializer"]}))
    odd.load_weights(OUT / "donor.h5", by_name=True, skip_mismatch=True)
    write("byname_skip", odd, x)
    # by place, with another shape at its end
    tail = net(L.Dense(5, name="a", **START), L.BatchNormalization(name="norm"), L.Dense(6, name="b", **START), L.Dense(3, name="c", **START))
    tail.load_weights(OUT / "donor.weights.h5", skip_mismatch=True)
    write("skip", tail, x)

    wide = net(L.Dense(40, name="a"), L.Dense(30, name="b"), L.BatchNormalization(name="norm"), L.Dense(2, name="c"))
    randomize(wide, rng)
    wide.save_weights(OUT / "sharded.weights.json", max_shard_size=4800 / 1024**3)
    write("sharded", wide, x)


main()
