"""Operation nodes of Functional models: operators, slices and keras.ops calls; and what tf-keras writes for the same."""
import keras
import tensorflow as tf
from keras import ops
from keras.src.ops import nn, numpy

from .common import fixed, integers, normal, sequence, uniform


def goldens(s):
    operators(s)
    indexing(s)
    shapes(s)
    elementwise(s)
    reductions(s)
    products(s)
    choices(s)
    networks(s)
    rarer(s)
    activations(s)
    masks(s)
    keras2(s)


def operators(s):
    x, y = normal(2, 3, 4), normal(2, 3, 4)
    s.op("add", lambda a, b: a + b, x, y)
    s.op("add_scalar", lambda a: a + 1.5, x)
    s.op("radd_scalar", lambda a: 1.5 + a, x)
    s.op("subtract", lambda a, b: a - b, x, y)
    s.op("subtract_scalar", lambda a: a - 0.5, x)
    s.op("rsubtract_scalar", lambda a: 1 - a, x)
    s.op("multiply", lambda a, b: a * b, x, y)
    s.op("multiply_scalar", lambda a: 2 * a, x)
    s.op("divide", lambda a, b: a / b, x, uniform(2, 3, 4, low=0.5, high=2))
    s.op("divide_scalar", lambda a: a / 127.5, x)
    s.op("rdivide_scalar", lambda a: 1 / a, uniform(2, 3, low=0.5, high=2))
    s.op("negative", lambda a: -a, x)
    s.op("power", lambda a: a**2, x)
    s.op("power_half", lambda a: a**0.5, uniform(2, 3, low=0.3, high=2))
    s.op("power_tensor", lambda a, b: ops.power(a, b), uniform(2, 3, low=0.3, high=2), normal(2, 3))
    s.op("floor_divide", lambda a: a // 2, fixed([[3.5, -3.5, 7.0, -0.1, 5.9]]), trains=False)
    s.op("mod", lambda a: a % 3, fixed([[3.5, -3.5, 7.0, -0.1, 5.9]]), trains=False)
    s.op("abs_operator", lambda a: abs(a), x)
    s.op("broadcast", lambda a, b: a * b + b, x, normal(2, 1, 4))
    s.op("broadcast_ranks", lambda a, b: ops.subtract(a, b), normal(2, 3, 4), normal(3, 4))
    s.op("matmul_operator", lambda a, b: a @ b, x, normal(2, 4, 5))
    for name, f in (("less", lambda a, b: a < b), ("less_equal", lambda a, b: a <= b), ("greater", lambda a, b: a > b),
                    ("greater_equal", lambda a, b: a >= b), ("equal", ops.equal), ("not_equal", ops.not_equal)):
        s.op(name, f, integers(3, 4, high=3), integers(3, 4, high=3))
    s.op("greater_scalar", lambda a: a > 0.1, x)
    s.op("logical_and", lambda a: ops.logical_and(a > 0, a < 1), x)
    s.op("logical_or", lambda a: ops.logical_or(a > 1, a < -1), x)
    s.op("logical_not", lambda a: ops.logical_not(a > 0), x)
    s.op("logical_xor", lambda a, b: ops.logical_xor(a > 0, b > 0), x, y)
    s.op("constant", lambda a: a * ops.convert_to_tensor([0.5, -1.0, 2.0, 3.0]), x)
    s.op("residual", lambda a: a + ops.tanh(a * 0.5) * (1 - a), x)


def indexing(s):
    x = normal(2, 5, 6)
    s.op("getitem_slice", lambda a: a[:, 1:3], x)
    s.op("getitem_last", lambda a: a[:, -1], x)
    s.op("getitem_column", lambda a: a[:, :, 0], x)
    s.op("getitem_step", lambda a: a[:, ::2, 1:-1], x)
    s.op("getitem_reverse", lambda a: a[:, ::-1], x)
    s.op("getitem_newaxis", lambda a: a[:, None, 2], x)
    s.op("getitem_ellipsis", lambda a: a[..., 2:4], x)
    s.op("getitem_unknown_time", lambda a: a[:, -2:], x.declare(None, 6))
    s.op("take", lambda a: ops.take(a, [3, 0, 0], axis=1), x)
    s.op("take_along_axis", lambda a, i: ops.take_along_axis(a, i, axis=1), normal(2, 5), integers(2, 3, high=5))
    s.op("flip", lambda a: ops.flip(a, axis=1), x)
    s.op("roll", lambda a: ops.roll(a, 2, axis=1), x)
    s.op("slice", lambda a: ops.slice(a, (0, 1, 2), (2, 3, 2)), x.fixed())


def shapes(s):
    x, image = normal(2, 3, 4), normal(2, 3, 4, 5)
    s.op("reshape", lambda a: ops.reshape(a, (-1, 2, 6)), x)
    s.op("transpose", lambda a: ops.transpose(a, (0, 3, 1, 2)), image)
    s.op("moveaxis", lambda a: ops.moveaxis(a, 1, -1), image)
    s.op("swapaxes", lambda a: ops.swapaxes(a, 1, 2), image)
    s.op("squeeze", lambda a: ops.squeeze(a, axis=2), normal(2, 3, 1, 4))
    s.op("expand_dims", lambda a: ops.expand_dims(a, axis=2), x)
    s.op("expand_dims_last", lambda a: ops.expand_dims(a, -1), x)
    s.op("concatenate", lambda a, b: ops.concatenate([a, b], axis=1), x, normal(2, 2, 4))
    s.op("stack", lambda a, b: ops.stack([a, b], axis=1), x, normal(2, 3, 4))
    s.op("split", lambda a: ops.split(a, 2, axis=2), x)
    s.op("split_at", lambda a: ops.split(a, [1, 3], axis=-1), x)
    s.op("unstack", lambda a: ops.unstack(a, axis=1), x)
    s.op("pad", lambda a: ops.pad(a, ((0, 0), (1, 2), (0, 1))), x)
    s.op("pad_reflect", lambda a: ops.pad(a, ((0, 0), (1, 1), (2, 0)), mode="reflect"), x)
    s.op("tile", lambda a: ops.tile(a, (1, 2, 3)), x)
    s.op("repeat", lambda a: ops.repeat(a, 2, axis=1), x)
    s.op("broadcast_to", lambda a: ops.broadcast_to(a, (2, 3, 4)), normal(2, 1, 4).fixed())
    s.op("ravel", lambda a: ops.ravel(a), x)
    s.op("cast_int", lambda a: ops.cast(a, "int32"), normal(2, 3, scale=3))
    s.op("cast_float", lambda a: ops.cast(a, "float32") * 0.5, integers(2, 3))
    s.op("zeros_like", lambda a: ops.zeros_like(a) + 1.0, x)
    s.op("ones_like", lambda a: ops.ones_like(a) * a, x)


def elementwise(s):
    x, positive = normal(2, 7, scale=1.5), uniform(2, 7, low=0.2, high=3)
    for name in """exp expm1 sin cos tanh sinh cosh arctan abs absolute square sigmoid relu relu6 silu softplus softsign elu selu gelu
                   leaky_relu hard_sigmoid hard_silu log_sigmoid softmax log_softmax celu erf mish""".split():
        f = getattr(ops, name, None)
        if f is not None:
            s.op(name, f, x)
    for name in "log log2 log10 log1p sqrt rsqrt reciprocal".split():
        s.op(name, getattr(ops, name), positive)
    for name in "floor ceil round sign trunc".split():
        s.op(name, getattr(ops, name), fixed([[-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5, 1.2, -1.7]]), trains=False)
    s.op("isnan", lambda a: ops.isnan(a), fixed([[1.0, float("inf")]]), trains=False)
    s.op("maximum", ops.maximum, x, normal(2, 7))
    s.op("minimum", ops.minimum, x, normal(2, 7))
    s.op("maximum_scalar", lambda a: ops.maximum(a, 0.25), x)
    s.op("clip", lambda a: ops.clip(a, -0.5, 0.8), x)
    s.op("threshold", lambda a: ops.threshold(a, 0.3, -1.0), x)
    s.op("gelu_exact", lambda a: ops.gelu(a, approximate=False), x)
    s.op("leaky_relu_slope", lambda a: ops.leaky_relu(a, negative_slope=0.4), x)
    s.op("softmax_axis", lambda a: ops.softmax(a, axis=1), normal(2, 3, 4))
    s.op("arctan2", ops.arctan2, normal(2, 3), normal(2, 3))
    s.op("stop_gradient", lambda a: ops.stop_gradient(a) * a, x)


def reductions(s):
    x = normal(2, 3, 4)
    for name in "mean sum max min prod var std".split():
        f = getattr(ops, name)
        s.op(name, lambda a: f(a, axis=1), x)
        s.op(name + "_keepdims", lambda a: f(a, axis=-1, keepdims=True), x)
    s.op("mean_axes", lambda a: ops.mean(a, axis=(1, 2)), normal(2, 3, 4, 5))
    s.op("mean_all", lambda a: ops.mean(a), x)
    s.op("sum_unknown_time", lambda a: ops.sum(a, axis=1), x.declare(None, 4))
    s.op("logsumexp", lambda a: ops.logsumexp(a, axis=-1), x)
    s.op("argmax", lambda a: ops.argmax(a, axis=-1), normal(2, 3, 4))
    s.op("argmin", lambda a: ops.argmin(a, axis=1), normal(2, 3, 4))
    s.op("any", lambda a: ops.any(a > 1, axis=1), normal(2, 3, 4))
    s.op("all", lambda a: ops.all(a > -1, axis=-1, keepdims=True), normal(2, 3, 4))
    s.op("cumsum", lambda a: ops.cumsum(a, axis=1), normal(2, 3, 4))
    s.op("cumprod", lambda a: ops.cumprod(a, axis=1), normal(2, 3, 4))
    s.op("norm", lambda a: ops.norm(a, axis=-1), normal(2, 3, 4))
    s.op("normalize", lambda a: ops.normalize(a, axis=-1), normal(2, 3, 4))
    s.op("top_k", lambda a: ops.top_k(a, 2), normal(2, 5))
    s.op("sort", lambda a: ops.sort(a, axis=-1), normal(2, 5))
    s.op("argsort", lambda a: ops.argsort(a, axis=-1), normal(2, 5))


def products(s):
    s.op("matmul", ops.matmul, normal(2, 3, 4), normal(2, 4, 5))
    s.op("matmul_broadcast", ops.matmul, normal(2, 3, 4, 5), normal(2, 1, 5, 2))
    s.op("einsum", lambda a, b: ops.einsum("bqd,bkd->bqk", a, b), normal(2, 3, 4), normal(2, 5, 4))
    s.op("einsum_heads", lambda a, b: ops.einsum("bqhd,bkhd->bhqk", a, b), normal(2, 3, 2, 4), normal(2, 5, 2, 4))
    s.op("dot", lambda a: ops.dot(a, ops.convert_to_tensor([[0.5, -1.0], [2.0, 0.25], [1.0, 3.0]])), normal(2, 3))


def choices(s):
    s.op("where", lambda a, b: ops.where(a > 0, a, b), normal(2, 3, 4), normal(2, 3, 4))
    s.op("where_scalar", lambda a: ops.where(a > 0, a, 0.1), normal(2, 3, 4))
    s.op("one_hot", lambda a: ops.one_hot(a, 6), integers(3, 4, high=6))
    s.op("resize_bilinear", lambda a: ops.image.resize(a, (5, 7), interpolation="bilinear"), normal(2, 3, 4, 2))
    s.op("resize_nearest", lambda a: ops.image.resize(a, (5, 7), interpolation="nearest"), normal(2, 3, 4, 2))
    s.op("depth_to_space", lambda a: ops.depth_to_space(a, 2), normal(2, 2, 3, 8))
    s.op("space_to_depth", lambda a: ops.space_to_depth(a, 2), normal(2, 4, 6, 2))


def networks(s):
    image = normal(2, 6, 7, 3)
    s.op("max_pool", lambda a: ops.max_pool(a, 2, 2, padding="same"), image)
    s.op("average_pool", lambda a: ops.average_pool(a, 3, 2), image)
    s.op("relu_then_mean", lambda a: ops.mean(ops.relu(a), axis=(1, 2)), image)


def rarer(s):
    """The rest of what is registered: each operation is run by a golden."""
    x, image = normal(2, 7, scale=1.5), normal(2, 3, 4, 5)
    within = uniform(2, 7, low=-0.9, high=0.9)
    for name in "arcsin arccos arctanh erfinv".split():
        s.op(name, getattr(ops, name), within)
    for name in """arcsinh cbrt copy deg2rad rad2deg exp2 tan hard_tanh hard_shrink soft_shrink tanh_shrink squareplus sparse_plus
                   sparse_sigmoid sparsemax""".split():
        s.op(name, getattr(ops, name), x)
    s.op("abs_class", lambda a: numpy.Abs()(a), x)
    s.op("arccosh", ops.arccosh, uniform(2, 7, low=1.2, high=3))
    s.op("amax", lambda a: ops.amax(a, axis=1), image)
    s.op("amin", lambda a: ops.amin(a, axis=(1, 3), keepdims=True), image)
    s.op("divide_function", ops.divide, x, uniform(2, 7, low=0.5, high=2))
    s.op("divide_no_nan", ops.divide_no_nan, fixed([[1.0, -2.0, 0.0, 5.0]]), fixed([[2.0, 0.0, 0.0, -4.0]]), trains=False)
    s.op("full_like", lambda a: ops.full_like(a, 2.5) * a, x)
    s.op("glu", lambda a: ops.glu(a, axis=-1), normal(2, 3, 6))
    s.op("inner", ops.inner, normal(2, 4), normal(3, 4))
    s.op("tensordot", lambda a, b: ops.tensordot(a, b, axes=[[2], [0]]), normal(2, 3, 4), normal(4, 5))
    s.op("logaddexp", ops.logaddexp, x, normal(2, 7))
    s.op("isfinite", ops.isfinite, fixed([[1.0, float("inf"), float("-inf"), float("nan")]]), trains=False)
    s.op("isinf", ops.isinf, fixed([[1.0, float("inf"), float("-inf"), float("nan")]]), trains=False)
    s.op("layer_normalization", lambda a, g, b: nn.LayerNorm(axis=-1, epsilon=1e-3)(a, g, b), normal(2, 3, 4), normal(4), normal(4))
    s.op("rms_normalization", lambda a, g: nn.RMSNorm(axis=-1, epsilon=1e-6)(a, g), normal(2, 3, 4), normal(4))


def activations(s):
    """keras.activations called on tensors: some leave operations of their own module."""
    x = normal(2, 7, scale=2)
    for name in "relu log_softmax swish gelu softmax leaky_relu elu".split():
        s.op("activations_" + name, getattr(keras.activations, name), x)
    s.op("activations_relu_all", lambda a: keras.activations.relu(a, negative_slope=0.1, max_value=1.5, threshold=0.2), x)


def masks(s):
    """What the mask keywords of a file hang from: NotEqual, Any, LogicalOr nodes."""
    def computed(K):
        t = K.Input((5, 3))
        mask = ops.any(ops.not_equal(t, 0.0), axis=-1)
        return K.Model(t, K.layers.LSTM(4)(t, mask=mask))

    def attention_pool(K):
        t = K.Input((None, 3))
        h = K.layers.Masking(0.0)(t)
        h = K.layers.GRU(4, return_sequences=True)(h)
        weight = ops.softmax(K.layers.Dense(1)(h), axis=1)
        return K.Model(t, ops.sum(h * weight, axis=1))

    s.model("Operation", "mask_computed", computed, sequence([5, 3, 0], 3))
    s.model("Operation", "mask_then_operations", attention_pool, sequence([4, 2], 3).declare(None, 3))


def keras2(s):
    """tf-keras records the same as TFOpLambda and SlicingOpLambda nodes."""
    def op(name, f, *inputs):
        s.op("tf_" + name, f, *inputs, frameworks=("tf_keras",))

    x, y = normal(2, 3, 4), normal(2, 3, 4)
    op("add", lambda a, b: a + b, x, y)
    op("add_scalar", lambda a: a + 1.5, x)
    op("rsubtract_scalar", lambda a: 1 - a, x)
    op("multiply_scalar", lambda a: 2.0 * a, x)
    op("divide_scalar", lambda a: a / 127.5 - 1.0, x)
    op("power", lambda a: a**2, x)
    op("slice", lambda a: a[:, 1:3], x)
    op("slice_last", lambda a: a[:, -1, ::2], x)
    op("relu", tf.nn.relu, x)
    op("tanh", tf.math.tanh, x)
    op("softmax", tf.nn.softmax, x)
    op("reshape", lambda a: tf.reshape(a, (-1, 12)), x)
    op("transpose", lambda a: tf.transpose(a, (0, 2, 1)), x)
    op("reduce_mean", lambda a: tf.reduce_mean(a, axis=1), x)
    op("reduce_sum_keepdims", lambda a: tf.reduce_sum(a, axis=-1, keepdims=True), x)
    op("concat", lambda a, b: tf.concat([a, b], axis=-1), x, y)
    op("expand_dims", lambda a: tf.expand_dims(a, 1), x)
    op("squeeze", lambda a: tf.squeeze(a, axis=1), normal(2, 1, 4))
    op("matmul", lambda a, b: tf.matmul(a, b), x, normal(2, 4, 5))
    op("abs_difference", lambda a, b: tf.abs(a - b), x, y)
    op("clip", lambda a: tf.clip_by_value(a, -0.5, 0.5), x)
    op("l2_normalize", lambda a: tf.math.l2_normalize(a, axis=-1), x)
