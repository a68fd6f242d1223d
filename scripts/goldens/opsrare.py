"""The rarer operation nodes: bits, sets, matrices, statistics, signals, images, segments; see ops.py for those that most models use."""
import keras
import numpy as np
import tensorflow as tf
from keras import ops
from keras.src.ops import core, image, linalg, math, nn, numpy

from .common import fixed, integers, normal, uniform


def goldens(s):
    elements(s)
    pairs(s)
    matrices(s)
    parts(s)
    sliding(s)
    networks(s)
    statistics(s)
    nans(s)
    linear(s)
    segments(s)
    keras2(s)


ODD = fixed([[1.0, float("inf"), float("-inf"), float("nan"), -0.0, 0.0, -2.5, 3.0]])
WORDS = fixed([[3, -5, 12, 0, 7, -128], [100, 1, 2, -3, 6, 127]], "int32")
BYTES = fixed([[3, 5, 12, 0, 7, 128], [100, 1, 2, 250, 6, 255]], "uint8")


def elements(s):
    x = normal(2, 7, scale=1.5)
    for name in "conj conjugate real sinc i0 fabs erfc angle".split():
        f = getattr(ops, name, None) or (lambda a: math.Erfc()(a))
        s.op("rare_" + name, f, x)
    s.op("rare_angle_int", lambda a: ops.angle(a), WORDS)
    for name in "imag isreal isposinf isneginf signbit".split():
        s.op("rare_" + name, getattr(ops, name), ODD if name != "imag" else x, trains=False)
    s.op("rare_signbit_int", ops.signbit, WORDS)
    s.op("rare_isposinf_int", ops.isposinf, WORDS)
    s.op("rare_i0_int", lambda a: ops.i0(a / 50), WORDS)
    s.op("rare_fabs_int", ops.fabs, WORDS)
    s.op("rare_sinc_zero", ops.sinc, fixed([[0.0, 1.0, -0.5, 2.25]]), trains=False)
    s.op("rare_empty_like", lambda a: ops.empty_like(a), x, trains=False)
    s.op("rare_nan_to_num", lambda a: ops.clip(ops.nan_to_num(a), -1e30, 1e30), ODD, trains=False)
    s.op("rare_nan_to_num_values", lambda a: ops.nan_to_num(a, nan=1.5, posinf=9.0, neginf=-7.0), ODD, trains=False)
    s.op("rare_nan_to_num_int", lambda a: ops.nan_to_num(a), WORDS)
    s.op("rare_saturate_uint8", lambda a: ops.saturate_cast(a, "uint8"), normal(3, 5, scale=300))
    s.op("rare_saturate_int8", lambda a: ops.saturate_cast(a, "int8"), WORDS)
    s.op("rare_saturate_float16", lambda a: ops.clip(ops.cast(ops.saturate_cast(a * 1e5, "float16"), "float32"), -6e4, 6e4), fixed([[0.25, 1.0, -2.0, 0.5]]), trains=False)
    s.op("rare_convert", lambda a: core.ConvertToTensor(dtype="float32")(a) * 2.0, x)
    s.op("rare_convert_int", lambda a: core.ConvertToTensor(dtype="float32")(a) * 0.5, WORDS)
    s.op("rare_view", lambda a: ops.view(a), x, trains=False)
    s.op("rare_conj_class", lambda a: numpy.Conj()(a), x)
    s.op("rare_size", lambda a: ops.cast(numpy.Size()(a), "float32"), x.fixed())
    s.op("rare_bitwise_not", lambda a: ops.bitwise_not(a), WORDS)
    s.op("rare_bitwise_invert_bytes", lambda a: ops.bitwise_invert(a), BYTES)
    s.op("rare_bitwise_invert_int8", lambda a: ops.bitwise_invert(a), fixed([[1, -1, 127, -128]], "int8"))


def pairs(s):
    a = fixed([[3, -5, 12, 0, 7, -128], [100, 1, 2, -3, 6, 127]], "int32")
    b = fixed([[2, 6, -8, 4, 0, 12], [15, 1, 4, 9, -6, 3]], "int32")
    shifts = fixed([[0, 1, 2, 3, 4, 5], [1, 1, 2, 2, 3, 3]], "int32")
    for name in "bitwise_and bitwise_or bitwise_xor gcd lcm fmax fmin".split():
        s.op("rare_" + name, getattr(ops, name), a, b)
    for name in "bitwise_left_shift bitwise_right_shift left_shift right_shift".split():
        s.op("rare_" + name, getattr(ops, name), a, shifts)
    s.op("rare_bitwise_and_bytes", lambda x: ops.bitwise_and(x, ops.convert_to_tensor(np.array(15, "uint8"))), BYTES)
    s.op("rare_left_shift_bytes", lambda x: ops.left_shift(x, 2), BYTES)
    s.op("rare_right_shift_scalar", lambda x: ops.right_shift(x, 3), a)
    s.op("rare_gcd_broadcast", lambda x, y: ops.gcd(x, y), a, fixed([[4], [10]], "int32"))
    x, y = normal(2, 7, scale=3), normal(2, 7)
    for name in "hypot fmax fmin logaddexp2 fmod".split():
        s.op("rare_" + name + "_floats", getattr(ops, name), x, y)
    s.op("rare_fmod", ops.fmod, a, fixed([[2, 6, -8, 4, 3, 12], [15, 1, 4, 9, -6, 3]], "int32"))
    s.op("rare_fmax_nan", lambda p, q: ops.clip(ops.nan_to_num(ops.fmax(p, q)), -9e9, 9e9), ODD, fixed([[float("nan"), 1, 2, 3, 0, -0.0, 7, 3.0]]), trains=False)
    s.op("rare_hypot_int", ops.hypot, a, b)
    s.op("rare_heaviside", ops.heaviside, fixed([[-1.5, 0.0, 2.0, 0.0]]), fixed([[0.5, 0.25, 0.5, 1.0]]))
    s.op("rare_heaviside_int", ops.heaviside, a, b)
    s.op("rare_nextafter", ops.nextafter, x, y, trains=False)
    s.op("rare_ldexp", ops.ldexp, x, integers(2, 7, low=-3, high=5))
    s.op("rare_ldexp_odd", lambda q: ops.clip(ops.nan_to_num(ops.ldexp(q, 3)), -9e9, 9e9), ODD, trains=False)
    near = fixed([[1.0, 1.00001, 1.1, float("nan"), float("inf")]])
    s.op("rare_isclose", ops.isclose, near, fixed([[1.0, 1.0, 1.0, float("nan"), float("inf")]]), trains=False)
    s.op("rare_isclose_loose", lambda p, q: ops.isclose(p, q, rtol=0.2, atol=1e-3, equal_nan=True), near,
         fixed([[1.0, 1.0, 1.0, float("nan"), 3.0]]), trains=False)
    s.op("rare_isclose_int", ops.isclose, a, fixed([[3, -5, 11, 0, 7, -128], [100, 1, 2, 3, 6, 127]], "int32"))
    s.op("rare_allclose", lambda p, q: numpy.AllClose(rtol=1e-2, atol=1e-2)(p, q), x, x)
    s.op("rare_isin", lambda p: ops.isin(p, ops.convert_to_tensor([3, 100, 7])), a)
    s.op("rare_isin_invert", lambda p, q: ops.isin(p, q, invert=True), fixed([[1, 2, 7]], "int32"), fixed([[2, 9, 7]], "int32"))
    s.op("rare_select", lambda p, q: ops.select([p > 1, p < -1], [p, q * 2.0], default=0.5), x, y)
    s.op("rare_select_three", lambda p, q: ops.select([p > 1, p < -1, q > 0], [p, q * 2.0, p * q]), x, y)


def matrices(s):
    x, ints = normal(2, 4, 5), integers(2, 4, 4)
    for k in (-1, 0, 2):
        s.op(f"rare_tril{k}", lambda a: ops.tril(a, k=k), x)
        s.op(f"rare_triu{k}", lambda a: ops.triu(a, k=k), x)
        s.op(f"rare_diag_of{k}", lambda a: ops.diag(a, k=k), normal(4, 5).fixed())
        s.op(f"rare_diag{k}", lambda a: ops.diag(a, k=k), normal(3).fixed())
        s.op(f"rare_diagonal{k}", lambda a: ops.diagonal(a, offset=k, axis1=1, axis2=2), x)
        s.op(f"rare_trace{k}", lambda a: ops.trace(a, offset=k, axis1=-2, axis2=-1), x)
        s.op(f"rare_rot90_{k}", lambda a: ops.rot90(a, k=k, axes=(1, 2)), x)
    s.op("rare_tril_int", ops.tril, ints)
    s.op("rare_trace_int", lambda a: ops.trace(a, axis1=1, axis2=2), integers(2, 4, 4))
    s.op("rare_diagflat", lambda a: ops.diagflat(a, k=1), normal(2, 2).fixed())
    s.op("rare_rot90_3", lambda a: ops.rot90(a, k=3, axes=(2, 1)), x)
    s.op("rare_outer", ops.outer, normal(2, 3), normal(4))
    s.op("rare_outer_int", ops.outer, integers(3).fixed(), integers(4).fixed())
    s.op("rare_vdot", ops.vdot, normal(2, 3), normal(2, 3))
    s.op("rare_kron", ops.kron, normal(2, 3), normal(3, 2))
    s.op("rare_kron_ranks", ops.kron, normal(2, 2, 3).fixed(), normal(3, 2).fixed())
    s.op("rare_cross", ops.cross, normal(4, 3), normal(4, 3))
    s.op("rare_cross_axis", lambda a, b: ops.cross(a, b, axis=1), normal(4, 3, 2), normal(4, 3, 2))
    s.op("rare_cross_mixed", lambda a, b: ops.cross(a, b), normal(4, 2), normal(4, 3))
    s.op("rare_cross_flat", ops.cross, normal(4, 2), normal(4, 2))
    s.op("rare_vander", lambda a: ops.vander(a, 4), uniform(3, low=0.4, high=2))
    s.op("rare_vander_increasing", lambda a: ops.vander(a, 3, increasing=True), integers(3).fixed())
    s.op("rare_corrcoef", ops.corrcoef, normal(3, 8).fixed())
    for mode in ("valid", "same", "full"):
        s.op("rare_correlate_" + mode, lambda a, b: ops.correlate(a, b, mode=mode), normal(7).fixed(), normal(4).fixed())
    s.op("rare_correlate_int", lambda a, b: ops.correlate(a, b, mode="same"), integers(7).fixed(), integers(3).fixed())


def parts(s):
    x = normal(2, 4, 6)
    s.op("rare_hsplit", lambda a: numpy.Hsplit(2)(a), x)
    s.op("rare_hsplit_at", lambda a: numpy.Hsplit([1, 3])(a), x)
    s.op("rare_vsplit", lambda a: numpy.Vsplit(2)(a), x.fixed())
    s.op("rare_dsplit", lambda a: numpy.Dsplit(3)(a), x)
    s.op("rare_array_split", lambda a: ops.array_split(a, 4, axis=2), x)
    s.op("rare_array_split_one", lambda a: ops.array_split(a, 3, axis=1), x)
    s.op("rare_fliplr", ops.fliplr, x)
    s.op("rare_flipud", ops.flipud, x.fixed())
    y = normal(2, 4, 6)
    for name in ("hstack", "vstack", "dstack"):
        s.op("rare_" + name, lambda a, b: getattr(ops, name)([a, b]), x.fixed(), y.fixed())
        if name != "hstack":  # whose shape rule wants two axes
            s.op("rare_" + name + "_flat", lambda a, b: getattr(ops, name)([a, b]), normal(3).fixed(), normal(3).fixed())
    s.op("rare_append", lambda a, b: ops.append(a, b, axis=1), x, normal(2, 3, 6))
    s.op("rare_append_flat", ops.append, x, normal(2, 3))
    s.op("rare_diff", lambda a: ops.diff(a), x)
    s.op("rare_diff_twice", lambda a: ops.diff(a, n=2, axis=1), x)
    s.op("rare_diff_bool", lambda a: ops.diff(a > 0), normal(2, 7))
    s.op("rare_meshgrid", lambda a, b: ops.meshgrid(a, b), normal(3).fixed(), normal(4).fixed())
    s.op("rare_meshgrid_ij", lambda a, b: ops.meshgrid(a, b, indexing="ij"), integers(3).fixed(), integers(4).fixed())
    s.op("rare_meshgrid_three", lambda a, b, c: ops.meshgrid(a, b, c), normal(3).fixed(), normal(4).fixed(), normal(2).fixed())
    s.op("rare_full", lambda a: ops.full((3, 4), a), normal(4).fixed())
    s.op("rare_full_int", lambda a: numpy.Full(shape=(2, 3), dtype="float32")(a), integers(3).fixed())
    s.op("rare_unravel_index", lambda a: ops.unravel_index(a, (3, 4)), integers(5, high=12).fixed())
    s.op("rare_unravel_index_cube", lambda a: ops.unravel_index(a, (2, 3, 4)), integers(5, high=24).fixed())
    low, high = uniform(3, low=0.5, high=1), uniform(3, low=2, high=3)
    s.op("rare_linspace", lambda a, b: ops.linspace(a, b, 5), low, high)
    s.op("rare_linspace_axis", lambda a, b: ops.linspace(a, b, 4, endpoint=False, axis=-1), low, high)
    s.op("rare_linspace_int", lambda a: ops.linspace(a, 20, 7, dtype="int32"), integers(3))
    s.op("rare_logspace", lambda a, b: ops.logspace(a, b, 5), low, high)
    s.op("rare_logspace_base", lambda a, b: ops.logspace(a, b, 4, endpoint=False, base=2, axis=1), low, high)
    s.op("rare_geomspace", lambda a, b: ops.geomspace(a, b, 5), low, high)
    s.op("rare_geomspace_negative", lambda a, b: ops.geomspace(-a, -b, 4), low, high)


def sliding(s):
    image, signal = normal(2, 6, 7, 4), normal(2, 9, 3)

    def kernel(*shape):
        return ops.convert_to_tensor(np.random.default_rng(sum(shape)).normal(size=shape, scale=0.3).astype("float32"))

    s.op("rare_conv", lambda a: ops.conv(a, kernel(3, 3, 4, 5), strides=2, padding="same"), image)
    s.op("rare_conv_dilated", lambda a: ops.conv(a, kernel(3, 2, 4, 6), dilation_rate=2), image)
    s.op("rare_conv_1d", lambda a: ops.conv(a, kernel(3, 3, 2), strides=2), signal)
    s.op("rare_depthwise_conv", lambda a: ops.depthwise_conv(a, kernel(3, 3, 4, 2), padding="same"), image)
    s.op("rare_depthwise_conv_1d", lambda a: ops.depthwise_conv(a, kernel(3, 3, 1), strides=2), signal)
    s.op("rare_separable_conv", lambda a: ops.separable_conv(a, kernel(3, 3, 4, 2), kernel(1, 1, 8, 5)), image)
    s.op("rare_separable_conv_1d", lambda a: ops.separable_conv(a, kernel(3, 3, 1), kernel(1, 3, 4), padding="same"), signal)
    s.op("rare_adaptive_average", lambda a: ops.adaptive_average_pool(a, (2, 3)), image)
    s.op("rare_adaptive_max", lambda a: ops.adaptive_max_pool(a, (4,)), signal)
    s.op("rare_unfold", lambda a: ops.unfold(a, 2), normal(2, 3, 4, 5))
    s.op("rare_unfold_all", lambda a: ops.unfold(a, (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1)), normal(2, 3, 4, 5))
    s.op("rare_fold", lambda a: ops.fold(a, (4, 5), 2), normal(2, 12, 12))
    s.op("rare_fold_all", lambda a: ops.fold(a, (4, 5), (3, 2), dilation=(1, 2), padding=(1, 0), stride=(2, 1)), normal(2, 12, 6))
    s.op("rare_extract_patches", lambda a: ops.image.extract_patches(a, 3), image)
    s.op("rare_extract_patches_same", lambda a: ops.image.extract_patches(a, (2, 3), strides=(2, 1), padding="same"), image)
    s.op("rare_extract_patches_3d", lambda a: ops.image.extract_patches(a, (2, 2, 2)), normal(2, 4, 4, 5, 2))
    s.op("rare_extract_sequences", lambda a: ops.extract_sequences(a, 4, 2), normal(2, 11))
    s.op("rare_extract_sequences_channels", lambda a: ops.extract_sequences(a, 3, 4), normal(2, 3, 13))


def networks(s):
    x, ids = normal(2, 3, 4), integers(2, 3, high=4)
    for axis in (-1, 1):
        n = x.shape[axis]
        s.op(f"rare_batch_norm{axis}", lambda a, m, v, o, g: ops.batch_normalization(a, m, v, axis, o, g), x, normal(n).fixed(),
             uniform(n, low=0.5, high=2).fixed(), normal(n).fixed(), normal(n).fixed())
    s.op("rare_batch_norm_plain", lambda a, m, v: ops.batch_normalization(a, m, v, -1, epsilon=0.01), x, normal(4).fixed(), uniform(4).fixed())
    p = uniform(2, 3, 4, low=0.05, high=0.95)
    t = uniform(2, 3, 4)
    s.op("rare_binary_crossentropy", ops.binary_crossentropy, t, p)
    s.op("rare_binary_crossentropy_logits", lambda a, b: ops.binary_crossentropy(a, b, from_logits=True), t, x)
    s.op("rare_categorical", ops.categorical_crossentropy, t, p)
    s.op("rare_categorical_logits", lambda a, b: ops.categorical_crossentropy(a, b, from_logits=True, axis=1), t, x)
    s.op("rare_sparse_categorical", ops.sparse_categorical_crossentropy, ids, p)
    s.op("rare_sparse_categorical_logits", lambda a, b: ops.sparse_categorical_crossentropy(a, b, from_logits=True), ids, x)
    s.op("rare_moments", lambda a: ops.moments(a, axes=[1]), x)
    s.op("rare_moments_keepdims", lambda a: ops.moments(a, axes=[1, 2], keepdims=True), x)
    s.op("rare_multi_hot", lambda a: ops.multi_hot(a, 5), integers(3, 4, high=5))
    s.op("rare_multi_hot_deep", lambda a: ops.multi_hot(a, 5, dtype="int32"), integers(2, 3, 4, high=5))
    s.op("rare_psnr", lambda a, b: ops.psnr(a, b, 2.0), uniform(2, 3, 4), uniform(2, 3, 4))
    s.op("rare_cdist", lambda a, b: math.CDist()(a, b), normal(2, 3, 4), normal(2, 5, 4))
    s.op("rare_in_top_k", lambda a, b: ops.in_top_k(a, b, 2), integers(5, high=4), normal(5, 4))
    s.op("rare_in_top_k_one", lambda a, b: ops.in_top_k(a, b, 1), integers(5, high=3), normal(5, 3))
    q = normal(2, 3, 4, 5)
    s.op("rare_attention", ops.dot_product_attention, q, normal(2, 6, 4, 5), normal(2, 6, 4, 5))
    s.op("rare_attention_groups", lambda a, b, c: ops.dot_product_attention(a, b, c, scale=0.3, is_causal=True), q, normal(2, 3, 2, 5), normal(2, 3, 2, 5))
    s.op("rare_attention_mask", lambda a, b, c, m, w: ops.dot_product_attention(a, b, c, bias=w, mask=m > 0.5), q, normal(2, 3, 4, 5), normal(2, 3, 4, 5),
         uniform(2, 1, 3, 3), normal(2, 4, 3, 3))


def statistics(s):
    x, ints = normal(2, 3, 5), integers(2, 3, 5, high=6)
    s.op("rare_median", lambda a: ops.median(a, axis=-1), x)
    s.op("rare_median_all", lambda a: ops.median(a), normal(2, 3, 4))
    s.op("rare_median_axes", lambda a: ops.median(a, axis=(1, 2), keepdims=True), x)
    s.op("rare_median_int", lambda a: ops.median(a, axis=1), ints)
    for method in "linear lower higher midpoint nearest".split():
        s.op("rare_quantile_" + method, lambda a: ops.quantile(a, [0.1, 0.5, 0.8], axis=2, method=method), x.fixed())
    s.op("rare_quantile_one", lambda a: ops.quantile(a, 0.3, axis=1, keepdims=True), x)
    s.op("rare_quantile_keepdims", lambda a: ops.quantile(a, [0.3, 1.0], axis=(1, 2), keepdims=True), x.fixed())
    s.op("rare_percentile", lambda a: ops.percentile(a, [25.0, 90.0], axis=-1), x.fixed())
    s.op("rare_percentile_one", lambda a: ops.percentile(a, 40.0, axis=1, method="nearest"), x)
    s.op("rare_ptp", lambda a: ops.ptp(a, axis=1), x)
    s.op("rare_ptp_int", lambda a: ops.ptp(a, axis=(1, 2), keepdims=True), ints)
    s.op("rare_count_nonzero", lambda a: ops.count_nonzero(a, axis=1), ints)
    s.op("rare_count_nonzero_floats", lambda a: ops.count_nonzero(ops.relu(a), axis=(1, 2)), x)
    s.op("rare_average", lambda a: ops.average(a, axis=1), x)
    s.op("rare_average_int", lambda a: ops.average(a), ints)
    s.op("rare_average_weights", lambda a, w: ops.average(a, axis=1, weights=w), x, uniform(3, low=0.1).fixed())
    s.op("rare_average_weights_all", lambda a, w: ops.average(a, axis=-1, weights=w), x, uniform(2, 3, 5, low=0.1))
    s.op("rare_bincount", lambda a: ops.bincount(a), integers(2, 9, high=6))
    s.op("rare_bincount_least", lambda a: ops.bincount(a, minlength=9), integers(7, high=6).fixed())
    s.op("rare_bincount_weights", lambda a: ops.bincount(a, weights=[0.0, 0.5, 1.0, 2.0, 0.25, 0.125, 4.0], minlength=8), integers(7, high=6).fixed())
    s.op("rare_digitize", lambda a: ops.digitize(a, np.array([-1.0, 0.0, 0.5, 2.0])), x)
    s.op("rare_digitize_int", lambda a: ops.digitize(a, np.array([1, 2, 4])), ints)
    for side in ("left", "right"):
        s.op("rare_searchsorted_" + side, lambda a: ops.searchsorted(ops.convert_to_tensor(np.array([0, 1, 1, 3, 5], "int32")), a, side=side), integers(6, high=6).fixed())
    s.op("rare_searchsorted_floats", lambda a: ops.searchsorted(ops.convert_to_tensor(np.array([-1.0, 0.0, 0.5], "float32")), a), normal(5).fixed())
    s.op("rare_nonzero", lambda a: ops.nonzero(a), integers(3, 4, high=2).fixed())
    s.op("rare_trapezoid", lambda a: ops.trapezoid(a), x)
    s.op("rare_trapezoid_dx", lambda a: ops.trapezoid(a, dx=0.5, axis=1), x)
    s.op("rare_trapezoid_x", lambda a: ops.trapezoid(a, x=[0.0, 1.0, 1.5, 4.0, 5.0]), x)
    s.op("rare_argpartition", lambda a: ops.argpartition(a, 2), fixed([5, 3, 9, 7, 1, 2], "int32").fixed())
    s.op("rare_argpartition_last", lambda a: ops.argpartition(a, 5), fixed([5, 3, 9, 7, 1, 2], "int32").fixed())


def nans(s):
    def holes(a):
        whole = ops.cast(a <= 0.8, "float32")
        return a * whole / whole

    x = normal(2, 4, 5)
    for name in "nansum nanprod nanmax nanmin nanmean nanvar nanstd nanmedian".split():
        f = getattr(ops, name)
        s.op("rare_" + name, lambda a: f(holes(a), axis=1), x, trains=False)
        s.op("rare_" + name + "_plain", lambda a: f(a, axis=(1, 2), keepdims=True), x, trains=name != "nanmedian")
        if name != "nanmedian":  # which Keras can't
            s.op("rare_" + name + "_int", lambda a: f(a, axis=-1), integers(2, 3, 4), trains=False)
    for name in "nanargmax nanargmin".split():
        s.op("rare_" + name, lambda a: getattr(ops, name)(holes(a), axis=1), x, trains=False)
        s.op("rare_" + name + "_all", lambda a: getattr(ops, name)(holes(a), keepdims=True), x, trains=False)
        s.op("rare_" + name + "_int", lambda a: getattr(ops, name)(a, axis=-1), integers(2, 3, 4), trains=False)
    for name in "nancumsum nancumprod".split():
        s.op("rare_" + name, lambda a: getattr(ops, name)(holes(a), axis=1), x, trains=False)
        s.op("rare_" + name + "_int", lambda a: getattr(ops, name)(a), integers(2, 3).fixed())
    s.op("rare_nanquantile", lambda a: ops.nanquantile(holes(a), [0.2, 0.7], axis=1), x.fixed(), trains=False)
    s.op("rare_nanquantile_one", lambda a: ops.nanquantile(holes(a), 0.3, axis=(1, 2), keepdims=True), x, trains=False)
    s.op("rare_nanpercentile", lambda a: ops.nanpercentile(holes(a), 60.0, axis=-1, method="lower"), x, trains=False)


def linear(s):
    x = normal(2, 4, 4)
    spd = lambda a: ops.matmul(a, ops.transpose(a, (0, 2, 1))) + 2.0 * ops.convert_to_tensor(np.eye(4, dtype="float32"))
    s.op("rare_inv", ops.linalg.inv, x)
    s.op("rare_inv_of_sums", lambda a: ops.linalg.inv(spd(a)), x)
    s.op("rare_det", ops.linalg.det, x)
    s.op("rare_det_small", ops.linalg.det, normal(3, 2, 2))
    s.op("rare_slogdet", lambda a: ops.slogdet(a), x)
    s.op("rare_slogdet_one", lambda a: ops.slogdet(a), normal(3, 3).fixed())
    s.op("rare_logdet", lambda a: math.Logdet()(spd(a)), x)
    for upper in (False, True):
        s.op(f"rare_cholesky_{upper}", lambda a: ops.linalg.cholesky(spd(a), upper=upper), x)
        s.op(f"rare_cholesky_inverse_{upper}", lambda a: ops.linalg.cholesky_inverse(ops.linalg.cholesky(spd(a), upper=upper), upper=upper), x)
        s.op(f"rare_solve_triangular_{upper}", lambda a, b: ops.linalg.solve_triangular(spd(a), b, lower=upper), x, normal(2, 4, 3))
    s.op("rare_solve", ops.linalg.solve, x, normal(2, 4, 3))
    s.op("rare_solve_vector", ops.linalg.solve, normal(4, 4).fixed(), normal(4).fixed())
    s.op("rare_lu_factor", ops.linalg.lu_factor, normal(5, 5).fixed(), trains=False)
    s.op("rare_eigh", lambda a: (lambda w, v: (w, ops.absolute(v)))(*ops.linalg.eigh(spd(a))), x, trains=False)
    s.op("rare_eigh_single", lambda a: ops.linalg.eigh(a)[0], normal(5, 5).fixed(), trains=False)
    s.op("rare_qr", lambda a: ops.linalg.qr(a), normal(2, 5, 3), trains=False)
    s.op("rare_qr_wide", lambda a: ops.linalg.qr(a), normal(2, 3, 5), trains=False)
    s.op("rare_qr_complete", lambda a: ops.linalg.qr(a, mode="complete"), normal(2, 5, 3), trains=False)
    s.op("rare_svd", lambda a: [ops.absolute(p) for p in ops.linalg.svd(a)], x, trains=False)
    s.op("rare_svd_tall", lambda a: [ops.absolute(p) for p in ops.linalg.svd(a, full_matrices=False)], normal(2, 5, 3), trains=False)
    s.op("rare_svd_wide", lambda a: [ops.absolute(p) for p in ops.linalg.svd(a, full_matrices=False)], normal(2, 3, 5), trains=False)
    s.op("rare_svd_values", lambda a: ops.linalg.svd(a, compute_uv=False), normal(2, 3, 5), trains=False)
    s.op("rare_matrix_rank", lambda a: linalg.MatrixRank()(ops.matmul(a, ops.transpose(a, (0, 2, 1)))), normal(2, 5, 3))
    s.op("rare_pinv", lambda a: linalg.Pinv()(a), normal(2, 5, 3), trains=False)
    s.op("rare_pinv_wide", lambda a: linalg.Pinv()(a), normal(2, 3, 5), trains=False)
    s.op("rare_lstsq", lambda a, b: ops.linalg.lstsq(a, b), normal(6, 3).fixed(), normal(6, 2).fixed(), trains=False)
    s.op("rare_lstsq_vector", lambda a, b: ops.linalg.lstsq(a, b), normal(3, 5).fixed(), normal(3).fixed(), trains=False)


def segments(s):
    ids = fixed([2, 0, 2, 1, 0, -1], "int32").fixed()
    rising = fixed([0, 0, 1, 2, 2, 2], "int32").fixed()
    for name in "sum max min prod".split():
        f = {"prod": math.SegmentProd, "min": math.SegmentMin, "sum": math.SegmentSum, "max": math.SegmentMax}[name]
        s.op("rare_segment_" + name, lambda a, i: ops.clip(f(num_segments=4)(a, i), -1e30, 1e30), normal(6, 3).fixed(), rising, trains=name != "prod")
        s.op(f"rare_segment_{name}_some", lambda a, i: f(num_segments=3)(a, i), normal(6, 2, 2).fixed(), ids, trains=name != "prod")
        s.op(f"rare_segment_{name}_sorted", lambda a, i: f(sorted=True)(a, i), normal(6).fixed(), rising, trains=name != "prod")
        s.op(f"rare_segment_{name}_counted", lambda a, i: f()(a, i), integers(6).fixed(), rising)
    at = fixed([[0, 1], [2, 0], [2, 2]], "int32").fixed()
    s.op("rare_scatter", lambda i, v: ops.scatter(i, v, (3, 4)), at, normal(3).fixed())
    s.op("rare_scatter_rows", lambda i, v: ops.scatter(i, v, (4, 2)), fixed([[1], [3], [1]], "int32").fixed(), normal(3, 2).fixed())
    x = normal(3, 4).fixed()
    s.op("rare_scatter_update", ops.scatter_update, x, at, normal(3).fixed())
    s.op("rare_scatter_update_rows", lambda a, v: ops.scatter_update(a, [[1], [0]], v), x, normal(2, 4).fixed())
    for reduction in "add max min mul".split():
        s.op("rare_scatter_update_" + reduction, lambda a, i, v: ops.scatter_update(a, i, v, reduction=reduction), x,
             fixed([[0, 1], [2, 0], [0, 1]], "int32").fixed(), normal(3).fixed(), trains=reduction == "add")
    s.op("rare_slice_update", lambda a, v: ops.slice_update(a, [1, 2], v), x, normal(2, 2).fixed(), trains=False)
    s.op("rare_slice_update_moved", lambda a, v: ops.slice_update(a, [2, 3], v), x, normal(2, 2).fixed(), trains=False)


def keras2(s):
    """More functions of TensorFlow in TFOpLambda nodes."""
    def op(name, f, *inputs):
        s.op("rare_tf_" + name, f, *inputs, frameworks=("tf_keras",))

    x, within = normal(2, 3, 4), uniform(2, 3, 4, low=-0.9, high=0.9)
    for name in "tan sinh cosh atan asinh erfc log_sigmoid is_nan is_inf is_finite round".split():
        op(name, lambda a: tf.cast(getattr(tf.math, name)(a), "float32"), x)
    for name in "asin acos atanh erfinv".split():
        op(name, getattr(tf.math, name), within)
    op("acosh", tf.math.acosh, uniform(2, 3, low=1.2, high=3))
    op("atan2", tf.math.atan2, x, normal(2, 3, 4))
    op("divide_no_nan", tf.math.divide_no_nan, x, fixed([[[0.0, 1.0, 2.0, 0.0]] * 3] * 2))
    op("logical_xor", lambda a, b: tf.cast(tf.math.logical_xor(a > 0, b > 0), "float32"), x, normal(2, 3, 4))
    op("identity", tf.identity, x)
    op("zeros_like", lambda a: tf.zeros_like(a) + a, x)
    op("ones_like", lambda a: tf.ones_like(a) * a, x)
    op("repeat", lambda a: tf.repeat(a, 2, axis=1), x)
    op("reverse", lambda a: tf.reverse(a, axis=[1]), x)
    op("roll", lambda a: tf.roll(a, shift=2, axis=1), x)
    op("broadcast_to", lambda a: tf.broadcast_to(a, (2, 3, 4)), normal(2, 1, 4).fixed())
    op("inv", tf.linalg.inv, normal(2, 3, 3))
    op("det", tf.linalg.det, normal(2, 3, 3))
    op("cholesky", tf.linalg.cholesky, fixed([[[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]]] * 2))
    op("cumprod", lambda a: tf.math.cumprod(a, axis=1), x)
    op("depth_to_space", lambda a: tf.nn.depth_to_space(a, 2), normal(2, 2, 3, 8))
    op("space_to_depth", lambda a: tf.nn.space_to_depth(a, 2), normal(2, 4, 6, 2))
