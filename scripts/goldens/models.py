"""Whole models, with every layer's output: nested, shared, several inputs and outputs, masks carried through stacks."""
from keras import ops

from .common import integers, normal, sequence, uniform


def goldens(s):
    def add(name, build, *inputs, **options):
        s.model("Model", name, build, *inputs, layers=True, **options)

    image = normal(3, 8, 9, 2)
    ids = integers(3, 6, high=5).declare(None)
    add("mlp", mlp, normal(4, 6), k2=True)
    add("sequential_nested", sequential_nested, normal(3, 5), k2=True)
    add("nested", nested, image, k2=True)
    add("nested_twice", nested_twice, normal(3, 4), k2=True)
    add("shared_layer", shared_layer, normal(3, 4), k2=True)
    add("siamese", siamese, normal(3, 6), normal(3, 6))
    add("inputs_outputs", inputs_outputs, normal(3, 4), normal(3, 5, 2), k2=True)
    add("dictionaries", dictionaries, normal(3, 5), normal(3, 4))
    add("outputs_nested", outputs_nested, normal(3, 4))
    add("outputs_repeated", outputs_repeated, normal(3, 4))
    add("inner_and_final", inner_and_final, normal(3, 4), k2=True)
    add("cnn", cnn, uniform(2, 10, 12, 1, high=255), k2=True)
    add("residual_cnn", residual_cnn, image, k2=True)
    add("inverted_residual", inverted_residual, image, k2=True)
    add("squeeze_excite", squeeze_excite, image)
    add("separable", separable, image)
    add("dense_block", dense_block, image)
    add("unet", unet, normal(2, 8, 4, 2))
    add("lstm_stack", lstm_stack, ids, k2=True)
    add("text_cnn", text_cnn, integers(3, 7, high=9), k2=True)
    add("bidirectional_stack", bidirectional_stack, ids, k2=True)
    add("tagger", tagger, sequence([5, 3, 1], 3).declare(None, 3), k2=True)
    add("video", video, normal(2, 3, 6, 5, 2), k2=True)
    add("feature_mix", feature_mix, integers(3, 2, high=6), normal(3, 4), k2=True)
    add("mixer", mixer, normal(2, 4, 6))
    add("attention_by_hand", attention_by_hand, normal(2, 4, 6))
    add("masked_outputs", masked_outputs, ids)
    add("identity", identity, normal(2, 3))
    add("frozen_tower", frozen_tower, image)
    add("inputs_by_name", inputs_by_name, normal(3, 5, 4))


def mlp(K):
    L = K.layers
    return K.Sequential([
        K.Input((6,)), L.Dense(9, activation="relu"), L.Dense(7), L.BatchNormalization(), L.Activation("relu"), L.Dropout(0.5),
        L.Dense(5, activation="tanh", use_bias=False), L.BatchNormalization(scale=False), L.Dense(4, name="logits"),
        L.Softmax()], name="mlp")


def sequential_nested(K):
    L = K.layers
    encoder = K.Sequential([K.Input((5,)), L.Dense(4, activation="relu"), L.Dense(3)], name="encoder")
    decoder = K.Sequential([K.Input((3,)), L.Dense(4, activation="relu"), L.Dense(5)], name="decoder")
    return K.Sequential([K.Input((5,)), encoder, L.LayerNormalization(), decoder], name="autoencoder")


def nested(K):
    """A Sequential inside a Functional inside a Functional, weights of each in order."""
    L = K.layers
    stem = K.Sequential([K.Input((8, 9, 2)), L.Conv2D(3, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling2D(2)], name="stem")
    t = K.Input((3, 3, 3))
    h = L.Conv2D(3, 3, padding="same")(t)
    block = K.Model(t, L.ReLU()(L.Add()([t, h])), name="block")
    t = K.Input((8, 9, 2))
    features = K.Model(t, block(stem(t)), name="features")
    t = K.Input((8, 9, 2), name="image")
    h = L.GlobalAveragePooling2D()(features(t))
    return K.Model(t, L.Dense(4, activation="softmax")(h), name="classifier")


def nested_twice(K):
    """One inner model called twice, once on its own output."""
    L = K.layers
    t = K.Input((4,))
    inner = K.Model(t, L.Dense(4, activation="tanh")(L.Dense(6, activation="relu")(t)), name="step")
    t = K.Input((4,))
    h = inner(t)
    return K.Model(t, L.Add()([inner(h), h]))


def shared_layer(K):
    L = K.layers
    dense, norm = L.Dense(4, activation="tanh", name="shared"), L.BatchNormalization(name="norm")
    t = K.Input((4,))
    a = norm(dense(t))
    b = norm(dense(a))
    return K.Model(t, L.Concatenate()([a, b, dense(b)]))


def siamese(K):
    L = K.layers
    tower = K.Sequential([K.Input((6,)), L.Dense(5, activation="relu"), L.Dense(4)], name="tower")
    a, b = K.Input((6,), name="left"), K.Input((6,), name="right")
    d = ops.abs(tower(a) - tower(b))
    h = L.Concatenate()([d, d[:, 1:3], ops.multiply(d, 2.0)])
    return K.Model([a, b], L.Dense(1, activation="sigmoid")(h), name="siamese")


def inputs_outputs(K):
    L = K.layers
    a, b = K.Input((4,), name="table"), K.Input((5, 2), name="series")
    h = L.Concatenate()([L.Dense(3, activation="relu")(a), L.GRU(4)(b)])
    return K.Model([a, b], [L.Dense(2, activation="softmax", name="kind")(h), L.Dense(1, name="size")(h)], name="two_in_two_out")


def dictionaries(K):
    """Inputs and outputs by name, in an order that isn't the alphabet's."""
    L = K.layers
    b, a = K.Input((4,), name="b"), K.Input((5,), name="a")
    h = L.Concatenate()([L.Dense(3)(b), L.Dense(2)(a)])
    return K.Model({"a": a, "b": b}, {"z": L.Dense(2, name="first")(h), "y": L.Dense(3, name="second")(h)})


def outputs_nested(K):
    """A dict inside a list, flattened by sorted keys."""
    L = K.layers
    t = K.Input((4,))
    h = L.Dense(3, name="h")(t)
    return K.Model(t, [{"b": h, "a": L.Dense(2)(h)}, [L.Dense(5)(h)]])


def outputs_repeated(K):
    """Three outputs of one layer, whose numbered name is another's."""
    L = K.layers
    t = K.Input((4,))
    d = L.Dense(4, name="d")
    x = d(t)
    y = d(x)
    return K.Model(t, [x, y, L.Dense(2, name="d_1")(t), d(y)])


def inner_and_final(K):
    """Outputs that are another output's input, and the same tensor twice."""
    L = K.layers
    t = K.Input((4,))
    h = L.Dense(5, activation="relu")(t)
    y = L.Dense(3)(h)
    return K.Model(t, [y, h, L.Softmax()(y)])


def inputs_by_name(K):
    L, x = K.layers, K.Input((5, 4))
    h = L.Dense(3)(inputs=L.Bidirectional(L.LSTM(2, return_sequences=True))(sequences=x))
    return K.Model(x, L.GRU(3)(sequences=h))


def cnn(K):
    L = K.layers
    return K.Sequential([
        K.Input((10, 12, 1)), L.Rescaling(1 / 255), L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(2), L.Conv2D(5, 3, padding="same"),
        L.BatchNormalization(), L.ReLU(), L.MaxPooling2D(2), L.Flatten(), L.Dropout(0.25), L.Dense(6, activation="relu"),
        L.Dense(4, activation="softmax")], name="cnn")


def residual_cnn(K):
    """Two ResNet blocks: one with a projection and a stride, one without."""
    L = K.layers

    def block(x, filters, stride):
        shortcut = x
        if stride > 1:
            shortcut = L.BatchNormalization()(L.Conv2D(filters, 1, strides=stride)(x))
        h = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)))
        h = L.BatchNormalization()(L.Conv2D(filters, 3, padding="same")(h))
        return L.Activation("relu")(L.Add()([shortcut, h]))

    t = K.Input((8, 9, 2))
    h = L.ZeroPadding2D(1)(t)
    h = L.Conv2D(4, 3, strides=1)(h)
    h = block(block(h, 4, 1), 6, 2)
    return K.Model(t, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(h)), name="residual")


def inverted_residual(K):
    """MobileNetV2's: expand, pad, depthwise with a stride, project; then one with a shortcut."""
    L = K.layers

    def block(x, filters, stride):
        h = L.ReLU(6.0)(L.BatchNormalization(epsilon=1e-3, momentum=0.999)(L.Conv2D(7, 1, use_bias=False)(x)))
        if stride == 2:
            h = L.ZeroPadding2D(((0, 1), (1, 1)))(h)
        h = L.DepthwiseConv2D(3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid")(h)
        h = L.ReLU(6.0)(L.BatchNormalization()(h))
        h = L.BatchNormalization()(L.Conv2D(filters, 1, use_bias=False)(h))
        return L.Add()([x, h]) if stride == 1 else h

    t = K.Input((8, 9, 2))
    return K.Model(t, L.Dense(3)(L.GlobalAveragePooling2D()(block(block(t, 4, 2), 4, 1))), name="inverted")


def squeeze_excite(K):
    """EfficientNet's: swish, and channels scaled by what is seen of the whole image."""
    L = K.layers
    t = K.Input((8, 9, 2))
    h = L.Conv2D(6, 3, padding="same", activation="swish")(t)
    w = L.Reshape((1, 1, 6))(L.GlobalAveragePooling2D()(h))
    w = L.Conv2D(6, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="swish")(w))
    return K.Model(t, L.GlobalMaxPooling2D()(L.Multiply()([h, w])))


def separable(K):
    L = K.layers
    t = K.Input((8, 9, 2))
    h = L.Activation("relu")(L.BatchNormalization()(L.SeparableConv2D(5, 3, padding="same", use_bias=False)(t)))
    h = L.MaxPooling2D(3, strides=2, padding="same")(h)
    shortcut = L.BatchNormalization()(L.Conv2D(5, 1, strides=2, padding="same", use_bias=False)(t))
    return K.Model(t, L.GlobalAveragePooling2D()(L.Add()([h, shortcut])))


def dense_block(K):
    """DenseNet's: BatchNormalization before the convolution, outputs concatenated to inputs."""
    L = K.layers
    t = h = K.Input((8, 9, 2))
    for _ in range(2):
        g = L.Conv2D(3, 3, padding="same", use_bias=False)(L.Activation("relu")(L.BatchNormalization(epsilon=1.001e-5)(h)))
        h = L.Concatenate()([h, g])
    h = L.AveragePooling2D(2, strides=2)(L.Conv2D(4, 1, use_bias=False)(L.Activation("relu")(L.BatchNormalization()(h))))
    return K.Model(t, L.Flatten()(h))


def unet(K):
    L = K.layers
    t = K.Input((8, 4, 2))
    a = L.Conv2D(3, 3, padding="same", activation="relu")(t)
    b = L.Conv2D(4, 3, padding="same", activation="relu")(L.MaxPooling2D(2)(a))
    up = L.UpSampling2D(2, interpolation="bilinear")(b)
    h = L.Conv2D(3, 3, padding="same", activation="relu")(L.Concatenate()([a, up]))
    return K.Model(t, L.Conv2D(1, 1, activation="sigmoid")(h))


def lstm_stack(K):
    L = K.layers
    t = K.Input((None,), dtype="int32")
    h = L.Embedding(8, 5, mask_zero=True)(t)
    h = L.LSTM(4, return_sequences=True)(h)
    h = L.Dropout(0.2)(h)
    h = L.LSTM(3, return_sequences=True)(h)
    h = L.GRU(4)(h)
    return K.Model(t, L.Dense(2, activation="softmax")(h), name="lstm_stack")


def text_cnn(K):
    L = K.layers
    t = K.Input((7,), dtype="int32")
    h = L.Embedding(9, 4)(t)
    branches = [L.GlobalMaxPooling1D()(L.Conv1D(3, k, activation="relu")(h)) for k in (2, 3, 4)]
    return K.Model(t, L.Dense(1, activation="sigmoid")(L.Concatenate()(branches)))


def bidirectional_stack(K):
    L = K.layers
    return K.Sequential([
        K.Input((None,), dtype="int32"), L.Embedding(6, 4, mask_zero=True), L.Bidirectional(L.LSTM(3, return_sequences=True)),
        L.Bidirectional(L.GRU(2), merge_mode="sum"), L.Dense(3)])


def tagger(K):
    """One answer a step: the mask goes through to the output."""
    L = K.layers
    t = K.Input((None, 3))
    h = L.Masking(0.0)(t)
    h = L.Bidirectional(L.GRU(4, return_sequences=True))(h)
    h = L.LayerNormalization()(h)
    return K.Model(t, L.TimeDistributed(L.Dense(3, activation="softmax"))(h))


def video(K):
    L = K.layers
    return K.Sequential([
        K.Input((3, 6, 5, 2)), L.TimeDistributed(L.Conv2D(3, 3, activation="relu")), L.TimeDistributed(L.MaxPooling2D(2)),
        L.TimeDistributed(L.Flatten()), L.LSTM(4), L.Dense(2)])


def feature_mix(K):
    """Categories through an embedding, numbers through Normalization: a table's model."""
    L = K.layers
    a, b = K.Input((2,), dtype="int32", name="categories"), K.Input((4,), name="numbers")
    e = L.Flatten()(L.Embedding(6, 3)(a))
    n = L.Normalization(mean=[0.5, -1.0, 0.0, 2.0], variance=[1.0, 4.0, 0.5, 2.0])(b)
    return K.Model([a, b], L.Dense(1)(L.Dense(5, activation="selu")(L.Concatenate()([e, n]))))


def mixer(K):
    L = K.layers
    t = K.Input((4, 6))
    h = L.Permute((2, 1))(L.LayerNormalization()(t))
    h = L.Add()([t, L.Permute((2, 1))(L.Dense(4, activation="gelu")(h))])
    return K.Model(t, L.GlobalAveragePooling1D()(L.Dense(5, activation="gelu")(L.LayerNormalization()(h))))


def attention_by_hand(K):
    """Attention said in operation nodes."""
    L = K.layers
    t = K.Input((4, 6))
    q, k, v = (L.Dense(6, name=n)(t) for n in ("query", "key", "value"))
    weights = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))) / 6**0.5, axis=-1)
    return K.Model(t, L.LayerNormalization()(t + ops.matmul(weights, v)))


def masked_outputs(K):
    """A sequence with its mask and its last state, merged with another masked branch."""
    L = K.layers
    t = K.Input((None,), dtype="int32")
    e = L.Embedding(7, 4, mask_zero=True)(t)
    seq, state = L.GRU(4, return_sequences=True, return_state=True)(e)
    return K.Model(t, [L.Add()([seq, e]), state, L.GlobalAveragePooling1D()(seq)])


def identity(K):
    t = K.Input((3,))
    return K.Model(t, K.layers.Identity()(t))


def frozen_tower(K):
    """Fine-tuning: a frozen convolutional base, whose BatchNormalization infers, below a head that trains."""
    L = K.layers
    base = K.Sequential([K.Input((8, 9, 2)), L.Conv2D(3, 3), L.BatchNormalization(), L.ReLU()], name="base")
    base.trainable = False
    t = K.Input((8, 9, 2))
    return K.Model(t, L.Dense(2)(L.GlobalAveragePooling2D()(base(t))))
