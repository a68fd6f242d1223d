#!/usr/bin/env python3
"""Small rebuilds of what people build with Keras (the examples of keras.io, and the networks that courses teach), sizes and choices drawn.

    python scripts/zoo.py FOLDER [--seed 0] [--each 1] [--only RE]

Files as scripts/layer_sweep.py writes them, by Keras 3 and (_k2) by tf-keras, where calls of `O` are TensorFlow's own functions.
"""
import sys

import layer_sweep as sweep  # sets the environment first

import argparse
import re
import types
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from goldens import common
from goldens.common import integers, normal, uniform

# keras.ops as TensorFlow has them, for tf-keras.
TF = types.SimpleNamespace(
    mean=tf.reduce_mean, sum=tf.reduce_sum, max=tf.reduce_max, min=tf.reduce_min, exp=tf.exp, square=tf.square, sqrt=tf.sqrt, abs=tf.abs, maximum=tf.maximum,
    minimum=tf.minimum, expand_dims=tf.expand_dims, squeeze=tf.squeeze, reshape=tf.reshape, matmul=tf.matmul, einsum=tf.einsum, softmax=tf.nn.softmax, sigmoid=tf.sigmoid,
    concatenate=tf.concat, stack=tf.stack, cast=tf.cast, multiply=tf.multiply, add=tf.add, subtract=tf.subtract, relu=tf.nn.relu, gelu=tf.nn.gelu, silu=tf.nn.silu, tanh=tf.tanh,
    transpose=tf.transpose, where=tf.where, clip=tf.clip_by_value, split=tf.split, tile=tf.tile, roll=tf.roll, log=tf.math.log, rsqrt=tf.math.rsqrt, argmax=tf.argmax,
    ones_like=tf.ones_like, zeros_like=tf.zeros_like, not_equal=tf.not_equal, equal=tf.equal, one_hot=tf.one_hot, pad=tf.pad, power=tf.pow, cumsum=tf.cumsum)


def transformer_block(K, t, heads, width, inner, d):
    L, first = K.layers, d.yes()
    h = L.LayerNormalization(epsilon=1e-6)(t) if first else t
    h = L.Dropout(.1)(L.MultiHeadAttention(heads, width // heads)(h, h))
    t = L.Add()([t, h]) if first else L.LayerNormalization(epsilon=1e-6)(t + h)
    h = L.LayerNormalization()(t) if first else t
    h = L.Dense(width)(L.Dense(inner, activation=d.one("relu", "gelu"))(h))
    return L.Add()([t, h]) if first else L.LayerNormalization()(L.add([t, h]))


def bilstm(K, O, d):
    """Text classification of the IMDB example."""
    L, n = K.layers, d.randint(10, 30)
    t = K.Input((None,), dtype="int32")
    h = L.Embedding(n, 6, mask_zero=d.yes())(t)
    h = L.Bidirectional(getattr(L, d.one("LSTM", "GRU"))(5, return_sequences=True))(h)
    h = L.Bidirectional(L.LSTM(4), merge_mode=d.one("concat", "sum", "ave", "mul"))(h)
    return K.Model(t, L.Dense(1, activation="sigmoid")(L.Dropout(.5)(h))), [integers(3, 7, high=n)]


def transformer_classifier(K, O, d):
    L, width = K.layers, 8
    t = K.Input((6,), dtype="int32")
    h = L.Embedding(20, width)(t) + L.Embedding(6, width)(positions(K, O, t, 6))
    for _ in range(d.randint(1, 2)):
        h = transformer_block(K, h, 2, width, 12, d)
    h = L.GlobalAveragePooling1D()(h) if d.yes() else h[:, 0]
    return K.Model(t, L.Dense(3, activation="softmax")(h)), [integers(2, 6, high=20)]


def positions(K, O, t, n):
    return O.zeros_like(t) + np.arange(n, dtype="int32")


def unet(K, O, d):
    L = K.layers
    act, norm, transposed, separable = d.one("relu", "elu", "swish"), d.yes(), d.yes(), d.yes()

    def block(h, n):
        for _ in range(2):
            h = L.SeparableConv2D(n, 3, padding="same")(h) if separable else L.Conv2D(n, 3, padding="same", kernel_initializer="he_normal")(h)
            h = L.Activation(act)(L.BatchNormalization()(h) if norm else h)
        return h

    t = K.Input((16, 8, 3))
    a = block(t, 4)
    b = block(L.MaxPooling2D()(a), 6)
    c = L.Dropout(.3)(block(L.MaxPool2D(2)(b), 8))
    for skip, n in ((b, 6), (a, 4)):
        c = L.Conv2DTranspose(n, 3 if transposed else 2, strides=2, padding="same")(c) if d.yes() else L.UpSampling2D(2, interpolation=d.one("nearest", "bilinear"))(c)
        c = block(L.concatenate([c, skip]), n)
    return K.Model(t, L.Conv2D(2, 1, activation=d.one("softmax", "sigmoid"))(c)), [normal(2, 16, 8, 3)]


def vae_encoder(K, O, d):
    L = K.layers
    t = K.Input((12, 12, 1))
    h = L.Conv2D(4, 3, activation="relu", strides=2, padding="same")(t)
    h = L.Dense(8, activation="relu")(L.Flatten()(L.Conv2D(6, 3, activation="relu", strides=2, padding="same")(h)))
    mean, log = L.Dense(2, name="z_mean")(h), L.Dense(2, name="z_log_var")(h)
    return K.Model(t, [mean, log, mean + O.exp(log * .5)], name="encoder"), [uniform(2, 12, 12, 1)]


def vae_decoder(K, O, d):
    L = K.layers
    return K.Sequential([K.Input((2,)), L.Dense(3 * 3 * 6, activation="relu"), L.Reshape((3, 3, 6)), L.Conv2DTranspose(6, 3, activation="relu", strides=2, padding="same"),
                         L.Conv2DTranspose(4, 3, activation="relu", strides=2, padding="same"), L.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")]), [normal(3, 2)]


def wavenet(K, O, d):
    L = K.layers
    t = K.Input((20, 1))
    h, skips = L.Conv1D(4, 2, padding="causal")(t), []
    for rate in (1, 2, 4, 8)[:d.randint(2, 4)]:
        gate = L.Multiply()([L.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="tanh")(h), L.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="sigmoid")(h)])
        s = L.Conv1D(4, 1)(gate)
        skips.append(s)
        h = L.Add()([h, s])
    return K.Model(t, L.Conv1D(3, 1, activation="softmax")(L.ReLU()(L.Add()(skips)))), [normal(2, 20, 1)]


def siamese(K, O, d):
    L, form = K.layers, d.one("l1", "l2", "dot", "subtract")
    tower = K.Sequential([K.Input((8, 8, 1)), L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(4)], name="tower")
    a, b = K.Input((8, 8, 1), name="left"), K.Input((8, 8, 1), name="right")
    u, v = tower(a), tower(b)
    if form == "l1":
        h = O.abs(u - v)
    elif form == "l2":
        h = O.sqrt(O.maximum(O.sum(O.square(u - v), 1, keepdims=True), 1e-7))
    else:
        h = L.Dot(axes=1, normalize=True)([u, v]) if form == "dot" else L.Subtract()([u, v])
    return K.Model([a, b], L.Dense(1, activation="sigmoid")(h)), [normal(2, 8, 8, 1), normal(2, 8, 8, 1)]


def triplet(K, O, d):
    L = K.layers
    t = K.Input((8, 8, 3))
    h = L.Dense(4)(L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(t)))
    embed = K.Model(t, L.UnitNormalization()(h), name="embedding")
    ts = [K.Input((8, 8, 3), name=n) for n in ("anchor", "positive", "negative")]
    a, p, n = map(embed, ts)
    return K.Model(ts, [O.sum(O.square(a - p), -1), O.sum(O.square(a - n), -1)]), [normal(2, 8, 8, 3) for _ in ts]


def seq2seq(K, O, d):
    L, cls = K.layers, d.one("LSTM", "GRU")
    enc, dec = K.Input((None, 5)), K.Input((None, 4))
    _, *states = getattr(L, cls)(6, return_state=True)(enc)
    h, *_ = getattr(L, cls)(6, return_sequences=True, return_state=True)(dec, initial_state=states)
    return K.Model([enc, dec], L.Dense(4, activation="softmax")(h)), [normal(2, 5, 5), normal(2, 3, 4)]


def seq2seq_decoder(K, O, d):
    """The decoder that sampling uses: states in, states out."""
    L = K.layers
    t, h, c = K.Input((None, 4)), K.Input((6,)), K.Input((6,))
    y, h2, c2 = L.LSTM(6, return_sequences=True, return_state=True)(t, initial_state=[h, c])
    return K.Model([t] + [h, c], [L.Dense(4, activation="softmax")(y)] + [h2, c2]), [normal(2, 1, 4), normal(2, 6), normal(2, 6)]


def seq2seq_attention(K, O, d):
    L = K.layers
    src, dst = K.Input((None,), dtype="int32"), K.Input((None,), dtype="int32")
    enc = L.Bidirectional(L.GRU(4, return_sequences=True))(L.Embedding(12, 5, mask_zero=True)(src))
    dec = L.GRU(8, return_sequences=True)(L.Embedding(12, 5, mask_zero=True)(dst))
    ctx = getattr(L, d.one("Attention", "AdditiveAttention"))()([dec, enc])
    return K.Model([src, dst], L.TimeDistributed(L.Dense(6, activation="softmax"))(L.Concatenate()([dec, ctx]))), [integers(2, 6, high=12), integers(2, 4, high=12)]


def transformer_seq2seq(K, O, d):
    L = K.layers
    src, dst = K.Input((5,), dtype="int32"), K.Input((4,), dtype="int32")
    e = L.Embedding(11, 8, mask_zero=d.yes())(src)
    e = L.LayerNormalization()(e + L.MultiHeadAttention(2, 4)(e, e))
    h = L.Embedding(11, 8)(dst)
    h = L.LayerNormalization()(h + L.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True))
    h = L.LayerNormalization()(h + L.MultiHeadAttention(2, 4)(query=h, value=e, key=e))
    return K.Model([src, dst], L.Dense(11)(h)), [integers(2, 5, low=1, high=11), integers(2, 4, high=11)]


def conv_lstm(K, O, d):
    L = K.layers
    t = K.Input((None, 8, 8, 1))
    h = L.BatchNormalization()(L.ConvLSTM2D(4, 5, padding="same", return_sequences=True, activation="relu")(t))
    h = L.ConvLSTM2D(3, 3, padding="same", return_sequences=True, activation="relu")(h)
    return K.Model(t, L.Conv3D(1, 3, activation="sigmoid", padding="same")(h)), [normal(2, 3, 8, 8, 1)]


def crnn(K, O, d):
    """OCR: convolutions, then a sequence."""
    L = K.layers
    t = K.Input((16, 8, 1), name="image")
    h = L.MaxPooling2D((2, 2))(L.Conv2D(4, 3, activation="relu", kernel_initializer="he_normal", padding="same")(t))
    h = L.MaxPooling2D((2, 2))(L.Conv2D(6, 3, activation="relu", padding="same")(h))
    h = L.Dropout(.2)(L.Dense(6, activation="relu")(L.Reshape(target_shape=(4, 12))(h)))
    h = L.Bidirectional(L.LSTM(4, return_sequences=True, dropout=.25))(h)
    h = L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=.25))(h)
    return K.Model(t, L.Dense(7, activation="softmax")(h)), [uniform(2, 16, 8, 1)]


def vit(K, O, d):
    L, size = K.layers, d.one(2, 4)
    n = (8 // size) ** 2
    t = K.Input((8, 8, 3))
    if d.yes():
        h = L.Reshape((n, 6))(L.Conv2D(6, size, strides=size)(t))
    else:
        h = O.transpose(O.reshape(t, (-1, 8 // size, size, 8 // size, size, 3)), (0, 1, 3, 2, 4, 5))
        h = L.Dense(6)(O.reshape(h, (-1, n, size * size * 3)))
    h = h + L.Embedding(n, 6)(positions(K, O, O.cast(h[:, :, 0] * 0, "int32"), n))
    h = transformer_block(K, h, 2, 6, 12, d)
    h = L.Flatten()(L.LayerNormalization(epsilon=1e-6)(h))
    return K.Model(t, L.Dense(5)(L.Dense(8, activation="gelu")(h))), [normal(2, 8, 8, 3)]


def mini_gpt(K, O, d):
    L = K.layers
    t = K.Input((6,), dtype="int32")
    h = L.Embedding(15, 8)(t) + L.Embedding(6, 8)(positions(K, O, t, 6))
    for _ in range(2):
        h = L.LayerNormalization(epsilon=1e-6)(h + L.Dropout(.1)(L.MultiHeadAttention(2, 8)(h, h, use_causal_mask=True)))
        h = L.LayerNormalization()(h + K.Sequential([L.Dense(10, activation="relu"), L.Dense(8)])(h))
    return K.Model(t, [L.Dense(15)(h), h]), [integers(2, 6, high=15)]


def structured(K, O, d):
    """Heart disease: lookups, one-hot columns, normalised numbers."""
    L = K.layers
    age, sex, thal = K.Input((1,), name="age"), K.Input((1,), name="sex", dtype="int64"), K.Input((1,), name="thal", dtype="string")
    a = L.Normalization(mean=54., variance=81.)(age)
    b = L.IntegerLookup(vocabulary=[0, 1, 4], output_mode="one_hot")(sex) if d.yes() else L.CategoryEncoding(5, output_mode="one_hot")(sex)
    c = L.StringLookup(vocabulary=["fixed", "normal", "reversible"], output_mode=d.one("one_hot", "multi_hot"))(thal)
    e = L.Discretization(bin_boundaries=[30., 50., 60.], output_mode="one_hot")(age)
    h = L.Dense(6, activation="relu")(L.concatenate([a, b, c, e]))
    words = np.array([[b"fixed"], [b"odd"], [b"normal"]], object)
    sexes = common.Spec((3, 1), lambda rng: np.array([[0], [1], [4]], "int64"), "int64")
    return K.Model([age, sex, thal], L.Dense(1, activation="sigmoid")(L.Dropout(.5)(h))), [uniform(3, 1, low=20, high=80), sexes, common.Spec((3, 1), lambda rng: words, "string")]


def resnet_v2(K, O, d):
    L = K.layers
    t = K.Input((12, 12, 3))
    h = L.MaxPooling2D(3, strides=2)(L.ZeroPadding2D(1)(L.Conv2D(6, 7, strides=2)(L.ZeroPadding2D(3)(L.Rescaling(1 / 127.5, offset=-1)(t)))))
    for stride in (1, 2):
        p = L.Activation("relu")(L.BatchNormalization(epsilon=1.001e-5)(h))
        short = L.Conv2D(8, 1, strides=stride)(p)
        q = L.Conv2D(4, 1, use_bias=False)(p)
        q = L.ReLU()(L.BatchNormalization()(q))
        q = L.Conv2D(4, 3, strides=stride, use_bias=False)(L.ZeroPadding2D(((1, 1), (1, 1)))(q))
        h = L.Add()([short, L.Conv2D(8, 1)(q)])
    return K.Model(t, L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D(keepdims=d.yes())(h))), [uniform(2, 12, 12, 3, high=255)]


def pointnet(K, O, d):
    L = K.layers

    def tnet(x, n):
        h = L.GlobalMaxPooling1D()(L.Activation("relu")(L.BatchNormalization(momentum=0.)(L.Conv1D(6, 1)(x))))
        m = L.Reshape((n, n))(L.Dense(n * n, kernel_initializer="zeros")(h))
        return L.Dot(axes=(2, 1))([x, m])

    t = K.Input((9, 3))
    h = L.Activation("relu")(L.BatchNormalization()(L.Conv1D(4, 1)(tnet(t, 3))))
    h = L.GlobalMaxPooling1D()(L.Conv1D(8, 1, padding="valid")(tnet(h, 4)))
    return K.Model(t, L.Dense(3, activation="softmax")(h)), [normal(2, 9, 3)]


def mlp_mixer(K, O, d):
    L = K.layers
    t = K.Input((8, 8, 3))
    h = L.Dense(6)(L.Reshape((16, 12))(L.Conv2D(12, 2, strides=2)(t)))
    for _ in range(2):
        x = O.transpose(L.LayerNormalization()(h), (0, 2, 1)) if d.yes() else L.Permute((2, 1))(L.LayerNormalization()(h))
        x = L.Permute((2, 1))(L.Dense(16)(L.Dense(8, activation="gelu")(x)))
        h = h + x
        h = h + L.Dense(6)(L.Activation("gelu")(L.Dense(12)(L.LayerNormalization()(h))))
    return K.Model(t, L.Dense(4)(L.GlobalAveragePooling1D()(h))), [normal(2, 8, 8, 3)]


def conv_mixer(K, O, d):
    L = K.layers
    act = lambda h: L.BatchNormalization()(L.Activation("gelu")(h))
    t = K.Input((8, 8, 3))
    h = act(L.Conv2D(6, 2, strides=2)(L.Rescaling(1 / 255)(t)))
    for _ in range(2):
        h = act(L.Conv2D(6, 1)(L.Add()([act(L.DepthwiseConv2D(3, padding="same")(h)), h])))
    return K.Model(t, L.Dense(3, activation="softmax")(L.GlobalAvgPool2D()(h))), [uniform(2, 8, 8, 3, high=255)]


def ea_net(K, O, d):
    """External attention: two memories, and a double normalisation."""
    L = K.layers
    t = K.Input((9, 8))
    h = O.transpose(O.reshape(L.Dense(8)(t), (-1, 9, 2, 4)), (0, 2, 1, 3))
    a = O.softmax(L.Dense(5)(h), axis=2)
    a = a / (1e-9 + O.sum(a, axis=-1, keepdims=True))
    h = O.reshape(O.transpose(L.Dense(4)(a), (0, 2, 1, 3)), (-1, 9, 8))
    return K.Model(t, L.Dense(3)(L.add([t, h])[:, -1, :])), [normal(2, 9, 8)]


def swin(K, O, d):
    """Windows, shifted: rolls, reshapes and transposes of a grid."""
    L, shift = K.layers, d.one(1, 2)
    t = K.Input((8, 8, 6))
    h = L.LayerNormalization(epsilon=1e-5)(t)
    h = O.roll(h, (-shift, -shift), (1, 2))
    h = O.reshape(O.transpose(O.reshape(h, (-1, 2, 4, 2, 4, 6)), (0, 1, 3, 2, 4, 5)), (-1, 16, 6))
    q = O.transpose(O.reshape(L.Dense(18)(h), (-1, 16, 3, 2, 3)), (2, 0, 3, 1, 4))
    a = O.matmul(q[0] * 3 ** -.5, O.transpose(q[1], (0, 1, 3, 2)))
    h = O.reshape(O.transpose(O.matmul(O.softmax(a, axis=-1), q[2]), (0, 2, 1, 3)), (-1, 16, 6))
    h = O.reshape(O.transpose(O.reshape(h, (-1, 2, 2, 4, 4, 6)), (0, 1, 3, 2, 4, 5)), (-1, 8, 8, 6))
    h = t + O.roll(h, (shift, shift), (1, 2))
    merged = O.concatenate([h[:, 0::2, 0::2, :], h[:, 1::2, 0::2, :], h[:, 0::2, 1::2, :], h[:, 1::2, 1::2, :]], -1)
    return K.Model(t, L.Dense(4, use_bias=False)(merged)), [normal(2, 8, 8, 6)]


def g_mlp(K, O, d):
    L = K.layers
    t = K.Input((6, 8))
    u, v = O.split(L.Dense(16, activation="gelu")(L.LayerNormalization()(t)), 2, -1)
    v = L.Permute((2, 1))(L.Dense(6, bias_initializer="ones")(L.Permute((2, 1))(L.LayerNormalization()(v))))
    return K.Model(t, L.GlobalMaxPooling1D()(L.Dense(8)(u * v) + t)), [normal(2, 6, 8)]


def timeseries(K, O, d):
    L = K.layers
    t = h = K.Input((12, 1))
    for _ in range(2):
        x = L.Dropout(.25)(L.MultiHeadAttention(key_dim=4, num_heads=2, dropout=.25)(h, h))
        res = L.LayerNormalization(epsilon=1e-6)(x) + h
        x = L.Conv1D(1, 1)(L.Conv1D(4, 1, activation="relu")(res))
        h = L.LayerNormalization(epsilon=1e-6)(x) + res
    h = L.GlobalAveragePooling1D(data_format=d.one("channels_last", "channels_first"))(h)
    return K.Model(t, L.Dense(2, activation="softmax")(L.Dense(6, activation="relu")(h))), [normal(2, 12, 1)]


def ctc_asr(K, O, d):
    L = K.layers
    t = K.Input((None, 13), name="input")
    h = L.Reshape((-1, 13, 1))(t)
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(3, [5, 5], strides=[2, 2], padding="same", use_bias=False)(h)))
    h = L.Reshape((-1, h.shape[-2] * h.shape[-1]))(h)
    for _ in range(2):
        h = L.Dropout(.5)(L.Bidirectional(L.GRU(4, return_sequences=True, reset_after=True), merge_mode="concat")(h))
    return K.Model(t, L.Dense(6, activation="softmax")(L.ReLU()(L.Dense(8)(h)))), [normal(2, 12, 13)]


def autoencoder(K, O, d):
    L = K.layers
    t = K.Input((12, 12, 1))
    h = L.MaxPooling2D(2, padding="same")(L.Conv2D(4, 3, activation="relu", padding="same")(t))
    h = L.Conv2DTranspose(4, 3, strides=2, activation="relu", padding="same")(L.MaxPooling2D(2, padding="same")(L.Conv2D(4, 3, activation="relu", padding="same")(h)))
    h = L.Cropping2D(((1, 1), (0, 2)))(L.ZeroPadding2D(((1, 1), (0, 2)))(L.UpSampling2D()(h)))
    return K.Model(t, L.Conv2D(1, 3, activation="sigmoid", padding="same")(h)), [uniform(2, 12, 12, 1)]


def pix2pix(K, O, d):
    L = K.layers
    t = K.Input((16, 16, 3))
    downs, h = [], t
    for n in (4, 6, 8):
        h = L.LeakyReLU(d.one(.2, .3))(L.BatchNormalization()(L.Conv2D(n, 4, strides=2, padding="same", use_bias=False)(h)))
        downs.append(h)
    for n, skip in ((6, downs[1]), (4, downs[0])):
        h = L.ReLU()(L.Dropout(.5)(L.BatchNormalization()(L.Conv2DTranspose(n, 4, strides=2, padding="same", use_bias=False)(h))))
        h = L.Concatenate()([h, skip])
    return K.Model(t, L.Conv2DTranspose(3, 4, strides=2, padding="same", activation="tanh")(h)), [normal(2, 16, 16, 3)]


def super_resolution(K, O, d):
    L = K.layers
    t = K.Input((None, None, 1))
    h = L.Conv2D(4, 3, padding="same", activation="relu", kernel_initializer="orthogonal")(L.Conv2D(4, 5, padding="same", activation="relu")(t))
    h = L.Conv2D(9, 3, padding="same")(h)
    if K is tf_keras:
        return K.Model(t, tf.nn.depth_to_space(h, 3)), [uniform(2, 5, 6, 1)]
    t = K.Input((5, 6, 1))
    h = O.reshape(L.Conv2D(9, 3, padding="same")(t), (-1, 5, 6, 3, 3))
    return K.Model(t, O.reshape(O.transpose(h, (0, 1, 3, 2, 4)), (-1, 15, 18, 1))), [uniform(2, 5, 6, 1)]


def recommender(K, O, d):
    L = K.layers
    user, movie = K.Input((1,), name="user"), K.Input((1,), name="movie")
    u, m = L.Embedding(9, 4)(user), L.Embedding(12, 4)(movie)
    bias = L.Flatten()(L.Embedding(9, 1)(user)) + L.Flatten()(L.Embedding(12, 1)(movie))
    h = L.Dot(axes=d.one(1, -1))([L.Flatten()(u), L.Flatten()(m)])
    return K.Model([user, movie], O.sigmoid(h + bias)), [common.Spec((3, 1), lambda r: r.integers(0, 9, (3, 1)).astype("float32")), common.Spec((3, 1), lambda r: r.integers(0, 12, (3, 1)).astype("float32"))]


def wide_deep(K, O, d):
    L = K.layers
    a, b = K.Input((5,), name="wide"), K.Input((4,), name="deep")
    h = L.Dense(6, activation="relu")(L.Dense(6, activation="relu", kernel_regularizer="l2")(b))
    return K.Model(inputs=[a, b], outputs=[L.Dense(1, name="main")(L.concatenate([a, h])), L.Dense(1, name="aux")(h)]), [normal(3, 5), normal(3, 4)]


def cross_network(K, O, d):
    L = K.layers
    t = K.Input((6,))
    cross = t
    for _ in range(2):
        cross = t * L.Dense(6)(cross) + cross
    return K.Model(t, L.Dense(2, activation="softmax")(L.Concatenate()([L.BatchNormalization()(cross), L.Dense(4, activation="selu")(t)]))), [normal(3, 6)]


def tab_transformer(K, O, d):
    L = K.layers
    ids = [K.Input((), name=f"c{i}", dtype="int32") for i in range(3)]
    numbers = K.Input((4,), name="numbers")
    h = O.stack([L.Embedding(7, 4)(t) for t in ids], axis=1)
    h = h + L.Embedding(3, 4)(positions(K, O, O.cast(h[:, :, 0] * 0, "int32"), 3))
    h = transformer_block(K, h, 2, 4, 8, d)
    h = L.concatenate([L.Flatten()(h), L.LayerNormalization(epsilon=1e-6)(numbers)])
    return K.Model(ids + [numbers], L.Dense(1, activation="sigmoid")(L.BatchNormalization()(h))), [integers(3, high=7) for _ in ids] + [normal(3, 4)]


def gated_residual(K, O, d):
    L = K.layers

    def grn(x, n):
        h = L.Dense(n)(L.Dense(n, activation="elu")(x))
        x = x if x.shape[-1] == n else L.Dense(n)(x)
        return L.LayerNormalization()(x + L.Dense(n)(h) * L.Dense(n, activation="sigmoid")(h))

    ts = [K.Input((3,)) for _ in range(3)]
    v = L.Concatenate()(ts)
    w = O.expand_dims(L.Dense(3, activation="softmax")(grn(v, 4)), -1)
    h = O.squeeze(O.matmul(O.transpose(O.stack([grn(t, 4) for t in ts], 1), (0, 2, 1)), w), -1)
    return K.Model(ts, L.Dense(1)(h)), [normal(2, 3) for _ in ts]


def nested(K, O, d):
    L = K.layers
    inner = K.Sequential([K.Input((6, 6, 3)), L.RandomFlip("horizontal"), L.RandomRotation(.1), L.Rescaling(1 / 255)], name="augment")
    t = K.Input((4, 4, 5))
    head = K.Model(t, [L.GlobalMaxPooling2D()(t), L.Flatten()(t)], name="two")
    t = K.Input((6, 6, 3))
    pooled, flat = head(L.Conv2D(5, 3, name="conv")(inner(t)))
    return K.Sequential([K.Input((6, 6, 3)), K.Model(t, L.Concatenate()([pooled, flat]), name="body"), K.Sequential([L.Dense(4), L.LeakyReLU()], name="tail"), L.Dense(2)]), [uniform(2, 6, 6, 3, high=255)]


def shared(K, O, d):
    L = K.layers
    a, b = K.Input((5,), dtype="int32", name="a"), K.Input((5,), dtype="int32", name="b")
    embed, lstm = L.Embedding(9, 4, mask_zero=d.yes()), L.LSTM(3)
    u, v = lstm(embed(a)), lstm(embed(b))
    return K.Model({"b": b, "a": a}, {"sum": u + v, "joined": L.Concatenate()([u, v])}), [integers(2, 5, high=9), integers(2, 5, high=9)]


def multi_output(K, O, d):
    L = K.layers
    t = K.Input((8, 8, 3), name="img")
    h = L.Flatten()(L.Conv2D(4, 3, activation="relu")(t))
    return K.Model(t, [L.Dense(3, activation="softmax", name="class")(h), L.Dense(4, name="box")(h), [L.Dense(1, activation="sigmoid", name="score")(h)]]), [normal(2, 8, 8, 3)]


def squeeze_excite(K, O, d):
    L = K.layers
    t = K.Input((8, 8, 4))
    h = L.Conv2D(8, 3, padding="same", activation="swish")(t)
    s = O.mean(h, axis=(1, 2), keepdims=True) if d.yes() else L.Reshape((1, 1, 8))(L.GlobalAveragePooling2D()(h))
    s = L.Dense(8, activation="hard_sigmoid")(L.Dense(2, activation="relu")(s))
    h = h * s
    h = h * O.minimum(O.relu(h + 3.), 6.) * (1. / 6.) if d.yes() else L.multiply([h, s])
    return K.Model(t, h), [normal(2, 8, 8, 4)]


def cbam(K, O, d):
    L = K.layers
    t = K.Input((6, 6, 4))
    mlp = K.Sequential([L.Dense(2, activation="relu"), L.Dense(4)])
    c = O.sigmoid(mlp(L.GlobalAveragePooling2D()(t)) + mlp(L.GlobalMaxPooling2D()(t)))
    h = t * L.Reshape((1, 1, 4))(c)
    s = L.Concatenate(axis=-1)([O.mean(h, axis=-1, keepdims=True), O.max(h, axis=-1, keepdims=True)])
    return K.Model(t, h * L.Conv2D(1, 3, padding="same", activation="sigmoid", use_bias=False)(s)), [normal(2, 6, 6, 4)]


def inception(K, O, d):
    L = K.layers
    t = K.Input((9, 9, 3))
    conv = lambda h, n, k, **o: L.Activation("relu")(L.BatchNormalization(scale=False)(L.Conv2D(n, k, padding="same", use_bias=False, **o)(h)))
    h = L.concatenate([conv(t, 3, 1), conv(conv(t, 2, 1), 3, (1, 3)), conv(conv(t, 2, 1), 3, 5), conv(L.AveragePooling2D(3, strides=1, padding="same")(t), 2, 1)], axis=3)
    return K.Model(t, L.GlobalMaxPooling2D()(h)), [normal(2, 9, 9, 3)]


def shuffle(K, O, d):
    """ShuffleNet's channels, and a grouped convolution."""
    L = K.layers
    t = K.Input((6, 6, 8))
    h = L.Conv2D(8, 1, groups=2)(t)
    h = O.reshape(O.transpose(O.reshape(h, (-1, 6, 6, 2, 4)), (0, 1, 2, 4, 3)), (-1, 6, 6, 8))
    h = L.BatchNormalization()(L.DepthwiseConv2D(3, strides=2, padding="same")(h))
    return K.Model(t, L.Concatenate()([L.AveragePooling2D(3, 2, padding="same")(t), h])), [normal(2, 6, 6, 8)]


def text_cnn(K, O, d):
    L = K.layers
    t = K.Input((None,), dtype="int64")
    h = L.Dropout(.5)(L.Embedding(20, 5)(t))
    hs = [L.GlobalMaxPooling1D()(L.Conv1D(4, k, padding=d.one("valid", "same"), activation="relu")(h)) for k in (2, 3, 4)]
    return K.Model(t, L.Dense(2, activation="softmax")(L.concatenate(hs))), [common.Spec((3, 8), lambda r: r.integers(0, 20, (3, 8)), "int64")]


def tagger(K, O, d):
    L = K.layers
    return K.Sequential([K.Input((None,), dtype="int32"), L.Embedding(12, 4, mask_zero=True), L.SpatialDropout1D(.2), L.Bidirectional(L.LSTM(3, return_sequences=True, recurrent_dropout=.1)),
                         L.TimeDistributed(L.Dense(4, activation="relu")), L.TimeDistributed(L.BatchNormalization()), L.Dense(3, activation="softmax")]), [integers(3, 6, high=12)]


def yolo_head(K, O, d):
    L = K.layers
    t = K.Input((8, 8, 4))
    h = L.LeakyReLU(.1)(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="valid", use_bias=False)(L.ZeroPadding2D(((1, 0), (1, 0)))(t))))
    h = L.Reshape((4, 4, 2, 7))(L.Conv2D(14, 1)(h))
    xy, wh, rest = h[..., 0:2], h[..., 2:4], h[..., 4:]
    return K.Model(t, [O.sigmoid(xy), O.exp(wh) * np.array([1.5, 2.], "float32"), O.sigmoid(rest), O.cast(O.argmax(h[..., 5:], -1), "int32")]), [normal(2, 8, 8, 4)]


def quality(K, O, d):
    """Arithmetic of every kind, as loss-like heads have it."""
    L = K.layers
    a, b = K.Input((4,)), K.Input((4,))
    ab = (a - 1.) * 2. / (1. + O.square(b)) - (-a) ** 2
    ab = O.where(a > b, ab, O.log(O.abs(ab) + 1.)) + O.clip(b, -.5, .5) + O.cumsum(a, 1)
    return K.Model([a, b], [ab, 1. - O.tanh(ab), O.power(O.abs(a), 1.5), O.cast(O.equal(a > 0, b > 0), "float32"), O.rsqrt(O.square(a) + .1)]), [normal(3, 4), normal(3, 4)]


def text_in_model(K, O, d):
    """The export of the text example: strings in, the vectorisation inside."""
    L = K.layers
    v = L.TextVectorization(max_tokens=20, output_mode="int", output_sequence_length=6)
    v.adapt(["the cat sat on the mat", "a dog sat", "the dog ran home"])
    lines = np.array([[b"The cat ran!"], [b"a zebra sat on home"]], object)
    inner = K.Sequential([K.Input((6,), dtype="int64"), L.Embedding(20, 4), L.GlobalAveragePooling1D(), L.Dense(2, activation="softmax")])
    t = K.Input((1,), dtype="string")
    return K.Model(t, inner(v(t))), [common.Spec((2, 1), lambda r: lines, "string")]


def lenet(K, O, d):
    L = K.layers
    return K.Sequential([K.Input((16, 16, 1)), L.Conv2D(4, 5, activation=d.one("tanh", "relu", "sigmoid"), padding="same"), getattr(L, d.one("AveragePooling2D", "MaxPooling2D"))(2), L.BatchNormalization(),
                         L.Conv2D(6, 5, activation="tanh"), L.AveragePooling2D(2), L.Flatten(), L.Dense(10, activation="tanh"), L.Dropout(.2), L.Dense(4, activation="softmax")]), [uniform(2, 16, 16, 1)]


def frames(K, O, d):
    """Frames of a video: a convolutional network for each, then a recurrence."""
    L = K.layers
    cnn = K.Sequential([K.Input((8, 8, 3)), L.Conv2D(3, 3, activation="relu"), L.GlobalAveragePooling2D()])
    t, mask = K.Input((4, 8, 8, 3)), K.Input((4,), dtype="bool")
    h = L.GRU(5, return_sequences=True)(L.TimeDistributed(cnn)(t), mask=mask)
    return K.Model([t, mask], L.Dense(3, activation="softmax")(L.GRU(4)(h))), [normal(2, 4, 8, 8, 3), common.Spec((2, 4), lambda r: np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool), "bool")]


def relation(K, O, d):
    """Attention written out: einsum, scale, mask, softmax."""
    L = K.layers
    t, m = K.Input((5, 6)), K.Input((5,))
    q, k, v = (L.Dense(6, use_bias=False)(t) for _ in range(3))
    products = O.einsum if K is keras else lambda equation, a, b: tf.matmul(a, tf.transpose(b, (0, 2, 1)) if "bkd->bqk" in equation else b)  # tf-keras loses einsum's operands
    s = products("bqd,bkd->bqk", q, k) / 6 ** .5
    s = s + (1. - O.expand_dims(m, 1)) * -1e9
    return K.Model([t, m], products("bqk,bkd->bqd", O.softmax(s), v)), [normal(2, 5, 6), common.fixed([[1, 1, 1, 0, 1], [1, 1, 0, 0, 0]])]


ZOO = [bilstm, transformer_classifier, unet, vae_encoder, vae_decoder, wavenet, siamese, triplet, seq2seq, seq2seq_decoder, seq2seq_attention, transformer_seq2seq, conv_lstm, crnn, vit,
       mini_gpt, structured, resnet_v2, pointnet, mlp_mixer, conv_mixer, ea_net, swin, g_mlp, timeseries, ctc_asr, autoencoder, pix2pix, super_resolution, recommender, wide_deep,
       cross_network, tab_transformer, gated_residual, nested, shared, multi_output, squeeze_excite, cbam, inception, shuffle, text_cnn, tagger, yolo_head, quality, text_in_model, lenet,
       frames, relation]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--only", type=re.compile, default=re.compile(""))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for f in ZOO:
        for i in range(args.each):
            for K, O, tail in ((keras, keras.ops, ""), (tf_keras, TF, "_k2")):
                name = f"{f.__name__}_{i}{tail}"
                if not args.only.search(name):
                    continue
                seed = common.seed_of(str(args.seed), f.__name__, str(i))
                K.backend.clear_session()
                K.utils.set_random_seed(seed % 2**31)
                rng = np.random.default_rng(seed)
                try:
                    model, inputs = f(K, O, sweep.Draw(seed))
                    files = sweep.write(args.folder / name, model, "keras" if K is keras else "tf_keras", rng, [spec.draw(rng) for spec in inputs])
                except Exception as err:
                    failed += 1
                    print(f"{name}: {str(err).strip()[-300:]!r}", file=sys.stderr)
                    continue
                if files < 2:
                    print(f"{name}: {files} file")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
