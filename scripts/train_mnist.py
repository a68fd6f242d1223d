"""Trains what testdata/ holds of MNIST, with real Keras on the real digits.

    python scripts/train_mnist.py cnn    testdata/mnist_cnn.h5, .keras, .npz and testdata/digits/*.png
    python scripts/train_mnist.py seed   testdata/seed_mnist.json: five test accuracies of Flatten, Dense(128, relu), Dense(10, softmax)

Each is run once and its output kept: `goldens.sh --check` predicts anew with the kept CNN and doesn't train it again.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
from pathlib import Path

import keras
import numpy as np
from keras import layers as L
from PIL import Image

import mnist_data

TESTDATA = Path(__file__).resolve().parents[1] / "testdata"


def cnn():
    (x, y), (x_test, y_test) = mnist_data.load()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((28, 28, 1), name="image"),
        L.Rescaling(1 / 255, name="rescaling"),
        L.Conv2D(8, 3, activation="relu", name="conv1"),
        L.MaxPooling2D(2, name="pool1"),
        L.Conv2D(16, 3, activation="relu", name="conv2"),
        L.MaxPooling2D(2, name="pool2"),
        L.Flatten(name="flatten"),
        L.Dropout(0.25, name="dropout"),
        L.Dense(32, activation="relu", name="hidden"),
        L.Dense(10, activation="softmax", name="digit"),
    ], name="mnist_cnn")
    model.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(x[..., None].astype("float32"), y, batch_size=64, epochs=8, verbose=2)
    accuracy = model.evaluate(x_test[..., None].astype("float32"), y_test, batch_size=500, verbose=0)[1]
    print(f"test accuracy {accuracy:.4f}")
    if accuracy < 0.985:
        sys.exit("too low to keep")
    model.save(TESTDATA / "mnist_cnn.keras")
    model.save(TESTDATA / "mnist_cnn.h5")  # last: Keras 3.15 takes the optimizer out of the model's compile config here

    # The first of each digit in the test set, and two more.
    keep = sorted([int(np.argmax(y_test == d)) for d in range(10)] + [20, 43])
    (TESTDATA / "digits").mkdir(exist_ok=True)
    for i in keep:
        Image.fromarray(x_test[i]).save(TESTDATA / "digits" / f"{y_test[i]}_{i:03d}.png", optimize=True)
    (TESTDATA / "mnist_cnn.json").write_text(json.dumps({
        "keras": keras.__version__, "generator": "scripts/train_mnist.py cnn", "test_accuracy": round(accuracy, 4), "epochs": 8}) + "\n")


def seed():
    (x, y), (x_test, y_test) = mnist_data.load()
    x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    runs = []
    for number in range(5):
        keras.backend.clear_session()
        keras.utils.set_random_seed(number)
        model = keras.Sequential([keras.Input((28, 28)), L.Flatten(), L.Dense(128, activation="relu"), L.Dense(10, activation="softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, batch_size=32, epochs=10, verbose=0).history
        loss, accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)
        runs.append({"seed": number, "test_accuracy": round(accuracy, 4), "test_loss": round(loss, 5),
                     "train_loss": [round(v, 5) for v in history["loss"]], "train_accuracy": [round(v, 5) for v in history["accuracy"]]})
        print(runs[-1], flush=True)
    accuracies = [r["test_accuracy"] for r in runs]
    (TESTDATA / "seed_mnist.json").write_text(json.dumps({
        "keras": keras.__version__, "generator": "scripts/train_mnist.py seed",
        "network": "Flatten(28, 28), Dense(128, relu), Dense(10, softmax); x/255; Adam, batch 32, 10 epochs, sparse categorical cross-entropy",
        "mean": round(float(np.mean(accuracies)), 5), "min": min(accuracies), "max": max(accuracies), "runs": runs}, indent=1) + "\n")


if __name__ == "__main__":
    {"cnn": cnn, "seed": seed}[sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)]()
