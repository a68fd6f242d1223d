"""Keras 1: another vocabulary (nb_filter, border_mode, dim_ordering), Merge, and recurrent weights gate by gate."""
import h5py
import numpy as np


def models(s):
    import keras
    from keras import layers as L
    from keras.engine import merge
    from keras.models import Model, Sequential

    def stack(*layers):
        def build():
            m = Sequential()
            for layer in layers:
                m.add(layer())
            return m

        return build

    def branches(mode, *shapes, **kw):
        """A function of inputs, each through a Dense so that weights have an order, merged."""

        def build():
            ins = [L.Input(shape=shape) for shape in shapes]
            h = merge([L.Dense(4)(t) if len(t._keras_shape) == 2 else t for t in ins], mode=mode, **kw)
            return Model(ins, L.Activation("tanh")(h))

        return build

    rows, image, ids = (3, 5, 4), (2, 6, 7, 2), np.array([[1, 4, 2, 0, 0], [3, 3, 1, 2, 4]], "int32")
    planes = (2, 2, 6, 7)
    s.add("mlp", stack(lambda: L.Dense(5, activation="relu", input_dim=4, W_regularizer="l2"), lambda: L.Dropout(0.5), lambda: L.BatchNormalization(),
                       lambda: L.Dense(3, bias=False, activation="hard_sigmoid"), lambda: L.GaussianNoise(0.1), lambda: L.GaussianDropout(0.1),
                       lambda: L.ActivityRegularization(l1=0.1), lambda: L.Dense(4, activation="softmax")), (3, 4), compiled=True)
    s.add("cnn", stack(lambda: L.Convolution2D(3, 2, 3, border_mode="same", subsample=(1, 2), activation="relu", input_shape=image[1:]),
                       lambda: L.BatchNormalization(axis=-1), lambda: L.ZeroPadding2D((1, 2)), lambda: L.MaxPooling2D((2, 2), strides=(1, 2)),
                       lambda: L.Cropping2D(((1, 0), (0, 1))), lambda: L.UpSampling2D((2, 1)), lambda: L.AveragePooling2D((2, 2), border_mode="same"),
                       lambda: L.SpatialDropout2D(0.2), lambda: L.Flatten(), lambda: L.Dense(3)), image)
    s.add("cnn_th", stack(lambda: L.Convolution2D(3, 2, 3, border_mode="same", activation="relu", input_shape=planes[1:], dim_ordering="th"),
                          lambda: L.BatchNormalization(axis=1), lambda: L.ZeroPadding2D((1, 2), dim_ordering="th"),
                          lambda: L.MaxPooling2D((2, 2), dim_ordering="th"), lambda: L.GlobalAveragePooling2D(dim_ordering="th"),
                          lambda: L.Dense(3)), planes)
    theano(s, "cnn_theano", "cnn_th", planes)
    s.add("atrous", stack(lambda: L.AtrousConvolution2D(3, 2, 2, atrous_rate=(2, 2), input_shape=image[1:]), lambda: L.Convolution2D(2, 1, 1),
                          lambda: L.GlobalMaxPooling2D()), image)
    s.add("separable", stack(lambda: L.SeparableConvolution2D(3, 2, 2, depth_multiplier=2, input_shape=image[1:]), lambda: L.Activation("relu")), image)
    s.add("deconvolution", stack(lambda: L.Deconvolution2D(3, 2, 3, output_shape=(None, 7, 9, 3), input_shape=image[1:]),
                                 lambda: L.Deconvolution2D(2, 3, 3, output_shape=(None, 14, 18, 2), subsample=(2, 2), border_mode="same")), image)
    s.add("deconvolution_wide", stack(lambda: L.Deconvolution2D(3, 3, 3, output_shape=(None, 14, 16, 3), subsample=(2, 2), input_shape=image[1:])), image)
    s.add("conv1d", stack(lambda: L.Convolution1D(3, 2, border_mode="same", input_dim=4, input_length=5), lambda: L.MaxPooling1D(2),
                          lambda: L.UpSampling1D(3), lambda: L.ZeroPadding1D(1), lambda: L.Cropping1D((1, 0)), lambda: L.AtrousConvolution1D(2, 2, atrous_rate=2),
                          lambda: L.AveragePooling1D(2, stride=1), lambda: L.GlobalMaxPooling1D()), rows)
    s.add("conv3d", stack(lambda: L.Convolution3D(3, 2, 1, 2, subsample=(1, 2, 1), input_shape=(3, 4, 4, 2), dim_ordering="tf"),
                          lambda: L.MaxPooling3D((2, 1, 1), dim_ordering="tf"), lambda: L.GlobalAveragePooling3D(dim_ordering="tf")), (2, 3, 4, 4, 2))
    s.add("lstm", stack(lambda: L.Embedding(6, 4, mask_zero=True, input_length=5), lambda: L.LSTM(5, return_sequences=True, inner_activation="sigmoid"),
                        lambda: L.LSTM(3, consume_less="mem"), lambda: L.Dense(2)), ids)
    s.add("lstm_gpu", stack(lambda: L.LSTM(4, consume_less="gpu", input_dim=4, input_length=5)), rows)
    s.add("gru", stack(lambda: L.GRU(5, return_sequences=True, input_shape=(5, 4)), lambda: L.GRU(3, consume_less="gpu", go_backwards=True),
                       lambda: L.RepeatVector(2), lambda: L.SimpleRNN(4, dropout_W=0.2, dropout_U=0.2)), rows)
    s.add("wrapped", stack(lambda: L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="sum", input_shape=(5, 4)),
                           lambda: L.TimeDistributed(L.Dense(4, activation="tanh")), lambda: L.Bidirectional(L.GRU(2))), rows)
    s.add("timedistributeddense", stack(lambda: L.TimeDistributedDense(3, input_dim=4, input_length=5), lambda: L.Permute((2, 1)),
                                        lambda: L.Reshape((5, 3))), rows)
    s.add("convlstm", stack(lambda: L.ConvLSTM2D(3, 2, 2, border_mode="same", input_shape=(3, 4, 5, 2), return_sequences=True, dim_ordering="tf"),
                            lambda: L.ConvLSTM2D(2, 1, 2, border_mode="valid", dim_ordering="tf")), (2, 3, 4, 5, 2))
    s.add("local1d", stack(lambda: L.LocallyConnected1D(3, 2, input_shape=(5, 4), subsample_length=2)), rows)
    s.add("local2d", stack(lambda: L.LocallyConnected2D(3, 2, 3, input_shape=image[1:], subsample=(2, 1), activation="relu")), image)
    s.add("advanced", stack(lambda: L.Dense(5, input_dim=4), lambda: L.LeakyReLU(0.2), lambda: L.Dense(4), lambda: L.PReLU(), lambda: L.Dense(4),
                            lambda: L.ELU(0.7), lambda: L.Dense(4), lambda: L.ThresholdedReLU(0.3)), (3, 4))
    s.add("highway", stack(lambda: L.Highway(activation="tanh", input_dim=4), lambda: L.MaxoutDense(3, nb_feature=2)), (3, 4))
    for mode in ("sum", "mul", "ave", "max", "concat"):
        s.add("merge_" + mode, branches(mode, (3,), (5,)), (2, 3), (2, 5))
    for mode in ("dot", "cos"):
        s.add("merge_" + mode, branches(mode, (3,), (5,)), (2, 3), (2, 5))
    s.add("merge_dot_axes", branches("dot", (3, 4), (5, 4), dot_axes=(2, 2)), (2, 3, 4), (2, 5, 4))
    s.add("merge_concat_axis", branches("concat", (3, 4), (2, 4), concat_axis=1), (2, 3, 4), (2, 2, 4))

    def towers():
        left, right = Sequential(), Sequential()
        left.add(L.Dense(4, input_dim=3))
        left.add(L.Activation("relu"))
        right.add(L.Dense(4, input_dim=5))
        m = Sequential()
        m.add(L.Merge([left, right], mode="concat"))
        m.add(L.Dense(2))
        return m

    s.add("merge_first", towers, (2, 3), (2, 5))

    def nested():
        inner = Sequential(name="inner")
        inner.add(L.LSTM(3, input_shape=(5, 4)))
        inner.add(L.BatchNormalization())
        inner.add(L.Dense(2))
        m = Sequential()
        m.add(inner)
        m.add(L.Dense(3))
        return m

    s.add("nested", nested, rows)

    def functional():
        t = L.Input(shape=(5, 4), name="rows")
        shared = L.Dense(4, activation="tanh", name="shared")
        a = L.TimeDistributed(shared)(t)
        h = merge([a, t], mode="sum", name="added")
        h = L.GRU(3, name="recurrent")(h)
        return Model(t, [L.Dense(2, name="one")(h), L.Dense(1, activation="sigmoid", name="two")(h)])

    s.add("functional", functional, rows)
    s.add("json", stack(lambda: L.Dense(5, input_dim=4), lambda: L.Activation("softplus")), (3, 4), kind="json")


def theano(s, name, of, shape):
    """The same file as the Theano backend would have written it: its convolutions turn kernels round."""
    if not s.wants(name):
        return
    raw = open(s.path(of, ".h5"), "rb").read()
    with open(s.path(name, ".h5"), "wb") as f:
        f.write(raw)
    with h5py.File(s.path(name, ".h5"), "r+") as f:
        f["model_weights"].attrs["backend"] = np.bytes_("theano")

        def turn(_, d):
            if isinstance(d, h5py.Dataset) and d.ndim == 4:
                d[...] = d[...][:, :, ::-1, ::-1]

        f.visititems(turn)
    known = np.load(s.path(of, ".npz"))
    s.arrays(name, [known["x_0"]], [known["y_0"]])
    print(s.stem(name))
