"""Dense, activations, shapes, noise, masking, rescaling."""
import keras
import numpy as np

from .common import fixed, integers, normal, sequence, uniform

ACTIVATIONS = """celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear log_sigmoid log_softmax
mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh
tanh_shrink""".split()  # threshold takes arguments that a config's name can't carry: see ops.py
K2_ACTIVATIONS = "elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid softmax softplus softsign swish tanh"


def goldens(s):
    dense(s)
    activations(s)
    shapes(s)
    noise(s)
    scaling(s)


def dense(s):
    s.layer("Dense", "rank2", lambda L: L.Dense(5), normal(3, 4), k2=True)
    s.layer("Dense", "rank3", lambda L: L.Dense(6, activation="tanh"), normal(2, 3, 4), k2=True)
    s.layer("Dense", "rank4", lambda L: L.Dense(3, activation="relu"), normal(2, 3, 4, 5))
    s.layer("Dense", "nobias", lambda L: L.Dense(7, use_bias=False), normal(3, 5), k2=True)
    s.layer("Dense", "softmax", lambda L: L.Dense(6, activation="softmax"), normal(3, 4))
    s.layer("Dense", "sigmoid_one_unit", lambda L: L.Dense(1, activation="sigmoid"), normal(3, 9))
    s.layer("Dense", "gelu", lambda L: L.Dense(5, activation="gelu"), normal(2, 7))
    s.layer("Dense", "wide", lambda L: L.Dense(33, activation="elu"), normal(2, 67))
    s.layer("Dense", "integers", lambda L: L.Dense(4, activation="tanh"), integers(3, 6, high=9), k2=True)
    s.layer("Dense", "masked", lambda L: L.Dense(4), sequence([5, 3, 1], 3), mask=True, k2=True)
    s.layer("Dense", "regularized", lambda L: L.Dense(
        3, kernel_regularizer="l2", bias_constraint="non_neg", kernel_initializer="he_normal"), normal(3, 4))


def special(shape):
    """-4..4 in even steps with the points where an activation bends put in, arranged in `shape`."""
    n = int(np.prod(shape))
    a = np.linspace(-4, 4, n).astype("float32")
    points = np.array([-3, -2.5, -1, -0.5, 0.25, 0.5, 1, 2.5, 3, -0.25, 6.5, 12, -12, 30, -30], "float32")[:n]
    a[:: max(1, n // len(points))][: len(points)] = points[: len(a[:: max(1, n // len(points))])]
    return a.reshape(shape)


def activations(s):
    for name in ACTIVATIONS:
        s.layer("Activation", name, lambda L: L.Activation(name), normal(3, 8, scale=2.0))
        # Bends have no derivative that anybody agrees on: the points themselves are for inference.
        s.layer("Activation", name + "_points", lambda L: L.Activation(name), fixed(special((4, 16))), trains=False)
    for name in K2_ACTIVATIONS.split():
        def build(K):
            t = K.Input((16,))
            return K.Model(t, K.layers.Activation(name)(t))
        s.k2_model("Activation", name, build, fixed(special((4, 16))))
    s.layer("Activation", "softmax_rank3", lambda L: L.Activation("softmax"), normal(2, 3, 5, scale=2.0))
    s.layer("Activation", "relu_rank4", lambda L: L.Activation("relu"), normal(2, 3, 4, 5))
    s.layer("Activation", "integers", lambda L: L.Activation("tanh"), integers(3, 4, high=3))
    s.layer("Activation", "masked", lambda L: L.Activation("tanh"), sequence([4, 2], 3), mask=True)

    x = normal(3, 4, 5, scale=3.0)
    s.layer("ReLU", "plain", lambda L: L.ReLU(), x, k2=True)
    s.layer("ReLU", "max_value", lambda L: L.ReLU(max_value=2.5), x)
    s.layer("ReLU", "six", lambda L: L.ReLU(6.0), x, k2=True)
    s.layer("ReLU", "negative_slope", lambda L: L.ReLU(negative_slope=0.2), x, k2=True)
    s.layer("ReLU", "threshold", lambda L: L.ReLU(threshold=0.7), x)
    s.layer("ReLU", "all", lambda L: L.ReLU(max_value=3.0, negative_slope=0.1, threshold=0.5), x, k2=True)
    s.layer("LeakyReLU", "plain", lambda L: L.LeakyReLU(), x, k2=True)
    s.layer("LeakyReLU", "integers", lambda L: L.LeakyReLU(), integers(3, 4, high=9))
    s.layer("LeakyReLU", "slope", lambda L: L.LeakyReLU(negative_slope=0.05), normal(2, 3, 4, 5))
    s.k2_model("LeakyReLU", "alpha", lambda K: single(K, K.layers.LeakyReLU(alpha=0.1), (4, 5)), x)
    s.layer("PReLU", "full", lambda L: L.PReLU(), x, k2=True)
    s.layer("PReLU", "shared_last", lambda L: L.PReLU(shared_axes=[1]), x, k2=True)
    s.layer("PReLU", "shared_image", lambda L: L.PReLU(shared_axes=[1, 2]), normal(2, 3, 4, 5))
    s.layer("PReLU", "rank2", lambda L: L.PReLU(), normal(3, 6))
    s.layer("ELU", "plain", lambda L: L.ELU(), x, k2=True)
    s.layer("ELU", "alpha", lambda L: L.ELU(alpha=0.4), normal(3, 7), k2=True)
    s.layer("Softmax", "plain", lambda L: L.Softmax(), x, k2=True)
    s.layer("Softmax", "axis1", lambda L: L.Softmax(axis=1), x, k2=True)
    s.layer("Softmax", "axes", lambda L: L.Softmax(axis=[1, 2]), x)
    s.layer("Softmax", "rank2", lambda L: L.Softmax(), normal(3, 6))

    def masked_softmax(K):
        t, m = K.Input((4, 5)), K.Input((4, 5), dtype="bool")
        return K.Model([t, m], K.layers.Softmax()(t, mask=m))

    mask = np.random.default_rng(1).uniform(size=(3, 4, 5)) < 0.6
    mask[0, 1] = True
    mask[2, 3] = False  # nothing to attend to: uniform
    s.model("Softmax", "mask", masked_softmax, x, fixed(mask, "bool"))


def single(K, layer, shape, dtype="float32"):
    t = K.Input(shape, dtype=dtype)
    return K.Model(t, layer(t))


def shapes(s):
    s.layer("Flatten", "rank2", lambda L: L.Flatten(), normal(3, 4))
    s.layer("Flatten", "rank3", lambda L: L.Flatten(), normal(3, 4, 5), k2=True)
    s.layer("Flatten", "rank4", lambda L: L.Flatten(), normal(2, 3, 4, 5))
    s.layer("Flatten", "rank5", lambda L: L.Flatten(), normal(2, 3, 2, 4, 2))
    s.layer("Flatten", "channels_first", lambda L: L.Flatten(data_format="channels_first"), normal(2, 3, 4, 5), k2=True)
    s.layer("Flatten", "channels_first_rank3", lambda L: L.Flatten(data_format="channels_first"), normal(2, 3, 4))
    s.layer("Flatten", "unknown_time", lambda L: L.Flatten(), normal(2, 3, 4).declare(None, 4))
    s.layer("Flatten", "scalar", lambda L: L.Flatten(), normal(3))
    s.layer("Reshape", "plain", lambda L: L.Reshape((5, 4)), normal(3, 4, 5), k2=True)
    s.layer("Reshape", "infer", lambda L: L.Reshape((-1, 2, 3)), normal(2, 4, 9), k2=True)
    s.layer("Reshape", "flat", lambda L: L.Reshape((-1,)), normal(2, 3, 4))
    s.layer("Reshape", "unknown_time", lambda L: L.Reshape((-1, 3)), normal(2, 5, 6).declare(None, 6))
    s.layer("Reshape", "up", lambda L: L.Reshape((1, 1, 6)), normal(3, 6))
    s.layer("Permute", "swap", lambda L: L.Permute((2, 1)), normal(3, 4, 5), k2=True)
    s.layer("Permute", "rank4", lambda L: L.Permute((3, 1, 2)), normal(2, 3, 4, 5), k2=True)
    s.layer("Permute", "rank4_b", lambda L: L.Permute((2, 3, 1)), normal(2, 3, 4, 5))
    s.layer("Permute", "identity", lambda L: L.Permute((1, 2, 3)), normal(2, 2, 3, 4))
    s.layer("RepeatVector", "plain", lambda L: L.RepeatVector(4), normal(3, 5), k2=True)
    s.layer("RepeatVector", "integers", lambda L: L.RepeatVector(3), integers(2, 4, high=9))
    s.layer("RepeatVector", "once", lambda L: L.RepeatVector(1), normal(2, 3))
    s.layer("Identity", "plain", lambda L: L.Identity(), normal(2, 3))
    s.layer("Identity", "masked", lambda L: L.Identity(), sequence([4, 2], 3), mask=True)
    s.layer("Masking", "zero", lambda L: L.Masking(), sequence([5, 3, 0], 4, holes=[(0, 1)]), k2=True)
    s.layer("Masking", "integers", lambda L: L.Masking(1), integers(2, 6, 2, high=3))
    s.layer("Masking", "value", lambda L: L.Masking(mask_value=-1.0), fixed(
        [[[1, 2], [-1, -1], [3, -1]], [[-1, -1], [-1, 0.5], [-1, -1]]]), k2=True)
    s.layer("Masking", "rank4", lambda L: L.Masking(0.5), fixed(
        np.where(np.arange(24).reshape(2, 2, 3, 2) % 8 < 4, 0.5, np.arange(24).reshape(2, 2, 3, 2))))
    s.layer("Embedding", "plain", lambda L: L.Embedding(11, 4), integers(3, 5, high=11), k2=True)
    s.layer("Embedding", "mask_zero", lambda L: L.Embedding(9, 3, mask_zero=True), integers(3, 6, high=4).declare(None), k2=True)
    s.layer("Embedding", "rank1", lambda L: L.Embedding(7, 5), integers(4, high=7))
    s.layer("Embedding", "rank3", lambda L: L.Embedding(6, 2), integers(2, 3, 4, high=6))
    s.layer("Embedding", "float_ids", lambda L: L.Embedding(8, 3), fixed([[0, 3, 7, 2], [1, 1, 5, 6]]))
    s.layer("Embedding", "repeated", lambda L: L.Embedding(5, 4), fixed([[2, 2, 2, 0], [2, 4, 2, 2]], "int32"))


def noise(s):
    x = normal(3, 4, 5)
    image = normal(2, 3, 4, 5)
    s.layer("Dropout", "rank2", lambda L: L.Dropout(0.4), normal(3, 4), k2=True)
    s.layer("Dropout", "noise_shape", lambda L: L.Dropout(0.3, noise_shape=(None, 1, 5), seed=3), x)
    s.layer("Dropout", "zero", lambda L: L.Dropout(0.0), x)
    s.layer("Dropout", "masked", lambda L: L.Dropout(0.5), sequence([4, 2], 3), mask=True)
    s.layer("SpatialDropout1D", "plain", lambda L: L.SpatialDropout1D(0.4), x, k2=True)
    s.layer("SpatialDropout2D", "plain", lambda L: L.SpatialDropout2D(0.4), image, k2=True)
    s.layer("SpatialDropout2D", "channels_first", lambda L: L.SpatialDropout2D(0.4, data_format="channels_first"), image)
    s.layer("SpatialDropout3D", "plain", lambda L: L.SpatialDropout3D(0.4), normal(2, 2, 3, 4, 5))
    s.layer("GaussianNoise", "plain", lambda L: L.GaussianNoise(0.2), x, k2=True)
    s.layer("GaussianDropout", "plain", lambda L: L.GaussianDropout(0.2), x, k2=True)
    s.layer("AlphaDropout", "plain", lambda L: L.AlphaDropout(0.2), x, trains=False)
    s.layer("ActivityRegularization", "plain", lambda L: L.ActivityRegularization(l1=0.1, l2=0.2), x, trains=False)


def scaling(s):
    pixels = uniform(2, 3, 4, 3, low=0, high=255)
    s.layer("Rescaling", "unit", lambda L: L.Rescaling(1 / 255), pixels, k2=True)
    s.layer("Rescaling", "offset", lambda L: L.Rescaling(1 / 127.5, offset=-1), pixels, k2=True)
    s.layer("Rescaling", "channels", lambda L: L.Rescaling([0.5, 0.25, 2.0], offset=[0.1, -0.2, 0.3]), pixels)
    s.layer("Rescaling", "vector", lambda L: L.Rescaling(3.0, offset=0.5), normal(3, 5))
    s.layer("Rescaling", "integers", lambda L: L.Rescaling(1 / 255), integers(2, 3, 4, high=256))

    x = normal(4, 3, mean=2.0, scale=3.0)
    s.layer("Normalization", "given", lambda L: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 2.0]), x, k2=True)
    s.layer("Normalization", "scalar", lambda L: L.Normalization(axis=None, mean=1.5, variance=2.25), normal(2, 3, 4, 2), k2=True)
    s.layer("Normalization", "invert", lambda L: L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 0.25, 2.0], invert=True), x)
    s.layer("Normalization", "zero_variance", lambda L: L.Normalization(mean=[1.0, 2.0], variance=[0.0, 4.0]), fixed(
        [[1.0, 2.0], [1.0, -3.0]]), trains=False)

    def adapted(K, data, **kwargs):
        layer = K.layers.Normalization(**kwargs)
        layer.adapt(data)
        return single(K, layer, data.shape[1:])

    data = np.random.default_rng(5).normal(2, 3, size=(20, 4, 3)).astype("float32")
    s.model("Normalization", "adapted", lambda K: adapted(K, data[:, 0]), x, draw=False, k2=True)
    s.model("Normalization", "adapted_axis", lambda K: adapted(K, data, axis=1), normal(3, 4, 3), draw=False)
    s.model("Normalization", "adapted_axes", lambda K: adapted(K, data, axis=(1, 2)), normal(3, 4, 3), draw=False)
    s.model("Normalization", "adapted_none", lambda K: adapted(K, data, axis=None), normal(3, 4, 3), draw=False, k2=True)
