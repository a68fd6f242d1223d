"""Layers that Keras 2 has and Keras 3 hasn't, or has inside keras.applications alone."""
from .common import normal


def goldens(s):
    rows, image, planes = normal(3, 6, 4), normal(2, 6, 7, 3), normal(2, 3, 6, 7)
    for n in (1, 2, 3):
        local(s, "LocallyConnected1D", f"valid_{n}", lambda L, n=n: L.LocallyConnected1D(5, 3, strides=2, activation="tanh", implementation=n), rows)
        local(s, "LocallyConnected2D", f"valid_{n}", lambda L, n=n: L.LocallyConnected2D(2, (3, 2), strides=(2, 1), implementation=n), image)
        local(s, "LocallyConnected2D", f"first_{n}", lambda L, n=n: L.LocallyConnected2D(2, (2, 3), data_format="channels_first", implementation=n), planes)
        if n > 1:
            local(s, "LocallyConnected1D", f"same_{n}", lambda L, n=n: L.LocallyConnected1D(3, 4, padding="same", use_bias=False, implementation=n), rows)
            local(s, "LocallyConnected2D", f"same_{n}", lambda L, n=n: L.LocallyConnected2D(2, (2, 3), strides=(1, 3), padding="same", implementation=n), image)
    for theta in (0.0, 0.4, 1.0):
        local(s, "ThresholdedReLU", f"theta_{theta:g}", lambda L, theta=theta: L.ThresholdedReLU(theta), rows)
    for name, x in (("rows", rows), ("image", image)):
        block(s, "LayerScale", name, lambda A, x=x: A.LayerScale(1e-3, x.shape[-1]), x)
    for rate in (0.0, 0.3):
        block(s, "StochasticDepth", f"rate_{rate:g}", lambda A, rate=rate: A.StochasticDepth(rate), image, trains=not rate)


def local(s, cls, name, make, x):
    def build(K):
        t = x.input(K)
        return K.Model(t, make(K.layers)(t))

    s.k2_model(cls, name, build, x)


def block(s, cls, name, make, x, **options):
    """A layer of ConvNeXt's, in Keras 3 and in tf-keras."""

    def build(K):
        if K.__name__ == "tf_keras":
            from tf_keras.src.applications import convnext
        else:
            from keras.src.applications import convnext
        t = x.input(K)
        return K.Model(t, make(convnext)(t))

    s.model(cls, name, build, x, k2=True, **options)
