"""Writes testdata/summary: what Keras's model.summary() prints, beside the model's JSON, at the widths of several terminals.

    "$(scripts/venv.sh)/bin/python" scripts/summaries.py [testdata]

A case is NAME.json (the architecture) and NAME.<options>.txt; options are the columns of the terminal, then n for
expand_nested and t for show_trainable. Of compiled models NAME.keras is the file, with the optimizer's variables.
"""
import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
from keras import layers as L

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "testdata") / "summary"


def mlp():
    return keras.Sequential([keras.Input((28, 28)), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")], name="mlp")


def unbuilt():
    return keras.Sequential([L.Dense(3), L.Dropout(0.5), L.Dense(2)], name="unbuilt")


def chain():
    x = i = keras.Input((12, 14, 3), name="image")
    for n in (8, 1024):
        x = L.Conv2D(n, 3, name=f"a_rather_long_name_of_a_convolution_{n}")(x)
        x = L.BatchNormalization()(x)
    return keras.Model(i, L.GlobalAveragePooling2D()(x), name="chain")


def branches():
    i, j = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = L.Dense(5, name="shared")
    a, b = shared(i), shared(j)
    x = L.Add()([a, b]) * 2.0
    y = L.Concatenate(name="joined_in_a_layer_of_a_long_name")([a, x, b])
    return keras.Model([i, j], [L.Dense(1, name="score")(y), L.Softmax(name="classes")(x)], name="branches")


def nested():
    inner = keras.Sequential([keras.Input((4, 5)), L.LSTM(3, return_sequences=True), L.Dropout(0.2), L.Dense(2)], name="inner")
    i = keras.Input((4, 5))
    deep = keras.Model(i, L.Flatten()(inner(i)), name="deep")
    deep.trainable = False
    j = keras.Input((4, 5), name="sequence")
    return keras.Model(j, L.Dense(3)(L.Add()([deep(j), L.Dense(8)(L.Flatten()(j))])), name="nested")


def several():
    i = keras.Input((None, 3), name="steps")
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True)(i)
    f = L.Bidirectional(L.GRU(2, return_state=True))(y)
    return keras.Model(i, [h, c, f[0]], name="several")


def compiled():
    model = keras.Sequential([keras.Input((7,)), L.Dense(6, activation="relu"), L.BatchNormalization(), L.Dense(1)], name="compiled")
    model.compile("adam", "mse")
    rng = np.random.default_rng(1)
    model.fit(rng.normal(size=(8, 7)), rng.normal(size=(8, 1)), verbose=0)
    return model


def text(model, columns, **options):
    os.environ["COLUMNS"] = str(columns)
    lines = []
    model.summary(print_fn=lambda s, line_break=True: lines.append(s), **options)
    return "".join(lines)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for build in (mlp, unbuilt, chain, branches, nested, several, compiled):
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        model, name = build(), build.__name__
        if name == "compiled":
            model.save(OUT / f"{name}.keras")
        else:
            (OUT / f"{name}.json").write_text(model.to_json() + "\n")
        for columns in (80, 100, 140):
            (OUT / f"{name}.{columns}.txt").write_text(text(model, columns))
            (OUT / f"{name}.{columns}nt.txt").write_text(text(model, columns, expand_nested=True, show_trainable=True))


if __name__ == "__main__":
    main()
