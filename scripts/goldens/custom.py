"""Files with classes that Keras doesn't have, and with Python functions, in testdata/custom: what docs/custom-layers.md tells of."""
from pathlib import Path
from types import SimpleNamespace

import keras
import tensorflow as tf
import tf_keras

from .common import normal
from .files import adam_classes, save


def library(K):
    """The classes of MyLib, for Keras 3 or for tf-keras."""
    ops = keras.ops if K is keras else SimpleNamespace(
        abs=tf.abs, concatenate=tf.concat, matmul=tf.matmul, maximum=tf.maximum, mean=lambda x, axis, keepdims: tf.reduce_mean(x, axis, keepdims),
        sqrt=tf.sqrt, square=tf.square)
    register = K.saving.register_keras_serializable

    @register(package="MyLib")
    class Antirectifier(K.layers.Layer):
        """Normalises each row, keeps its positive and its negative part, and projects both."""

        def __init__(self, units, epsilon=1e-6, **kwargs):
            super().__init__(**kwargs)
            self.units, self.epsilon = units, epsilon

        def build(self, shape):
            self.kernel = self.add_weight(name="kernel", shape=(2 * shape[-1], self.units))

        def call(self, x):
            x = x - ops.mean(x, axis=-1, keepdims=True)
            x = x / ops.sqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)
            return ops.matmul(ops.concatenate([ops.maximum(x, 0.0), ops.maximum(-x, 0.0)], axis=-1), self.kernel)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "epsilon": self.epsilon}

    @register(package="MyLib", name="squash")
    def squash(x):
        return x / (1.0 + ops.abs(x))

    return Antirectifier, squash


def network(K):
    L = K.layers
    Antirectifier, squash = library(K)
    return K.Sequential([K.Input((6,)), L.Dense(5, activation=squash, name="first"), Antirectifier(4, epsilon=0.01, name="anti"),
                         L.Dense(4, activation="softmax", name="last")], name="custom")


def code(text):
    """A lambda whose bytecode names no file of the machine that it was made on."""
    return eval(compile("lambda t: " + text, "lambdas.py", "eval"))


def lambdas(K):
    L = K.layers
    x = K.Input((3, 4), name="in")
    h = L.Lambda(code("t / 127.5 - 1.0"), name="scaled")(x)
    h = L.TimeDistributed(L.Lambda(code("t * t"), name="squared"), name="each")(h)
    h = L.Dense(5, activation=code("t / (1.0 + abs(t))"), name="dense")(h)
    a = L.Lambda(code("t[:, 1]"), name="middle", output_shape=(5,))(h)
    b = L.Lambda(code("t[:, -1]"), name="final", output_shape=(5,))(h)
    y = L.Lambda(code("abs(t[0] - t[1])"), name="distance", output_shape=(5,))([a, b])
    return K.Model(x, L.Dense(2, name="head")(y), name="lambdas")


def goldens(s):
    for name, build, shape, train in (("antirectifier", network, (6, 6), adam_classes), ("lambdas", lambdas, (2, 3, 4), None)):
        for K, suffix in ((keras, ""), (tf_keras, "_k2")):
            save(s, name + suffix, K, build, (normal(*shape),), train=train, folder=Path("custom"))
