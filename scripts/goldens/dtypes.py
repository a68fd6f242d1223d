"""What isn't float32: policies of every float type, inputs and outputs of every type, layers of several in one model."""
from pathlib import Path

import keras
import numpy as np
import tf_keras

from .common import Spec, fixed, integers, normal, pack, randomize, run, seed_of, sequence, write_npz
from .files import write

# Of bfloat16, products and means are float32's, rounded once: the same whatever the order. One step of float16 is 2^-10.
TOLERANCES = {"float64": 1e-13, "mixed_bfloat16": 0, "bfloat16": 0, "mixed_float16": 2**-9, "float16": 2**-9}
WHY = {"float64": "float64 sums in another order", "mixed_bfloat16": "rounded where Keras rounds",
       "bfloat16": "rounded where Keras rounds", "mixed_float16": "two steps of float16", "float16": "two steps of float16"}

LAYERS = {
    "dense": (lambda L, p: L.Dense(6, dtype=p), normal(3, 7)),
    "dense_tanh": (lambda L, p: L.Dense(6, activation="tanh", dtype=p), normal(2, 3, 5)),
    "dense_softmax": (lambda L, p: L.Dense(6, activation="softmax", dtype=p), normal(3, 5)),
    "dense_gelu": (lambda L, p: L.Dense(6, activation="gelu", dtype=p), normal(3, 5)),
    "dense_integers": (lambda L, p: L.Dense(4, dtype=p), integers(3, 6, high=9)),
    "einsumdense": (lambda L, p: L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", dtype=p), normal(2, 3, 4)),
    "conv1d": (lambda L, p: L.Conv1D(5, 3, padding="causal", dilation_rate=2, dtype=p), normal(2, 7, 3)),
    "conv2d": (lambda L, p: L.Conv2D(4, 3, strides=2, padding="same", activation="relu", dtype=p), normal(2, 7, 6, 3)),
    "conv2d_groups": (lambda L, p: L.Conv2D(4, 3, groups=2, dtype=p), normal(1, 6, 5, 4)),
    "conv3d": (lambda L, p: L.Conv3D(3, 2, dtype=p), normal(1, 4, 4, 3, 2)),
    "depthwise": (lambda L, p: L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", dtype=p), normal(2, 5, 6, 3)),
    "separable": (lambda L, p: L.SeparableConv2D(4, 3, activation="silu", dtype=p), normal(2, 6, 5, 3)),
    "transpose1d": (lambda L, p: L.Conv1DTranspose(3, 3, strides=2, dtype=p), normal(2, 5, 4)),
    "transpose2d": (lambda L, p: L.Conv2DTranspose(3, 3, strides=2, padding="same", dtype=p), normal(2, 4, 5, 3)),
    "batchnorm": (lambda L, p: L.BatchNormalization(dtype=p), normal(2, 3, 4, 5)),
    "layernorm": (lambda L, p: L.LayerNormalization(dtype=p), normal(3, 4, 6)),
    "groupnorm": (lambda L, p: L.GroupNormalization(2, dtype=p), normal(2, 3, 4, 6)),
    "rmsnorm": (lambda L, p: L.RMSNormalization(dtype=p), normal(3, 8)),
    "unitnorm": (lambda L, p: L.UnitNormalization(dtype=p), normal(3, 8)),
    "maxpool2d": (lambda L, p: L.MaxPooling2D(2, padding="same", dtype=p), normal(2, 5, 6, 3)),
    "avgpool1d": (lambda L, p: L.AveragePooling1D(3, strides=1, padding="same", dtype=p), normal(2, 7, 3)),
    "avgpool2d": (lambda L, p: L.AveragePooling2D(2, dtype=p), normal(2, 5, 6, 3)),
    "globalavg": (lambda L, p: L.GlobalAveragePooling2D(dtype=p), normal(2, 5, 6, 3)),
    "globalmax": (lambda L, p: L.GlobalMaxPooling1D(dtype=p), normal(2, 5, 3)),
    "embedding": (lambda L, p: L.Embedding(9, 4, mask_zero=True, dtype=p), integers(2, 5, high=9)),
    "simplernn": (lambda L, p: L.SimpleRNN(4, dtype=p), normal(2, 5, 3)),
    "lstm": (lambda L, p: L.LSTM(4, return_sequences=True, return_state=True, dtype=p), normal(2, 5, 3)),
    "lstm_backwards": (lambda L, p: L.LSTM(3, go_backwards=True, unit_forget_bias=False, dtype=p), normal(2, 5, 3)),
    "gru": (lambda L, p: L.GRU(4, return_sequences=True, dtype=p), normal(2, 5, 3)),
    "gru_before": (lambda L, p: L.GRU(4, reset_after=False, dtype=p), normal(2, 5, 3)),
    "bidirectional": (lambda L, p: L.Bidirectional(L.LSTM(3, dtype=p), merge_mode="ave", dtype=p), normal(2, 5, 3)),
    "timedistributed": (lambda L, p: L.TimeDistributed(L.Dense(3, dtype=p), dtype=p), normal(2, 5, 3)),
    "relu6": (lambda L, p: L.ReLU(6, negative_slope=0.1, dtype=p), normal(3, 8, scale=4)),
    "leaky": (lambda L, p: L.LeakyReLU(0.3, dtype=p), normal(3, 8)),
    "prelu": (lambda L, p: L.PReLU(dtype=p), normal(3, 8)),
    "softmax": (lambda L, p: L.Softmax(dtype=p), normal(3, 8)),
    "rescaling": (lambda L, p: L.Rescaling(1 / 127.5, -1, dtype=p), normal(3, 8, scale=90)),
    "upsampling": (lambda L, p: L.UpSampling2D(2, dtype=p), normal(1, 3, 4, 2)),
    "flatten": (lambda L, p: L.Flatten(dtype=p), normal(2, 3, 4)),
    "dropout": (lambda L, p: L.Dropout(0.5, dtype=p), normal(2, 5)),
}
# Keras itself has some numbers of float64 models in float32 only: constants of gelu and of scaled scores, Eigen's rsqrt.
# Eigen adds a few bfloat16 (log_softmax, a sum) in bfloat16, and how many depends on the shape.
CHAINED = {"log_softmax": 2**-7, "unitnorm": 2**-7, "convnet": 1e-6, "nested": 1e-6}
# What takes integers; Keras itself refuses the rest.
INTEGERS = """dense dense_tanh dense_softmax dense_gelu dense_integers einsumdense batchnorm layernorm groupnorm rmsnorm maxpool2d
globalavg globalmax embedding simplernn lstm lstm_backwards gru gru_before bidirectional timedistributed leaky rescaling upsampling
flatten dropout""".split()
NARROW = {"gelu": 1e-8, "heads": 1e-7, "grouped": 1e-7, "relu6": 1e-8, "norm": 1e-6, "convnet": 1e-6, "nested": 1e-6}
ACTIVATIONS = """celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax
mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid squareplus tanh tanh_shrink""".split()


class Policy:
    """The suite for one policy: nothing trains, and tolerances follow from it."""

    def __init__(self, suite, policy):
        self.suite, self.policy = suite, policy

    def options(self, name):
        limit = TOLERANCES[self.policy]
        if self.policy == "float64":
            limit = max([limit, *(bound for part, bound in NARROW.items() if part in name)])
        if "bfloat16" in self.policy:
            limit = max([limit, *(bound for part, bound in CHAINED.items() if part in name)])
        return {"trains": False, "tolerance": limit, "why": WHY[self.policy]}

    def layer(self, name, make, *inputs):
        self.suite.layer("DTypes", f"{self.policy}_{name}", make, *inputs, **self.options(name))

    def model(self, name, build, *inputs):
        self.suite.model("DTypes", f"{self.policy}_{name}", build, *inputs, **self.options(name))


def goldens(suite):
    for policy in TOLERANCES:
        s = Policy(suite, policy)
        for name, (make, *inputs) in LAYERS.items():
            if policy == "bfloat16" and ("lstm" in name or "gru" in name or "rnn" in name or name == "bidirectional"):
                continue  # TensorFlow can't draw their orthogonal kernels
            s.layer(name, lambda L: make(L, policy), *inputs)
        for name in ACTIVATIONS:
            if policy in ("float64", "mixed_bfloat16", "mixed_float16"):
                s.layer(f"act_{name}", lambda L: L.Activation(name, dtype=policy), normal(3, 9, scale=2))
        attention(s, policy)
        models(s, policy)
    typed(suite)
    quantized(suite)
    adapted(suite)
    files(suite)


def attention(s, policy):
    def heads(**keys):
        def build(K):
            x, y = K.Input((5, 6)), K.Input((4, 6))
            return K.Model([x, y], K.layers.MultiHeadAttention(2, 3, dtype=policy)(x, y, **keys))
        return build

    s.model("heads", heads(), normal(2, 5, 6), normal(2, 4, 6))
    s.model("heads_causal", heads(use_causal_mask=True), normal(2, 5, 6), normal(2, 4, 6))
    s.model("heads_scores", heads(return_attention_scores=True), normal(2, 5, 6), normal(2, 4, 6))

    def grouped(K):
        x = K.Input((5, 6))
        return K.Model(x, K.layers.GroupQueryAttention(3, 4, 2, dtype=policy)(x, x))

    def plain(K):
        x, y = K.Input((5, 6)), K.Input((4, 6))
        return K.Model([x, y], K.layers.Attention(use_scale=True, dtype=policy)([x, y]))

    s.model("grouped", grouped, normal(2, 5, 6))
    s.model("attention", plain, normal(2, 5, 6), normal(2, 4, 6))


def models(s, policy):
    def conv(K):
        L, p = K.layers, policy
        x = K.Input((8, 8, 3))
        y = L.Conv2D(4, 3, padding="same", use_bias=False, dtype=p)(x)
        y = L.Activation("relu", dtype=p)(L.BatchNormalization(dtype=p)(y))
        z = L.Conv2D(4, 3, padding="same", dtype=p)(y)
        y = L.MaxPooling2D(dtype=p)(L.Add(dtype=p)([y, z]))
        y = L.GlobalAveragePooling2D(dtype=p)(y)
        return K.Model(x, L.Dense(3, activation="softmax", dtype="float32")(y))

    def merges(K):
        L, p = K.layers, policy
        x, y = K.Input((4,)), K.Input((4,))
        ms = [m(dtype=p)([x, y]) for m in (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)]
        return K.Model([x, y], L.Concatenate(dtype=p)(ms))

    def masked(K):
        L, p = K.layers, policy
        x = K.Input((5, 3))
        return K.Model(x, L.LSTM(4, return_sequences=True, dtype=p)(L.Masking(dtype=p)(x)))

    def nodes(K):
        ops, x = K.ops, K.Input((6,))
        y = K.layers.Dense(6, dtype=policy)(x)
        z = ops.exp(-ops.square(y)) * 2 + y / 3
        return K.Model(x, [z, ops.mean(z, axis=-1), ops.sum(y, axis=-1), ops.softmax(z)])

    def nested(K):
        L, p = K.layers, policy
        inner = K.Sequential([K.Input((5,)), L.Dense(4, activation="sigmoid", dtype=p)])
        x = K.Input((5,))
        return K.Model(x, L.Dense(2, dtype="float32")(inner(x)))

    s.model("convnet", conv, normal(2, 8, 8, 3))
    s.model("merges", merges, normal(3, 4), normal(3, 4))
    if policy != "bfloat16":
        s.model("masked", masked, sequence([5, 3], 3, 5))
    if policy in ("float64", "mixed_float16", "mixed_bfloat16"):
        def stateful(K):
            t = K.Input((4, 3), batch_size=2)
            return K.Model(t, K.layers.GRU(3, stateful=True, dtype=policy)(t))

        s.model("stateful", stateful, normal(2, 4, 3).fixed())
    s.model("nodes", nodes, normal(3, 6))
    s.model("nested", nested, normal(3, 5))


def typed(s):
    """Inputs of every dtype, and what layers and operations make of integers."""
    plain = {"trains": False}
    for dtype in ("float64", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool"):
        a = normal(3, 6, scale=3) if "float" in dtype else integers(3, 6, high=2 if dtype == "bool" else 100)
        draw = a.draw
        spec = Spec((3, 6), lambda rng: draw(rng).astype("float32" if dtype == "bfloat16" else dtype), dtype)

        def build(K):
            x = K.Input((6,), dtype=dtype)
            return K.Model(x, [K.layers.Dense(3)(x), K.layers.Flatten()(x), K.layers.Reshape((2, 3))(x)])

        s.model("DTypes", f"input_{dtype}", build, spec, **plain)

    def integer(K):
        L, x = K.layers, K.Input((6, 4), dtype="int32")
        return K.Model(x, [L.MaxPooling1D(2)(x), L.GlobalMaxPooling1D()(x), L.Add()([x, x]), L.ZeroPadding1D(1)(x), L.Permute((2, 1))(x),
                           L.Concatenate()([x, x]), L.RepeatVector(2)(L.Flatten()(x)), L.UpSampling1D(2)(x), L.Multiply()([x, x]),
                           L.Cropping1D(1)(x), L.GlobalAveragePooling1D()(x), L.Activation("relu")(x), L.Maximum()([x, x])])

    def arithmetic(K):
        ops, x = K.ops, K.Input((4,), dtype="int64")
        return K.Model(x, [x + 1, x * x, x // 3, x % 7, ops.sum(x, axis=-1), ops.max(x, axis=-1), -x, ops.abs(x), ops.maximum(x, 5),
                           ops.cumsum(x, axis=-1), ops.cast(x, "float64") / 3, ops.where(x > 3, x, 0)])

    for name in INTEGERS:
        make, *inputs = LAYERS[name]
        for dtype in ("int32",) if "norm" in name else ("uint8", "int32"):  # a negative float has no uint8
            draws = [Spec(i.shape, lambda rng, i=i: rng.integers(0, 9, i.shape).astype(dtype), dtype) for i in inputs]
            s.layer("DTypes", f"{dtype}_{name}", lambda L: make(L, None), *draws, **plain)

    big = fixed([[2**40 + 1, 3, 2**24 + 1, 7], [-5, 2**33 + 3, 11, 2**31]], "int64")
    s.model("DTypes", "integers", integer, integers(2, 6, 4, low=-50, high=50), **plain)
    s.model("DTypes", "int64_beyond_doubt", arithmetic, big, **plain)

    def ids(K):
        x = K.Input((3,), dtype="int64")
        return K.Model(x, K.layers.Embedding(40, 3)(x % 37))

    s.model("DTypes", "int64_ids", ids, fixed([[2**40 + 1, 3, 2**24 + 1]], "int64"), **plain)


def quantized(s):
    """Weights of int8 and int4, drawn before they are quantized."""
    def made(make, mode):
        def build(K):
            x, layer = make(K)
            net = K.Model(x, layer(x))
            rng = np.random.default_rng(5)
            for w in net.weights:
                w.assign(rng.normal(size=w.shape, scale=0.5))
            net.quantize(**mode)
            return net
        return build

    config = keras.quantizers
    modes = {
        "int8": {"mode": "int8"},
        "int8_weights": {"config": config.Int8QuantizationConfig(activation_quantizer=None)},
        "int4": {"config": config.Int4QuantizationConfig(block_size=-1)},
        "int4_blocks": {"config": config.Int4QuantizationConfig(block_size=4)},
    }
    makes = {
        "dense": (lambda K: (K.Input((10,)), K.layers.Dense(5, activation="relu")), normal(4, 10)),
        "dense_rank3": (lambda K: (K.Input((3, 7)), K.layers.Dense(6, use_bias=False)), normal(2, 3, 7)),
        "embedding": (lambda K: (K.Input((4,), dtype="int32"), K.layers.Embedding(9, 7, mask_zero=True)), integers(2, 4, high=9)),
    }
    einsums = {
        "einsum": (lambda K: (K.Input((3, 8)), K.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")), normal(2, 3, 8)),
        "einsum_out": (lambda K: (K.Input((3, 2, 4)), K.layers.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e")), normal(2, 3, 2, 4)),
        "einsum_turned": (lambda K: (K.Input((3, 4)), K.layers.EinsumDense("abc,cd->adb", (6, None))), normal(2, 3, 4)),
    }
    for mode, how in modes.items():
        for name, (make, *inputs) in {**makes, **(einsums if "int8" in mode else {})}.items():
            if mode == "int8_weights" and name == "embedding":
                continue
            s.model("Quantized", f"{mode}_{name}", made(make, how), *inputs, trains=False, draw=False)
    s.model("Quantized", "int8_dense_bfloat16", made(lambda K: (K.Input((6,)), K.layers.Dense(5, dtype="mixed_bfloat16")), modes["int8"]),
            normal(4, 6), trains=False, draw=False, tolerance=0)


def adapted(s):
    """Low-rank additions to kernels."""
    def made(make, alpha):
        def build(K):
            x, layer = make(K)
            net = K.Model(x, layer(x))
            layer.enable_lora(2, lora_alpha=alpha)
            return net
        return build

    s.model("LoRA", "dense", made(lambda K: (K.Input((6,)), K.layers.Dense(5)), 3), normal(4, 6))
    s.model("LoRA", "dense_plain", made(lambda K: (K.Input((3, 6)), K.layers.Dense(5, activation="tanh", use_bias=False)), None), normal(2, 3, 6))
    s.model("LoRA", "einsum", made(lambda K: (K.Input((3, 8)), K.layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")), 1),
            normal(2, 3, 8))
    s.model("LoRA", "embedding", made(lambda K: (K.Input((4,), dtype="int32"), K.layers.Embedding(9, 5)), 4), integers(2, 4, high=9))
    s.model("LoRA", "conv2d", made(lambda K: (K.Input((6, 5, 3)), K.layers.Conv2D(4, 3, strides=2)), 3), normal(2, 6, 5, 3))
    s.model("LoRA", "conv1d", made(lambda K: (K.Input((6, 3)), K.layers.Conv1D(4, 3)), None), normal(2, 6, 3))


def files(s):
    """Whole files of each policy, in testdata/models."""
    def images(policy):
        def build(K):
            L = K.layers
            return K.Sequential([
                K.Input((8, 8, 2)), L.Conv2D(4, 3, use_bias=False, dtype=policy), L.BatchNormalization(dtype=policy), L.ReLU(dtype=policy),
                L.MaxPooling2D(dtype=policy), L.Flatten(dtype=policy), L.Dense(5, activation="tanh", dtype=policy), L.Dense(3, dtype=policy)])
        return build

    def text(policy):
        def build(K):
            L = K.layers
            t = K.Input((6,), dtype="int32")
            h = L.Embedding(11, 4, mask_zero=True, dtype=policy)(t)
            return K.Model(t, L.Dense(2, activation="sigmoid", dtype="float32")(L.Bidirectional(L.LSTM(3, dtype=policy), dtype=policy)(h)))
        return build

    def small(mode):
        def build(K):
            L = K.layers
            t = K.Input((5,), dtype="int32")
            h = L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d", activation="relu")(L.Embedding(11, 8)(t))
            net = K.Model(t, L.Dense(3)(h))
            randomize(net, np.random.default_rng(3))
            net.quantize(mode, filters=None if mode == "int8" else "^(embedding|dense)$")
            return net
        return build

    def lora(K):
        L, layer = K.layers, K.layers.Dense(5, name="adapted")
        net = K.Sequential([K.Input((4,)), layer, L.Dense(2)])
        layer.enable_lora(2, lora_alpha=3)
        return net

    every, ids, image = ("keras", "h5", "weights.h5", "json"), integers(3, 6, high=11), normal(3, 8, 8, 2)
    for policy in TOLERANCES:
        limit = 1e-6 if policy == "float64" else TOLERANCES[policy]
        file(s, "dtypes_" + policy, images(policy), image, kinds=every, tolerance=limit)
        if "mixed" in policy:
            file(s, f"dtypes_{policy}_text", text(policy), ids, kinds=("keras", "h5"), tolerance=max(limit, 1e-6))
            file(s, f"dtypes_{policy}_k2", images(policy), image, K=tf_keras, kinds=("h5", "keras"), tolerance=max(limit, 2**-6))
    file(s, "dtypes_int8", small("int8"), integers(3, 5, high=11), kinds=every, draw=False)
    file(s, "dtypes_int4", small("int4"), integers(3, 5, high=11), kinds=("keras", "weights.h5", "json"), draw=False)
    file(s, "dtypes_lora", lora, normal(3, 4), kinds=("keras",), merged=True)
    file(s, "dtypes_lora_h5", lora, normal(3, 4), kinds=("h5",))


def file(s, name, build, spec, K=keras, kinds=(), tolerance=1e-5, draw=True, merged=False):
    """Like files.save; merged says that the file holds less than the model, which is what Keras then reads."""
    folder = Path("models")
    if not s.wants(folder / (name + ".npz")):
        return
    K.backend.clear_session()
    seed = seed_of("models", name)
    K.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)
    net = build(K)
    if draw:
        randomize(net, rng)
    out = s.root / folder
    out.mkdir(parents=True, exist_ok=True)
    made = []
    for kind in kinds:
        made.append(f"{name}.{kind}")
        write(net, K, out / made[-1], kind)
    if merged:
        net = K.models.load_model(out / made[0])
    framework = "keras" if K is keras else "tf_keras"
    meta, arrays = run(net, framework, [spec.draw(rng)], rng, False, True, False)
    meta.update(case=name, seed=seed, tolerance=tolerance, keras=K.__version__, framework=framework)
    meta["class"] = "File"
    write_npz(out / (name + ".npz"), {"meta": pack(meta), **arrays})
    for path in [name + ".npz", *made]:
        s.add(folder / path, case=f"models/{name}", keras=K.__version__, framework=framework, seed=seed, tolerance=tolerance,
              why="rounded where Keras rounds")
