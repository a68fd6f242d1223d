"""The rarer operation nodes: bits, sets, matrices, statistics, signals, images, segments; see ops.py for those that most models use."""
import keras
import numpy as np
from keras import ops
from keras.src.ops import core, image, linalg, math, nn, numpy

from .common import fixed, integers, normal, uniform


def goldens(s):
    elements(s)
    pairs(s)
    matrices(s)
    parts(s)


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
