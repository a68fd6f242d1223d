#!/usr/bin/env python3
"""Draws configurations of every layer class, and writes each as a file with what Keras answers: an examiner's view of the toolkit.

    python scripts/layer_sweep.py FOLDER [--seed 0] [--each 8] [--only RE]

For every class of Keras 3 and those of Keras 2, `each` seeded configurations; of each, as far as that Keras can make it,
FOLDER/CLASS_i.keras and .h5 by Keras 3, FOLDER/CLASS_i_k2.keras and .h5 by tf-keras, and CLASS_i.npz, CLASS_i_k2.npz with meta,
x_i and y_i as goldens have them. `KERASGO_SWEEP=FOLDER go test ./keras -run TestSweep` holds the toolkit to them.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import contextlib
import io
import random
import re
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from goldens import common
from goldens.common import fixed, integers, normal, sequence, uniform

# Keras's tf.add takes whatever can be squeezed to a vector as long as the last axis for a bias of that axis, though it broadcasts along
# another (channels first, as many as the image is wide): a bug of one backend, which isn't to be learned from.
keras.src.backend.numpy.add = lambda a, b: tf.add(*map(keras.ops.convert_to_tensor, (a, b)))

ACTIVATIONS = """linear relu tanh sigmoid elu selu gelu softplus softsign silu swish hard_sigmoid hard_silu leaky_relu mish relu6 softmax
log_softmax exponential celu log_sigmoid hard_shrink soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink threshold
hard_tanh""".split()
FIRST = "channels_first"


class Draw(random.Random):
    """A random choice with a few words for what layers need."""

    def one(self, *options):
        return self.choice(options)

    def yes(self, p=0.5):
        return self.random() < p

    def some(self, **options):
        """Of the options, each a list of values, a random part of the keys."""
        return {k: self.choice(v) for k, v in options.items() if self.yes(0.6)}

    def act(self):
        return self.choice(ACTIVATIONS)

    def sizes(self, rank, low, high):
        """An integer or one for each axis, as Keras takes both."""
        return self.randint(low, high) if self.yes() else tuple(self.randint(low, high) for _ in range(rank))

    def space(self, rank, channels, low=5, high=9, last=True):
        """The shape of a small batch of signals, images or volumes."""
        high = {1: high + 6, 2: high, 3: max(low, high - 2)}[rank]
        dims = [self.randint(low, high) for _ in range(rank)]
        return [self.randint(1, 3), *dims, channels] if last else [self.randint(1, 3), channels, *dims]


def rank(cls):
    return int(re.search(r"([123])D", cls).group(1))


def extras(d):
    """What changes no answer, but stands in configs."""
    return d.some(kernel_initializer=["he_normal", "orthogonal"], kernel_regularizer=["l2"], bias_constraint=["max_norm"],
                  activity_regularizer=["l1"], bias_initializer=["ones"]) if d.yes(0.25) else {}


# Each function below takes the draw and the class's name and returns (options, inputs), or a function of the framework
# that builds the model, and inputs.

def dense(d, cls):
    shape = [d.randint(1, 4)] + [d.randint(1, 6) for _ in range(d.randint(1, 3))]
    return {"units": d.randint(1, 20), **d.some(activation=ACTIVATIONS, use_bias=[False, True]), **extras(d)}, [normal(*shape)]


def einsum_dense(d, cls):
    eq, out, shape, biases = d.one(
        ("ab,bc->ac", 5, (2, 4), ["c"]), ("abc,cd->abd", (None, 5), (2, 3, 4), ["d", "bd"]), ("...x,xy->...y", 7, (2, 3, 4), ["y"]),
        ("abc,cde->abde", (3, 2, 5), (2, 3, 4), ["de", "e"]), ("abcd,cde->abe", (3, 6), (2, 3, 4, 2), ["e"]), ("ab...,bc->ac...", 5, (2, 3, 4), ["c"]),
        ("btd,tk->bkd", (5, 4), (2, 3, 4), ["d", "k"]), ("abc,bcd->abd", (3, 6), (2, 3, 4), ["d"]), ("b...i,io->b...o", 3, (2, 3, 4, 2), ["o"]))
    return {"equation": eq, "output_shape": out, **d.some(bias_axes=biases, activation=ACTIVATIONS)}, [normal(*shape)]


def embedding(d, cls):
    n = d.randint(3, 30)
    shape = [d.randint(1, 3)] + [d.randint(1, 6) for _ in range(d.randint(0, 2))]
    ids = uniform(*shape, high=n - .01) if d.yes(0.3) else integers(*shape, high=n)
    return {"input_dim": n, "output_dim": d.randint(1, 9), **d.some(mask_zero=[True], embeddings_initializer=["glorot_normal"])}, [ids]


def reversible(d, cls):
    n, m, tie, back = d.randint(4, 20), d.randint(2, 8), d.yes(), d.yes()
    options = {"input_dim": n, "output_dim": m, "tie_weights": tie, **d.some(mask_zero=[True], logit_soft_cap=[5.0, 1.5])}

    def build(K):
        layer = K.layers.ReversibleEmbedding(**options)
        t = K.Input((5,), dtype="int32")
        h = layer(t)
        return K.Model(t, layer(h, reverse=True) if back else h)

    return build, [integers(2, 5, high=n)]


def activation(d, cls):
    return {"activation": d.act()}, [normal(*[d.randint(2, 5) for _ in range(d.randint(2, 4))], scale=2)]


def pointwise(d, cls):
    shape = [d.randint(2, 5) for _ in range(d.randint(2, 4))]
    own = {
        "ELU": {"alpha": [.5, 2.]}, "LeakyReLU": {"negative_slope": [.1, .7]} if not d.yes(0.5) else {"alpha": [.2]},
        "ReLU": {"max_value": [1., 6.], "negative_slope": [.2], "threshold": [.5, 0.]},
        "PReLU": {"shared_axes": [[1], list(range(1, len(shape)))], "alpha_initializer": ["ones"]},
        "Softmax": {"axis": [-1, 1, len(shape) - 1] + ([[1, 2]] if len(shape) > 2 else [])}, "ThresholdedReLU": {"theta": [.5, 1.5]},
        "Identity": {}, "ActivityRegularization": {"l1": [.1], "l2": [.2]},
        "Dropout": {"rate": [.3], "seed": [1], "noise_shape": [[None, 1] + [1] * (len(shape) - 2)]}, "AlphaDropout": {"rate": [.3], "seed": [3]},
        "GaussianDropout": {"rate": [.3], "seed": [3]}, "GaussianNoise": {"stddev": [.3], "seed": [2]},
        "UnitNormalization": {"axis": [-1, 1, [1, -1]]}, "Flatten": {"data_format": [FIRST, "channels_last"]},
        "RMSNormalization": {"axis": [-1, 1, -2] if len(shape) > 2 else [-1], "epsilon": [1e-3, .1]},
        "Rescaling": {"offset": [-1., .5]}, "Masking": {},
    }[cls]
    options = d.some(**own)
    if cls.endswith(("Dropout", "Noise")):
        options.setdefault("stddev" if cls == "GaussianNoise" else "rate", .25)
    if cls == "Rescaling":
        options["scale"] = d.one(1 / 255, 2., .5)
    return options, [normal(*shape, scale=2) if d.yes(.8) else integers(*shape, high=9) if cls in ("Rescaling", "Flatten", "Identity") else normal(*shape)]


def masking(d, cls):
    x = sequence([4, 2, 0, 3], d.randint(1, 4), holes=[(0, 1)])
    value = d.one(0.0, 0.0, -1.0)

    def build(K):
        t = x.input(K)
        h = K.layers.Masking(mask_value=value)(t)
        return K.Model(t, [h, K.layers.LSTM(3)(h)] if d_after else h)

    d_after = d.yes()
    return build, [x]


def conv(d, cls):
    n, last = rank(cls), d.yes(0.7)
    groups, size = d.one(1, 1, 1, 2, 3), d.sizes(n, 1, 3)
    options = {"filters": groups * d.randint(1, 4), "kernel_size": size, "padding": d.one("valid", "same", *(["causal"] if n == 1 and last else []))}
    options |= d.one({}, {"strides": d.sizes(n, 1, 3)}, {"dilation_rate": d.randint(1, 3) if d.yes() else (2, 1, 1)[:n]})
    options |= d.some(activation=ACTIVATIONS, use_bias=[False]) | extras(d)
    if groups > 1:
        options["groups"] = groups
    if not last:
        options["data_format"] = FIRST
    return options, [normal(*d.space(n, groups * d.randint(1, 3), last=last))]


def transpose(d, cls):
    n, last = rank(cls), d.yes(0.75)
    stride = d.randint(1, 3)
    options = {"filters": d.randint(1, 5), "kernel_size": d.randint(1, 4), "strides": stride, "padding": d.one("valid", "same")}
    options |= d.some(activation=ACTIVATIONS, use_bias=[False]) | extras(d)
    if stride > 1 and d.yes(.4):
        options["output_padding"] = d.randint(0, stride - 1)
    elif stride == 1 and d.yes(.4):
        options["dilation_rate"] = 2
    if d.yes(.3) and n > 1:
        options["kernel_size"] = tuple(d.randint(1, 4) for _ in range(n))
    if not last:
        options["data_format"] = FIRST
    return options, [normal(*d.space(n, d.randint(1, 4), 3, 5, last))]


def depthwise(d, cls):
    n, last = rank(cls), d.yes(0.7)
    options = {"kernel_size": d.sizes(n, 1, 4), "padding": d.one("valid", "same")}
    options |= d.one({}, {"strides": d.randint(1, 3)}, {"dilation_rate": d.randint(1, 2)})
    options |= d.some(depth_multiplier=[1, 2, 3], activation=ACTIVATIONS, use_bias=[False])
    if cls.startswith("Sep"):
        options["filters"] = d.randint(1, 6)
        if n == 1 and last and d.yes(.3):
            options["padding"] = "causal"
    if not last:
        options["data_format"] = FIRST
    return options, [normal(*d.space(n, d.randint(1, 4), last=last))]


def local(d, cls):
    n = rank(cls)
    options = {"filters": d.randint(1, 4), "kernel_size": d.sizes(n, 1, 3)} | d.some(activation=ACTIVATIONS[:9], use_bias=[False])
    options |= d.one({}, {"implementation": d.one(2, 3), "padding": d.one("valid", "same")}, {"implementation": 1}, {"strides": d.one(1, 2)})
    return options, [normal(*d.space(n, d.randint(1, 3)))]


def pooling(d, cls):
    n, last = rank(cls), d.yes(0.7)
    if cls.startswith("Global"):
        options = d.some(keepdims=[True, False])
    elif cls.startswith("Adaptive"):
        options = {"output_size": d.sizes(n, 1, 4)}
    else:
        options = {"pool_size": d.sizes(n, 1, 3), "padding": d.one("valid", "same")} | d.some(strides=[1, 2, 3, None])
    if not last:
        options["data_format"] = FIRST
    x = normal(*d.space(n, d.randint(1, 4), last=last))
    if cls == "GlobalAveragePooling1D" and last and d.yes(.5):
        return lambda K: chain(K, sequence([5, 2, 3], 3), [K.layers.Masking(), K.layers.GlobalAveragePooling1D(**options)]), [sequence([5, 2, 3], 3)]
    return options, [x]


def chain(K, spec, layers):
    t = h = spec.input(K)
    for layer in layers:
        h = layer(h)
    return K.Model(t, h)


def spatial(d, cls):
    n, last = rank(cls), n_last(d)
    x = normal(*d.space(n, d.randint(1, 3), last=last))
    key = {"Cropping": "cropping", "ZeroPadding": "padding", "UpSampling": "size"}[cls[:-2]]
    if cls[:2] == "Up":
        options = {key: d.sizes(n, 1, 3)} if n > 1 else {key: d.randint(1, 3)}
        if n == 2:
            options["interpolation"] = d.one("nearest", "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    elif n == 1:
        options = {key: d.one(1, (1, 2), (0, 1), (2, 0))}
    else:
        options = {key: d.one(d.randint(0, 2), tuple(d.randint(0, 2) for _ in range(n)), tuple((d.randint(0, 2), d.randint(0, 2)) for _ in range(n)))}
    if not last and not (n == 1 and cls[0] != "Z"):
        options["data_format"] = FIRST
    return options, [x]


def n_last(d):
    return d.yes(0.7)


def spatial_dropout(d, cls):
    n, last = rank(cls), n_last(d)
    return {"rate": .3, **({} if last or n == 1 else {"data_format": FIRST})}, [normal(*d.space(n, 2, last=last))]


def reshaping(d, cls):
    if cls == "RepeatVector":
        return {"n": d.randint(1, 5)}, [normal(2, d.randint(1, 5))]
    shape = [2] + [d.randint(2, 4) for _ in range(d.randint(2, 3))]
    if cls == "Permute":
        dims = list(range(1, len(shape)))
        d.shuffle(dims)
        return {"dims": tuple(dims)}, [normal(*shape)]
    size = int(np.prod(shape[1:]))
    return {"target_shape": d.one((size,), (-1,), (shape[-1], -1), (1, size), (-1, 1, shape[1]), tuple(shape[:0:-1]))}, [normal(*shape) if d.yes(.8) else integers(*shape)]


def merging(d, cls):
    shape = [d.randint(1, 4) for _ in range(d.randint(2, 4))]
    n = 2 if cls == "Subtract" else d.randint(2, 4)
    if cls == "Concatenate":
        axis = d.randint(1, len(shape) - 1)
        shapes = [[*shape[:axis], d.randint(1, 3), *shape[axis + 1:]] for _ in range(n)]
        return {"axis": d.one(axis, axis - len(shape))}, [normal(*s) for s in shapes]
    if d.yes(.2):
        lengths = [sequence([3, 1, 2], 2), sequence([2, 3, 1], 2)]

        def build(K):
            ts = [s.input(K) for s in lengths]
            hs = [K.layers.Masking()(t) for t in ts]
            return K.Model(ts, K.layers.LSTM(2)(getattr(K.layers, cls)()(hs)))

        return build, lengths
    if d.yes(.4) and len(shape) > 2:  # broadcasting
        return {}, [normal(*shape), normal(shape[0], *[1] * (len(shape) - 2), shape[-1])]
    return {}, [normal(*shape) if d.yes(.85) else integers(*shape) for _ in range(n)] if d.yes(.9) else [integers(*shape) for _ in range(n)]


def dot(d, cls):
    options, a, b = d.one(({"axes": 1}, (3, 4), (3, 4)), ({"axes": -1}, (3, 4), (3, 4)), ({"axes": (2, 1)}, (2, 3, 4), (2, 4, 5)), ({"axes": 2}, (2, 3, 4), (2, 5, 4)),
                          ({"axes": (1, 2)}, (2, 3, 4), (2, 5, 3)), ({"axes": (1, 1)}, (2, 3), (2, 3, 4)), ({"axes": [3, 1]}, (2, 3, 4, 5), (2, 5, 2)))
    return options | d.some(normalize=[True, False]), [normal(*a), normal(*b)]


def normalization(d, cls):
    shape = [d.randint(2, 4)] + [d.randint(2, 6) for _ in range(d.randint(1, 3))]
    options = d.some(center=[False], scale=[False], epsilon=[1e-5, 1e-2])
    axis = d.choice([-1, 1, len(shape) - 1] + ([[1, 2], [-2, -1]] if len(shape) > 2 and cls == "LayerNormalization" else []))
    if cls == "GroupNormalization":
        shape[-1] = 6
        return options | {"groups": d.one(1, 2, 3, 6, -1)} | ({"axis": -1} if d.yes() else {}), [normal(*shape)]
    if cls == "BatchNormalization":
        options |= d.some(momentum=[.9])
        if d.yes(.2):
            return lambda K: chain(K, sequence([4, 2], 3), [K.layers.Masking(), K.layers.BatchNormalization(**options)]), [sequence([4, 2], 3)]
    return options | {"axis": axis}, [normal(*shape, scale=2, mean=1)]


def spectral(d, cls):
    inner = d.one(("Dense", {"units": 4}, (2, 5)), ("Conv2D", {"filters": 3, "kernel_size": 2}, (2, 5, 5, 2)), ("Embedding", {"input_dim": 9, "output_dim": 3}, None),
                  ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "same"}, (2, 5, 2)), ("Conv2DTranspose", {"filters": 2, "kernel_size": 2}, (2, 4, 4, 2)))
    x = integers(2, 4, high=9) if inner[2] is None else normal(*inner[2])
    return lambda K: chain(K, x, [K.layers.SpectralNormalization(getattr(K.layers, inner[0])(**inner[1]), power_iterations=p)]), [x]


p = 2  # power iterations


def attention(d, cls):
    tq, tv, dim, form = d.randint(1, 4), d.randint(2, 5), d.randint(2, 5), d.one("qv", "qvk", "masked")
    options = d.some(use_scale=[True, False], dropout=[.2], seed=[1])
    if cls == "Attention":
        options |= d.some(score_mode=["dot", "concat"])
    call = d.some(use_causal_mask=[True], return_attention_scores=[True]) if form != "masked" else {}
    inputs = [normal(2, tq, dim), normal(2, tv, dim)] + ([normal(2, tv, dim)] if form == "qvk" else [])
    if form == "masked":
        inputs = [sequence([3, 2], dim), sequence([4, 1], dim)]

    def build(K):
        ts = [s.input(K) for s in inputs]
        hs = [K.layers.Masking()(t) for t in ts] if form == "masked" else ts
        return K.Model(ts, getattr(K.layers, cls)(**options)(hs, **call))

    return build, inputs


def multi_head(d, cls):
    tq, tv, dim = d.randint(2, 4), d.randint(2, 5), d.randint(2, 6)
    shape = d.yes(.2) and cls[0] == "M"
    if cls[0] == "M":
        options = {"num_heads": d.randint(1, 3), "key_dim": d.randint(1, 5)} | d.some(value_dim=[2, 4], dropout=[.1], use_bias=[False], output_shape=[7, (3, 2)])
        if shape:
            options["attention_axes"] = d.one((2,), (1, 2), (1,))
    else:
        options = {"head_dim": d.randint(1, 5), "num_query_heads": 4, "num_key_value_heads": d.one(1, 2, 4)} | d.some(dropout=[.1], use_bias=[False], use_gate=[True])
    form = d.one("self", "qv", "qvk", "masked", "given")
    call = d.some(use_causal_mask=[True], return_attention_scores=[True])
    if shape:
        inputs, form, call = [normal(2, 3, 4, dim)], "self", {}
    elif form == "masked":
        inputs = [sequence([3, 2], dim), sequence([4, 1], dim)]
    else:
        inputs = [normal(2, tq, dim), normal(2, tv, dim), normal(2, tv, dim + 1)][:{"self": 1, "qv": 2, "qvk": 3, "given": 2}[form]]
        if form == "given":
            inputs.append(fixed(np.random.default_rng(3).uniform(size=(2, tq, tv)) < .7, "bool"))

    def build(K):
        ts = [s.input(K) for s in inputs]
        layer = getattr(K.layers, cls)(**options)
        if form == "given":
            y = layer(ts[0], ts[1], attention_mask=ts[2], **call)
        elif form == "masked":
            y = layer(K.layers.Masking()(ts[0]), K.layers.Masking()(ts[1]), **call)
        else:
            y = layer(*(ts if len(ts) > 1 else ts * 2), **call)
        return K.Model(ts, y)

    return build, inputs


def cell(d, K, name):
    return getattr(K.layers, name)(d)


def recurrent_options(d, cls):
    options = {"units": d.randint(1, 6)} | d.some(return_sequences=[True], return_state=[True], go_backwards=[True], activation=["relu", "sigmoid", None], use_bias=[False],
                                                  unroll=[True], dropout=[.2], recurrent_dropout=[.1], stateful=[True] if d.yes(.3) else [False])
    if "Simple" not in cls:
        options |= d.some(recurrent_activation=["hard_sigmoid", "tanh"], implementation=[1, 2])
    if "LSTM" in cls:
        options |= d.some(unit_forget_bias=[False])
    if "GRU" in cls:
        options |= d.some(reset_after=[False, True])
    return options


def recurrent(d, cls):
    options, dim, form = recurrent_options(d, cls), d.randint(1, 4), d.one("plain", "masked", "states", "embedded")
    x = sequence([5, 3, 0, 4], dim, holes=[(0, 1)]) if form == "masked" else normal(3, 5, dim)
    if form == "embedded":
        x = integers(3, 5, high=4)
    inputs = [x] + [normal(x.shape[0], options["units"]) for _ in range(2 if "LSTM" in cls else 1)] * (form == "states")
    if options.get("stateful"):
        inputs = [s.fixed() for s in inputs]
    elif not options.get("unroll") and form != "states" and d.yes():
        x.declare(*([None] if form == "embedded" else [None, dim]))
    if d.yes(.3) and form == "masked":
        options["zero_output_for_mask"] = True

    def build(K):
        ts = [s.input(K) for s in inputs]
        h = K.layers.Masking()(ts[0]) if form == "masked" else K.layers.Embedding(4, dim, mask_zero=True)(ts[0]) if form == "embedded" else ts[0]
        layer = getattr(K.layers, cls)(**options)
        return K.Model(ts, layer(h, initial_state=ts[1:]) if form == "states" else layer(h))

    return build, inputs


def cudnn(d, cls):
    options = {"units": d.randint(2, 5)} | d.some(return_sequences=[True], return_state=[True], go_backwards=[True])
    return options, [normal(2, 4, 3)]


def rnn(d, cls):
    names = [d.one("LSTMCell", "GRUCell", "SimpleRNNCell") for _ in range(d.randint(1, 3))]
    names = names[:1] if cls.endswith("Cell") else names
    names = [cls] if cls.endswith("Cell") else names
    cells = [recurrent_options(d, n) for n in names]
    for c in cells:
        for key in ("return_sequences", "return_state", "go_backwards", "unroll", "stateful", "implementation"):
            c.pop(key, None)
    options = d.some(return_sequences=[True], return_state=[True], go_backwards=[True], unroll=[True])
    mask, wrap = d.yes(.4), d.yes(.2)
    x = sequence([4, 2, 3], 2) if mask else normal(3, 4, 2)

    def build(K):
        made = [getattr(K.layers, n)(**c) for n, c in zip(names, cells)]
        layer = K.layers.RNN(made[0] if len(made) == 1 and cls != "StackedRNNCells" else K.layers.StackedRNNCells(made) if d_stack else made, **options)
        if wrap and "return_state" not in options:
            layer = K.layers.Bidirectional(layer)
        return chain(K, x, ([K.layers.Masking()] if mask else []) + [layer])

    d_stack = cls == "StackedRNNCells" or d.yes()
    return build, [x]


def bidirectional(d, cls):
    inner = d.one("LSTM", "GRU", "SimpleRNN")
    options = recurrent_options(d, inner)
    options.pop("stateful", None)
    states = d.yes(.2)
    merge = d.one("concat", "sum", "mul", "ave", None)
    other = recurrent_options(d, inner) if d.yes(.4) else None
    if other:
        for key in ("return_sequences", "return_state", "stateful"):
            other.pop(key, None)
            if key in options:
                other[key] = options[key]
        other["units"] = options["units"]
        other["go_backwards"] = not options.get("go_backwards", False)
    mask = d.yes(.4)
    x = sequence([5, 3, 4], 3, holes=[(2, 1)]) if mask else normal(3, 5, 3)
    n = 4 if inner == "LSTM" else 2
    inputs = [x] + [normal(3, options["units"])] * (n if states else 0)

    def build(K):
        ts = [s.input(K) for s in inputs]
        h = K.layers.Masking()(ts[0]) if mask else ts[0]
        L = getattr(K.layers, inner)
        layer = K.layers.Bidirectional(L(**options), merge_mode=merge, backward_layer=L(**other) if other else None)
        return K.Model(ts, layer(h, initial_state=ts[1:]) if states else layer(h))

    return build, inputs


def time_distributed(d, cls):
    inner, shape = d.one((lambda L: L.Dense(4, activation="relu"), (3,)), (lambda L: L.Conv2D(2, 3, padding="same"), (5, 4, 2)), (lambda L: L.Flatten(), (3, 2)),
                         (lambda L: L.LSTM(3), (4, 2)), (lambda L: L.BatchNormalization(), (3,)), (lambda L: L.GlobalMaxPooling2D(), (4, 3, 2)), (lambda L: L.TimeDistributed(L.Dense(3)), (3, 2)),
                         ("model", (5,)), ("sequential", (5,)), (lambda L: L.Dropout(.3), (3,)), (lambda L: L.LayerNormalization(), (3, 4)), (lambda L: L.Reshape((6,)), (3, 2)),
                         (lambda L: L.Bidirectional(L.GRU(2)), (4, 2)), (lambda L: L.Activation("softmax"), (4,)), (lambda L: L.MaxPooling1D(2), (5, 2)))
    mask = len(shape) == 1 and d.yes()
    x = sequence([4, 2], shape[0]) if mask else normal(2, 4, *shape)

    def build(K):
        if inner == "model":
            t = K.Input(shape)
            layer = K.Model(t, K.layers.Dense(3)(K.layers.Dense(4, activation="tanh")(t)))
        elif inner == "sequential":
            layer = K.Sequential([K.Input(shape), K.layers.Dense(4), K.layers.BatchNormalization()])
        else:
            layer = inner(K.layers)
        return chain(K, x, ([K.layers.Masking()] if mask else []) + [K.layers.TimeDistributed(layer)] + ([K.layers.GRU(2)] if mask else []))

    return build, [x]


def conv_lstm(d, cls):
    n, last = rank(cls), d.yes(.75)
    options = {"filters": d.randint(1, 3), "kernel_size": d.sizes(n, 1, 3), "padding": d.one("valid", "same")}
    options |= d.some(return_sequences=[True], return_state=[True], go_backwards=[True], use_bias=[False], activation=["relu"], recurrent_activation=["sigmoid", "hard_sigmoid"],
                      dropout=[.1], unit_forget_bias=[False]) | d.one({}, {"strides": 2}, {"dilation_rate": 2})
    if d.yes(.2):
        options["stateful"] = True
    dims = [d.randint(5, 6) for _ in range(n)]
    if not last:
        options["data_format"] = FIRST
    x = normal(2, 3, *dims, 2) if last else normal(2, 3, 2, *dims)
    return options, [x.fixed() if "stateful" in options else x]


IMAGES = "CenterCrop Resizing RandomCrop".split()


def pixels(d, cls):
    last = d.yes(.75)
    shape = [2, d.randint(4, 9), d.randint(4, 9), d.one(3, 3, 1)] if cls not in BOTH else [2, d.randint(4, 9), d.randint(4, 9), 3]
    if not last:
        shape = [shape[0], shape[3], *shape[1:3]]
    x = uniform(*shape, high=255.)
    if d.yes(.3) and cls in IMAGES:
        x = common.Spec(shape, lambda rng: rng.integers(0, 256, size=shape).astype("uint8"), "uint8")
    options = {} if last else {"data_format": FIRST}
    if cls in IMAGES:
        options |= {"height": d.randint(2, 8), "width": d.randint(2, 8)}
    if cls == "Resizing":
        options |= d.some(interpolation=["nearest", "bicubic", "area", "lanczos3", "lanczos5", "bilinear"], antialias=[True]) | d.one(
            {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_mode": "constant", "fill_value": 7.})
    if cls == "CenterCrop":
        options["height"], options["width"] = d.randint(2, 11), d.randint(2, 11)
    return options | d.choice(IMAGE_OPTIONS.get(cls, [{}])), [x]


IMAGE_OPTIONS = {
    "RandomBrightness": [{"factor": .2}], "RandomContrast": [{"factor": .2}], "RandomFlip": [{"mode": "horizontal"}, {}], "RandomRotation": [{"factor": .2}],
    "RandomTranslation": [{"height_factor": .2, "width_factor": .1}], "RandomZoom": [{"height_factor": .2}], "RandomColorDegeneration": [{"factor": .3}],
    "RandomColorJitter": [{"value_range": (0, 255), "brightness_factor": .2}], "RandomErasing": [{"factor": .5}], "RandomGaussianBlur": [{"factor": .5}],
    "RandomGrayscale": [{"factor": .5}], "RandomHue": [{"factor": .2}], "RandomInvert": [{"factor": .2}], "RandomPerspective": [{"factor": .2}], "RandomPosterization": [{"factor": 4}],
    "RandomSaturation": [{"factor": .2}], "RandomSharpness": [{"factor": .2}], "RandomShear": [{"x_factor": .2}], "RandAugment": [{}], "AugMix": [{}], "RandomElasticTransform": [{}],
    "AutoContrast": [{}, {"value_range": (0, 255)}], "Equalization": [{}, {"bins": 64}], "Solarization": [{"threshold_factor": .5}], "MixUp": [{}], "CutMix": [{}],
    "ContrastLimitedAdaptiveHistogramEqualization": [{}], "RandomHeight": [{"factor": .2}], "RandomWidth": [{"factor": .2}]}
BOTH = set(IMAGE_OPTIONS)


def normalizing(d, cls):
    shape = [4, d.randint(2, 4), d.randint(1, 3)]
    options, form = d.one({}, {"axis": -1}, {"axis": 1}, {"axis": (1, 2)}, {"axis": None}), d.one("adapt", "given")
    if form == "given":
        options = {"axis": -1, "mean": [.5] * shape[2], "variance": [2.] * shape[2]} if d.yes() else {"axis": None, "mean": 3., "variance": 2.}
    options |= d.some(invert=[True])

    def build(K):
        layer = K.layers.Normalization(**options)
        if form == "adapt":
            layer.adapt(np.random.default_rng(1).normal(size=shape).astype("float32"))
        return chain(K, x, [layer])

    x = normal(*shape)
    return build, [x], False


def discretization(d, cls):
    options, x = d.some(output_mode=["int", "one_hot", "multi_hot", "count"]), normal(4, 3) if d.yes() else normal(4, 1)
    adapt = d.yes(.3)

    def build(K):
        layer = K.layers.Discretization(**({"num_bins": 4} if adapt else {"bin_boundaries": [-1., -.25, 0., 1.5]}), **options)
        if adapt:
            layer.adapt(np.random.default_rng(1).normal(size=(100, 1)).astype("float32"))
        return chain(K, x, [layer])

    return build, [x], False


def category(d, cls):
    mode, weighted = d.one("one_hot", "multi_hot", "count"), d.yes(.3)
    x = integers(4, 1 if mode == "one_hot" else 3, high=6)

    def build(K):
        layer = K.layers.CategoryEncoding(num_tokens=6, output_mode=mode)
        if mode == "count" and weighted:
            t, w = x.input(K), K.Input((3,))
            return K.Model([t, w], layer(t, count_weights=w))
        return chain(K, x, [layer])

    return build, [x] + ([uniform(4, 3)] if mode == "count" and weighted else [])


WORDS = "the cat sat on a mat dog".split()


def words(d, *shape):
    a = np.array([d.choice(WORDS + ["zebra", ""]) for _ in range(int(np.prod(shape)))], object).reshape(shape)
    return common.Spec(shape, lambda rng: a, "string")


def lookup(d, cls):
    mode = d.one("int", "int", "one_hot", "multi_hot", "count", "tf_idf")
    options = {"output_mode": mode, "num_oov_indices": d.one(1, 1, 2, 3)} | d.some(mask_token=[None] + ([-1] if cls[0] == "I" else ["cat"]))
    if mode == "int" and d.yes(.2):
        options |= {"invert": True, "num_oov_indices": 1}
    vocabulary = sorted(d.sample(range(1, 40), 6)) if cls[0] == "I" else [w for w in WORDS if w != options.get("mask_token")]
    if mode in ("multi_hot", "count", "tf_idf"):
        options |= d.some(pad_to_max_tokens=[True])
        if options.get("pad_to_max_tokens"):
            options["max_tokens"] = 15
    if mode == "tf_idf":
        options["idf_weights"] = [.5 + i / 4 for i in range(len(vocabulary))]
    x = words(d, 3, 1 if mode == "one_hot" else 4) if cls[0] == "S" else integers(3, 1 if mode == "one_hot" else 4, high=40)
    if options.get("invert"):
        x = integers(3, 4, high=7)
    if cls[0] == "S" and d.yes(.2):
        options["encoding"] = "utf-8"
    return options | {"vocabulary": vocabulary}, [x], False


def vectorization(d, cls):
    mode = d.one("int", "int", "multi_hot", "count", "tf_idf")
    options = {"output_mode": mode} | d.some(standardize=["lower", "strip_punctuation", None, "lower_and_strip_punctuation"], split=["whitespace", "character"], ngrams=[2, (1, 3), None])
    if mode == "int":
        options |= d.some(output_sequence_length=[4, 9])
    elif d.yes():
        options |= {"max_tokens": 60, "pad_to_max_tokens": True}
    if options.get("split") == "character":
        options.pop("ngrams", None)
    lines = np.array([[s.encode()] for s in ("The cat, sat!", "On a MAT; the dog's", "", "zebra  sat\ton Äpfel.")], object)
    x = common.Spec((4, 1), lambda rng: lines, "string")

    def build(K):
        layer = K.layers.TextVectorization(**options)
        layer.adapt(["the cat sat on a mat", "The dog sat.", "Äpfel on a mat!"])
        return chain(K, x, [layer])

    return build, [x], False


def hashing(d, cls):
    bins = d.randint(3, 50)
    options = {"num_bins": bins} | d.some(output_mode=["one_hot", "int"] if cls == "HashedCrossing" else ["int", "multi_hot", "one_hot", "count"])
    shape = (4, 1)
    make = lambda: integers(*shape, high=99) if d.yes() else words(d, *shape)
    if cls == "Hashing":
        x = make()
        options |= d.some(salt=[133, [9, 17]])
        if x.dtype == "string":
            options |= d.some(mask_value=["", "cat"])
        return options, [x]
    inputs = [make(), make()]

    def build(K):
        ts = [s.input(K) for s in inputs]
        return K.Model(ts, K.layers.HashedCrossing(**options)(tuple(ts)))

    return build, inputs


def spectrogram(d, cls):
    x = normal(2, d.randint(300, 500)) if d.yes() else normal(2, 400, 2)
    if cls[0] == "M":
        return {"fft_length": d.one(64, 128), "sequence_stride": d.one(16, 32), "sampling_rate": 8000, "num_mel_bins": d.randint(5, 20)} | d.some(
            sequence_length=[64, 50], window=["hamming", "hann"], max_freq=[3500.], power_to_db=[False], top_db=[40.], mag_exp=[1.]), [normal(2, 400)]
    return {"mode": d.one("log", "magnitude", "psd", "real", "imag", "angle", "stft"), "frame_length": 64, "frame_step": d.one(16, 32)} | d.some(
        fft_length=[64, 128], window=["hamming", None, "hann"], periodic=[True], scaling=["density", "spectrum"], padding=["same"], expand_dims=[True]), [x]


def pipeline(d, cls):
    return lambda K: chain(K, uniform(2, 6, 7, 3), [K.layers.Pipeline([K.layers.RandomFlip(), K.layers.Rescaling(.5, 1), K.layers.CenterCrop(4, 5)][d_from:])]), [uniform(2, 6, 7, 3)]


d_from = 1


def boxes(d, cls):
    n = d.randint(2, 6)

    def build(K):
        ts = {"boxes": K.Input((4, 4), name="boxes"), "labels": K.Input((4,), name="labels")}
        image = K.Input((5, 5, 3), name="image")
        out = K.layers.MaxNumBoundingBoxes(n, bounding_box_format="xyxy")({"images": image, "bounding_boxes": ts})
        return K.Model([ts["boxes"], ts["labels"], image], [out["images"], out["bounding_boxes"]["boxes"]])

    return build, [uniform(2, 4, 4), uniform(2, 4), uniform(2, 5, 5, 3)]


MAKERS = {
    dense: "Dense", einsum_dense: "EinsumDense", embedding: "Embedding", reversible: "ReversibleEmbedding", activation: "Activation", masking: "Masking",
    pointwise: """ELU LeakyReLU ReLU PReLU Softmax ThresholdedReLU Identity ActivityRegularization Dropout AlphaDropout GaussianDropout GaussianNoise
        UnitNormalization Flatten RMSNormalization Rescaling""",
    conv: "Conv1D Conv2D Conv3D", transpose: "Conv1DTranspose Conv2DTranspose Conv3DTranspose", depthwise: "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
    local: "LocallyConnected1D LocallyConnected2D",
    pooling: " ".join(f"{kind}Pooling{n}D" for kind in "Max Average GlobalMax GlobalAverage AdaptiveMax AdaptiveAverage".split() for n in "123"),
    spatial: " ".join(f"{kind}{n}D" for kind in ("Cropping", "UpSampling", "ZeroPadding") for n in "123"), spatial_dropout: "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    reshaping: "RepeatVector Permute Reshape", merging: "Add Average Concatenate Maximum Minimum Multiply Subtract", dot: "Dot",
    normalization: "BatchNormalization GroupNormalization LayerNormalization", spectral: "SpectralNormalization", attention: "Attention AdditiveAttention",
    multi_head: "MultiHeadAttention GroupQueryAttention", recurrent: "SimpleRNN LSTM GRU", cudnn: "CuDNNLSTM CuDNNGRU",
    rnn: "RNN StackedRNNCells LSTMCell GRUCell SimpleRNNCell", bidirectional: "Bidirectional",
    time_distributed: "TimeDistributed", conv_lstm: "ConvLSTM1D ConvLSTM2D ConvLSTM3D", pixels: " ".join(IMAGES + list(IMAGE_OPTIONS)), normalizing: "Normalization",
    discretization: "Discretization", category: "CategoryEncoding", lookup: "StringLookup IntegerLookup", vectorization: "TextVectorization", hashing: "Hashing HashedCrossing",
    spectrogram: "STFTSpectrogram MelSpectrogram", pipeline: "Pipeline", boxes: "MaxNumBoundingBoxes",
}
CLASSES = {cls: maker for maker, names in MAKERS.items() for cls in names.split()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--only", type=re.compile, default=re.compile(""))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    tally, reasons = Counter(), {}
    for cls, maker in CLASSES.items():
        for i in range(args.each):
            for K, tail in ((keras, ""), (tf_keras, "_k2")):
                name = f"{cls}_{i}{tail}"
                if not args.only.search(name):
                    continue
                d = Draw(f"{args.seed}/{cls}/{i}")
                try:
                    files = make(args.folder / name, cls, K, common.seed_of(str(args.seed), cls, str(i)), *maker(d, cls))
                    tally[cls + tail] += files
                except Exception as err:
                    reasons.setdefault(cls + tail, str(err).strip().splitlines()[-1][:150] if str(err).strip() else repr(err))
    for cls in CLASSES:
        print(f"{cls:45s} {tally[cls]:3d} files by Keras 3, {tally[cls + '_k2']:3d} by tf-keras")
    for cls, reason in reasons.items():
        if not tally[cls]:
            print(f"none of {cls}: {reason}")


def make(path, cls, K, seed, how, inputs, draw=True):
    """Writes one configuration's files, and returns how many; raises what Keras raises where it won't have it."""
    framework = "keras" if K is keras else "tf_keras"
    K.backend.clear_session()
    K.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)
    if callable(how):
        model = how(K)
    elif len(inputs) == 1 and (seed % 2 or cls == "Equalization"):  # which Keras's functional models can't hold
        spec = inputs[0]
        model = K.Sequential([K.Input(shape=spec.declared, batch_size=spec.batch, dtype=spec.dtype), getattr(K.layers, cls)(**how)])
    else:
        ts = [spec.input(K) for spec in inputs]
        model = K.Model(ts if len(ts) > 1 else ts[0], getattr(K.layers, cls)(**how)(ts if len(ts) > 1 else ts[0]))
    return write(path, model, framework, rng, [spec.draw(rng) for spec in inputs], draw)


def write(path, model, framework, rng, xs, draw=True):
    """Draws the weights, predicts, and saves."""
    if draw:
        for w in model.weights:
            if "float" in str(getattr(w, "dtype", "")):  # a vocabulary has none
                w.assign(common.draw_weight(rng, common.path_of(w), tuple(w.shape)).astype(tf.as_dtype(w.dtype).as_numpy_dtype))
    feed = common.feed(model, [tf.constant(x) for x in xs])
    states = [np.array(w) for w in model.weights] if any(getattr(layer, "stateful", False) for layer in model.layers) else None
    try:
        ys = model(feed, training=False)
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
        ys = tf.function(lambda x: model(x, training=False), jit_compile=True, autograph=False)(feed)  # only XLA's kernels take channels first
    ys = [np.asarray(y) for y in common.flatten(ys)]
    for y in ys:
        if y.dtype.kind in "fc" and not np.isfinite(y).all():
            raise ValueError("not finite")
    if states is not None:
        model.set_weights(states)
    meta = {"model": None, "weights": [], "inputs": [common.input_name(t) for t in model.inputs], "outputs": [str(n) for n in getattr(model, "output_names", [])],
            "framework": framework, "case": path.name, "tolerance": common.TOLERANCE}
    files = 0
    for ext in (".keras", ".h5"):
        if ext == ".h5" and any(type(layer).__name__ == "TextVectorization" for layer in model._flatten_layers()):
            continue  # such a file has no place for the vocabulary
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                model.save(f"{path}{ext}")
            files += 1
        except Exception:  # some of Keras 3's random layers can't be written as .h5
            Path(f"{path}{ext}").unlink(missing_ok=True)
    if not files:
        raise ValueError("Keras can't save it")
    common.write_npz(Path(f"{path}.npz"), {"meta": common.pack(meta), **{f"x_{i}": x for i, x in enumerate(xs)}, **{f"y_{i}": y for i, y in enumerate(ys)}})
    return files


if __name__ == "__main__":
    main()
