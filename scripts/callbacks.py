"""Writes testdata/callbacks/callbacks.json: what Keras's callbacks do when they are told of losses epoch by epoch, the paths that
ModelCheckpoint makes, and the files that CSVLogger writes.

    "$(scripts/venv.sh)/bin/python" scripts/callbacks.py [testdata]
"""
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np

OUT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "testdata") / "callbacks" / "callbacks.json"
STEPS = 5
K = keras.callbacks


def sequences():
    rng = np.random.default_rng(3)
    down = 1.0
    falling = []
    for _ in range(14):
        down += float(rng.normal()) * 0.1 - 0.04
        falling.append(round(down, 3))
    return {
        "falling": falling,
        "flat": [0.5, 0.5, 0.5, 0.49995, 0.4999, 0.4998, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
        "rising": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
        "noisy": [round(float(v), 2) for v in rng.uniform(0, 1, 16)],
    }


CASES = [
    ("EarlyStopping", dict(patience=0)),
    ("EarlyStopping", dict(patience=2, restore_best_weights=True)),
    ("EarlyStopping", dict(patience=3, min_delta=0.05, restore_best_weights=True)),
    ("EarlyStopping", dict(monitor="accuracy", patience=1, restore_best_weights=True)),
    ("EarlyStopping", dict(monitor="val_accuracy", patience=2, min_delta=-0.1)),
    ("EarlyStopping", dict(monitor="loss", patience=1, baseline=0.3, restore_best_weights=True)),
    ("EarlyStopping", dict(patience=1, start_from_epoch=4, restore_best_weights=True)),
    ("EarlyStopping", dict(patience=1, mode="max", restore_best_weights=True)),
    ("ReduceLROnPlateau", dict(patience=1)),
    ("ReduceLROnPlateau", dict(patience=2, factor=0.5, cooldown=2)),
    ("ReduceLROnPlateau", dict(patience=1, factor=0.3, min_lr=0.001, min_delta=0)),
    ("ReduceLROnPlateau", dict(monitor="accuracy", patience=1, factor=0.2, cooldown=1)),
    ("ReduceLROnPlateau", dict(monitor="loss", mode="max", patience=1, factor=0.9, min_delta=0.05)),
    ("ModelCheckpoint", dict(filepath="{epoch:02d}-{val_loss:.2f}.keras")),
    ("ModelCheckpoint", dict(filepath="{epoch}-{accuracy:.1%}.weights.h5", save_weights_only=True, save_best_only=True)),
    ("ModelCheckpoint", dict(filepath="m{epoch}.h5", monitor="val_accuracy", save_best_only=True)),
    ("ModelCheckpoint", dict(filepath="{epoch}.keras", monitor="loss", mode="max", save_best_only=True)),
    ("ModelCheckpoint", dict(filepath="{epoch}.keras", save_best_only=True, initial_value_threshold=0.45)),
    ("ModelCheckpoint", dict(filepath="{epoch:03d}-{batch:02d}-{loss:.3f}.keras", save_freq=3)),
    ("ModelCheckpoint", dict(filepath="{batch}.keras", monitor="loss", save_freq=7, save_best_only=True)),
    ("LearningRateScheduler", dict()),
]


def build():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=["accuracy"])
    model.train_on_batch(np.zeros((1, 1), "float32"), np.zeros((1, 1), "float32"))
    return model


def run(name, arguments, values):
    model, saved = build(), []
    record = lambda path, **_: saved.append(str(path))
    object.__setattr__(model, "save", record)
    object.__setattr__(model, "save_weights", record)
    if name == "LearningRateScheduler":
        callback = K.LearningRateScheduler(lambda epoch, rate: rate * 0.7 if epoch % 2 else rate)
    else:
        callback = getattr(K, name)(**arguments)
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    rates = []
    for epoch, v in enumerate(values):
        callback.on_epoch_begin(epoch)
        for batch in range(STEPS):
            callback.on_train_batch_end(batch, {"accuracy": 1 - v, "loss": v + batch / 100})
        model.set_weights([np.array([[epoch]], "float32")])
        logs = {"accuracy": 1 - v, "loss": v, "val_accuracy": 1 - v / 2, "val_loss": v / 2}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end()
    return {"callback": name, "arguments": arguments, "values": values, "epochs": len(rates),
            "rates": rates if rates[0] is not None else None, "saved": saved, "weights": int(model.get_weights()[0][0, 0])}


def tables():
    logs = [{"loss": 0.5, "accuracy": 1.0}, {"loss": 1e-5, "accuracy": 0.1 + 0.2}, {"loss": 123456789.0, "accuracy": 1e16},
            {"loss": float("nan"), "accuracy": float("-inf")}, {"loss": -0.0, "accuracy": 1e-4}]
    for extra in ({}, {"val_loss": 0.25, "val_accuracy": 2.0}):
        for separator in (",", "\t", ";"):
            for before in (None, "epoch,loss\r\n0,1.0\r\n"):
                with tempfile.TemporaryDirectory() as folder:
                    path = os.path.join(folder, "log.csv")
                    if before:
                        Path(path).write_bytes(before.encode())
                    callback = K.CSVLogger(path, separator=separator, append=before is not None)
                    callback.on_train_begin()
                    for epoch, l in enumerate(logs):
                        callback.on_epoch_end(epoch, {**l, **extra})
                    callback.on_train_end()
                    yield {"separator": separator, "before": before, "logs": [{k: repr(v) for k, v in {**l, **extra}.items()} for l in logs],
                           "text": Path(path).read_bytes().decode()}


def paths():
    logs = {"loss": 0.123456789, "val_loss": 12.0, "tiny": 1.5e-7, "large": 1234567.0}
    for template in ("m.keras", "{epoch}", "{epoch:02d}-{val_loss:.2f}.keras", "{epoch:4d}", "{batch:03d}", "{loss}", "{val_loss}", "{tiny}", "{large}",
                     "{loss:.4f}", "{loss:.3e}", "{tiny:.2e}", "{loss:g}", "{large:g}", "{tiny:g}", "{loss:.3g}", "{large:.3g}", "{loss:08.3f}", "{loss:.1%}",
                     "{val_loss:%}", "{epoch:.1f}", "{loss:f}", "{loss:e}", "{epoch:02d}/{epoch:02d}", "a{loss:.2f}b{val_loss:.0f}c",
                     "{loss:d}", "{nothing}", "{epoch", "{loss:s}"):
        for epoch, batch in ((0, 0), (11, 7)):
            try:
                want = template.format(epoch=epoch + 1, batch=batch + 1, **logs)
            except (KeyError, ValueError):
                want = None
            yield {"path": template, "epoch": epoch, "batch": batch + 1, "logs": logs, "want": want}


if __name__ == "__main__":
    runs = [run(name, arguments, values) for values in sequences().values() for name, arguments in CASES]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"runs": runs, "tables": list(tables()), "paths": list(paths())}, indent=1) + "\n")
