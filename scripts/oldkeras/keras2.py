"""Keras 2.0 and 2.2: Sequential as a bare list or without its input, and hard_sigmoid in every recurrence."""
import numpy as np


def models(s):
    from keras import layers as L
    from keras.models import Model, Sequential

    def stack(*layers):
        def build():
            m = Sequential()
            for layer in layers:
                m.add(layer())
            return m

        return build

    rows, image, ids = (3, 5, 4), (2, 6, 7, 2), np.array([[1, 4, 2, 0, 0], [3, 3, 1, 2, 4]], "int32")
    s.add("cnn", stack(lambda: L.Conv2D(3, (2, 3), padding="same", strides=(1, 2), input_shape=image[1:]), lambda: L.BatchNormalization(),
                       lambda: L.Activation("relu"), lambda: L.MaxPooling2D(), lambda: L.Conv2DTranspose(2, 3, strides=2), lambda: L.SeparableConv2D(3, 2),
                       lambda: L.LeakyReLU(0.1), lambda: L.Flatten(), lambda: L.Dropout(0.3), lambda: L.Dense(3, activation="softmax")), image, compiled=True)
    s.add("recurrent", stack(lambda: L.Embedding(6, 4, mask_zero=True, input_length=5), lambda: L.LSTM(5, return_sequences=True, implementation=1),
                             lambda: L.Bidirectional(L.GRU(3, return_sequences=True)), lambda: L.TimeDistributed(L.Dense(4)), lambda: L.SimpleRNN(3)), ids)
    s.add("convlstm", stack(lambda: L.ConvLSTM2D(3, 2, padding="same", input_shape=(3, 4, 5, 2), data_format="channels_last")), (2, 3, 4, 5, 2))
    s.add("local1d", stack(lambda: L.LocallyConnected1D(3, 2, input_shape=(5, 4), strides=2, use_bias=False)), rows)
    s.add("local2d", stack(lambda: L.LocallyConnected2D(3, (2, 3), input_shape=image[1:], activation="tanh")), image)
    s.add("activations", stack(lambda: L.Dense(6, input_shape=(4,), activation="hard_sigmoid"), lambda: L.PReLU(), lambda: L.Dense(5, activation="elu"),
                               lambda: L.ThresholdedReLU(0.2), lambda: L.Dense(4, activation="softsign"), lambda: L.ELU(0.5)), (3, 4))

    def nested():
        inner = Sequential(name="inner")
        inner.add(L.Dense(5, input_shape=(4,)))
        inner.add(L.BatchNormalization())
        inner.add(L.Dense(4))
        t = L.Input(shape=(4,))
        h = inner(t)
        return Model(t, L.add([inner(h), h, t]))

    s.add("nested", nested, (3, 4))

    def functional():
        a, b = L.Input(shape=(5, 4), name="rows"), L.Input(shape=(3,), name="flat")
        h = L.LSTM(4)(a)
        h = L.concatenate([h, L.Dense(4)(b)])
        d = L.dot([L.Dense(3)(h), b], axes=1, normalize=True)
        return Model([a, b], [L.Dense(2)(h), d])

    s.add("functional", functional, rows, (3, 3))
    s.add("json", stack(lambda: L.Dense(5, input_shape=(4,)), lambda: L.Activation("relu")), (3, 4), kind="json")
