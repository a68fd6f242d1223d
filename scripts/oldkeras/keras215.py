"""Keras 2.15, the last of Keras 2: .h5 and .keras, cuDNN's layers, LocallyConnected's three layouts."""
import h5py
import numpy as np


def models(s):
    import keras as K
    import tensorflow as tf

    L = K.layers
    v1 = tf.compat.v1.keras.layers

    def both(name, build, *xs, **options):
        for kind in ("h5", "keras"):
            s.add(name if kind == "h5" else name + "_zip", build, *xs, kind=kind, **options)

    def stack(shape, *layers):
        return lambda: K.Sequential([K.Input(shape)] + [layer() for layer in layers])

    rows, image, ids = (3, 5, 4), (2, 6, 7, 2), np.array([[1, 4, 2, 0, 0], [3, 3, 1, 2, 4]], "int32")
    both("cnn", stack(image[1:], lambda: L.Conv2D(4, (2, 3), padding="same", strides=(1, 2), groups=2), lambda: L.BatchNormalization(), lambda: L.ReLU(6.0),
                      lambda: L.DepthwiseConv2D(2, depth_multiplier=2), lambda: L.Conv2DTranspose(3, 3, strides=2, output_padding=1), lambda: L.SeparableConv2D(3, 2),
                      lambda: L.GlobalMaxPooling2D(keepdims=True), lambda: L.Flatten(), lambda: L.Dense(3, activation="hard_sigmoid")), image)
    both("recurrent", stack((None,), lambda: L.Embedding(6, 4, mask_zero=True), lambda: L.LSTM(5, return_sequences=True, implementation=1),
                            lambda: L.Bidirectional(L.GRU(3, return_sequences=True), backward_layer=L.LSTM(3, return_sequences=True, go_backwards=True), merge_mode="mul"),
                            lambda: L.GRU(4, reset_after=False, recurrent_activation="hard_sigmoid", return_sequences=True), lambda: L.SimpleRNN(3)), ids)
    both("cells", stack(rows[1:], lambda: L.RNN([L.LSTMCell(4), L.GRUCell(3)], return_sequences=True), lambda: L.RNN(L.SimpleRNNCell(2))), rows)
    s.add("time_major", stack(rows[1:], lambda: L.LSTM(4, time_major=True, return_sequences=True), lambda: L.GRU(3, time_major=True)), (5, 5, 4))
    both("norms", stack(image[1:], lambda: L.LayerNormalization(axis=[1, 3]), lambda: L.BatchNormalization(axis=[1]), lambda: L.GroupNormalization(2),
                        lambda: L.UnitNormalization(), lambda: L.LayerNormalization()), image)
    s.add("sync", stack((4,), lambda: L.Dense(3), L.experimental.SyncBatchNormalization), (3, 4))
    s.add("renorm", stack((4,), lambda: v1.BatchNormalization(renorm=True, fused=False), lambda: v1.Dense(3), lambda: v1.BatchNormalization(virtual_batch_size=None)), (3, 4))
    for n in (1, 2, 3):
        both(f"local1d_{n}", stack(rows[1:], lambda: L.LocallyConnected1D(3, 2, strides=2 if n == 1 else 1, implementation=n, padding="valid" if n == 1 else "same")), rows)
        both(f"local2d_{n}", stack(image[1:], lambda: L.LocallyConnected2D(3, (2, 3), strides=(1, 2), implementation=n, padding="valid" if n == 1 else "same",
                                                                          activation="relu")), image)
        s.add(f"local2d_first_{n}", stack((2, 6, 7), lambda: L.LocallyConnected2D(3, (2, 3), implementation=n, data_format="channels_first")), (2, 2, 6, 7))
        s.add(f"local1d_first_{n}", stack((4, 5), lambda: L.LocallyConnected1D(3, 2, implementation=n, data_format="channels_first", use_bias=False)), (2, 4, 5))
    both("thresholded", stack((4,), lambda: L.Dense(5), lambda: L.ThresholdedReLU(0.25)), (3, 4))
    both("attention", attention, (2, 4, 6), (2, 3, 6))
    both("preprocessing", stack(image[1:], lambda: L.Rescaling(0.5, 1.0), lambda: L.experimental.preprocessing.CenterCrop(4, 4), lambda: L.RandomHeight(0.2),
                                lambda: L.Resizing(5, 5), lambda: L.RandomFlip()), image)
    both("lambdas", lambdas, (2, 3, 4))
    s.add("shapes", shapes, (2, 3, 4))
    both("nested", nested, (3, 4))
    both("frozen", frozen, (3, 4))
    both("shared", shared, rows)
    s.add("convnext", convnext, (2, 32, 32, 3))
    both("policy", stack((4,), lambda: L.Dense(5, dtype=K.mixed_precision.Policy("float32")), lambda: L.Activation(K.activations.swish)), (3, 4))
    s.add("json", stack((4,), lambda: L.Dense(5), lambda: L.BatchNormalization()), (3, 4), kind="json")

    def cudnn():
        return K.Sequential([K.Input((5, 4)), v1.CuDNNLSTM(3, return_sequences=True), v1.CuDNNGRU(2)])

    def plain():
        return K.Sequential([K.Input((5, 4)), L.LSTM(3, return_sequences=True), L.GRU(2)])

    s.add("cudnn", cudnn, rows, twin=plain)
    turned(s, "cudnn_plain", cudnn, plain, rows)
    s.add("cudnn_bidirectional", lambda: K.Sequential([K.Input((5, 4)), L.Bidirectional(v1.CuDNNLSTM(3)), L.Dense(2)]), rows,
          twin=lambda: K.Sequential([K.Input((5, 4)), L.Bidirectional(L.LSTM(3)), L.Dense(2)]))


def turned(s, name, build, twin, shape):
    """An architecture of cuDNN's layers beside weights of the plain ones, as tf.keras loads it."""
    if not s.wants(name):
        return
    from pathlib import Path

    rng = s.rng(name)
    x = rng.normal(size=shape).astype("float32")
    model, runs = build(), twin()
    s.randomize(runs, rng)
    Path(s.path(name, ".json")).write_text(model.to_json())
    runs.save_weights(s.path(name, ".weights.h5"))
    # .weights.h5 is by place; the older layout is what tf.keras wrote then
    runs.save_weights(s.path(name, ".old.h5"), save_format="h5")
    s.arrays(name, [x], [runs.predict(x)])
    print(s.stem(name))


def attention():
    import keras as K

    L = K.layers
    a, b = K.Input((4, 6)), K.Input((3, 6))
    h = L.MultiHeadAttention(2, 3, value_dim=4)(a, b)
    h = L.Add()([h, a])
    return K.Model([a, b], [L.Attention(use_scale=True)([h, b]), L.AdditiveAttention()([h, b]), L.Dot(axes=2, normalize=True)([h, b])])


def lambdas():
    import keras as K
    import tensorflow as tf

    L = K.layers
    t = K.Input((3, 4))
    h = L.Dense(4)(t) * 2.0 + t
    h = tf.concat([h[:, 1:], tf.nn.relu(-h)], axis=1)
    m = tf.reduce_mean(h, axis=1, keepdims=True)
    h = tf.math.sqrt(tf.square(h - m) + 0.1)
    a, b = tf.split(h, 2, axis=2)
    first, _, last = tf.split(h, [1, 3, 1], axis=1)
    u = tf.unstack(a, axis=1, num=5)
    r = tf.reshape(a * b, (-1, 10))
    return K.Model(t, [L.Dense(2)(r), u[1] + u[3], tf.transpose(h, [0, 2, 1]), first - last, tf.clip_by_value(a, -0.5, 0.5)])


def shapes():
    import keras as K
    import tensorflow as tf

    t = K.Input((3, 4))
    return K.Model(t, tf.reshape(t, (tf.shape(t)[0], 12)))


def nested():
    import keras as K

    L = K.layers
    inner = K.Sequential([K.Input((4,)), L.Dense(5), L.BatchNormalization(), L.Dense(4)], name="inner")
    t = K.Input((4,))
    block = K.Model(t, L.Add()([inner(t), t]), name="block")
    t = K.Input((4,))
    h = block(t)
    return K.Model(t, L.add([block(h), h]))


def frozen():
    import keras as K

    L = K.layers
    inner = K.Sequential([K.Input((4,)), L.Dense(4, trainable=False), L.BatchNormalization(), L.Dense(4)], name="inner")
    return K.Sequential([K.Input((4,)), inner, L.BatchNormalization(trainable=False), L.Dense(3)])


def shared():
    import keras as K

    L = K.layers
    t = K.Input((5, 4))
    dense = L.Dense(4, activation="tanh")
    h = L.Masking()(dense(dense(t)))
    seq, last, carry = L.LSTM(4, return_sequences=True, return_state=True)(h)
    return K.Model(t, [L.LSTM(4)(seq, initial_state=[last, carry]), L.Multiply()([last, carry])])


def convnext():
    import keras as K

    from keras.src.applications.convnext import ConvNeXt

    return ConvNeXt(depths=[1, 1, 1, 1], projection_dims=[4, 6, 8, 10], drop_path_rate=0.1, include_top=True, weights=None,
                    classes=5, input_shape=(32, 32, 3), model_name="tiny_convnext")
