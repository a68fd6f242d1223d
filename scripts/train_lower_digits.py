"""Trains examples/transfer/digits04.keras with real Keras: a small CNN that knows the digits 0 to 4, and has never seen another.

    python scripts/train_lower_digits.py

It is run once and its output kept: examples/transfer teaches the file's convolutions the digits 5 to 9.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
from keras import layers as L

import mnist_data

TARGET = Path(__file__).resolve().parents[1] / "examples" / "transfer" / "digits04.keras"


def main():
    (x, y), (x_test, y_test) = ((x[y < 5, :, :, None].astype("float32"), y[y < 5]) for x, y in mnist_data.load())
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
        L.Dense(5, activation="softmax", name="digit"),
    ], name="digits04")
    model.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=5, verbose=2)
    accuracy = model.evaluate(x_test, y_test, batch_size=500, verbose=0)[1]
    print(f"test accuracy {accuracy:.4f} on the digits 0 to 4")
    if accuracy < 0.99:
        sys.exit("too low to keep")
    model.save(TARGET)


if __name__ == "__main__":
    main()
