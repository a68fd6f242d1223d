"""Pooling, padding, cropping, upsampling."""
import numpy as np

from .common import fixed, normal, sequence


def goldens(s):
    windows(s)
    whole(s)
    adaptive(s)
    borders(s)


def adaptive(s):
    """Windows that overlap, and that have two sizes."""
    images = normal(2, 7, 5, 3)
    for kind in "Max", "Average":
        one, two, three = (f"Adaptive{kind}Pooling{d}D" for d in (1, 2, 3))
        s.layer(one, "even", lambda L: getattr(L, one)(4), normal(2, 8, 3))
        s.layer(one, "uneven", lambda L: getattr(L, one)(3), normal(2, 7, 3))
        s.layer(one, "overlapping", lambda L: getattr(L, one)(5), normal(2, 7, 3))
        s.layer(one, "channels_first", lambda L: getattr(L, one)(2, data_format="channels_first"), normal(2, 3, 7))
        s.layer(two, "square", lambda L: getattr(L, two)(3), images)
        s.layer(two, "both", lambda L: getattr(L, two)((4, 2)), images)
        s.layer(two, "channels_first", lambda L: getattr(L, two)((2, 2), data_format="channels_first"), images)
        s.layer(three, "plain", lambda L: getattr(L, three)((2, 3, 2)), normal(2, 4, 5, 3, 2))
        s.layer(three, "cube", lambda L: getattr(L, three)(2), normal(2, 3, 4, 5, 2))
        s.layer(three, "channels_first", lambda L: getattr(L, three)(2, data_format="channels_first"), normal(2, 2, 3, 4, 5))


def windows(s):
    x1, x2 = normal(2, 9, 3), normal(2, 6, 7, 3)
    for kind in "Max", "Average":
        one, two = kind + "Pooling1D", kind + "Pooling2D"
        s.layer(one, "plain", lambda L: getattr(L, one)(2), x1, k2=True)
        s.layer(one, "same", lambda L: getattr(L, one)(4, padding="same"), x1)
        s.layer(one, "overlapping", lambda L: getattr(L, one)(3, strides=1, padding="same"), x1, k2=True)
        s.layer(one, "gaps", lambda L: getattr(L, one)(2, strides=3), x1)
        s.layer(one, "channels_first", lambda L: getattr(L, one)(2, data_format="channels_first"), x1)
        s.layer(one, "masked", lambda L: getattr(L, one)(2), sequence([6, 3], 3), mask=True)
        s.layer(two, "plain", lambda L: getattr(L, two)(2), x2, k2=True)
        s.layer(two, "same", lambda L: getattr(L, two)(3, strides=2, padding="same"), x2, k2=True)
        s.layer(two, "overlapping", lambda L: getattr(L, two)((2, 3), strides=1), x2)
        s.layer(two, "overlapping_same", lambda L: getattr(L, two)((3, 2), strides=1, padding="same"), x2)
        s.layer(two, "gaps_same", lambda L: getattr(L, two)(2, strides=(3, 4), padding="same"), x2)
        s.layer(two, "negative", lambda L: getattr(L, two)(3, padding="same"), normal(2, 4, 5, 2, mean=-5.0))
        s.layer(two, "channels_first", lambda L: getattr(L, two)(2, data_format="channels_first"), x2)
        s.layer(two, "ties", lambda L: getattr(L, two)(2, padding="same"),
                fixed([[[[1, 0], [1, -0.0]], [[1, 2], [0, 2]], [[3, 3], [3, 3]]]]))
        three = kind + "Pooling3D"
        s.layer(three, "ties", lambda L: getattr(L, three)(2), fixed(np.ones((1, 2, 2, 4, 1))))
        s.layer(three, "plain", lambda L: getattr(L, three)(2, padding="same"), normal(2, 4, 3, 5, 2))


def whole(s):
    x1, x2 = normal(2, 5, 3), normal(2, 4, 5, 3)
    for kind in "GlobalMax", "GlobalAverage":
        one, two, three = (kind + f"Pooling{d}D" for d in (1, 2, 3))
        s.layer(one, "plain", lambda L: getattr(L, one)(), x1, k2=True)
        s.layer(one, "keepdims", lambda L: getattr(L, one)(keepdims=True), x1, k2=True)
        s.layer(one, "channels_first", lambda L: getattr(L, one)(data_format="channels_first"), x1)
        s.layer(one, "masked", lambda L: getattr(L, one)(), sequence([6, 3, 1], 4, holes=[(0, 2)]), mask=True,
                k2=kind == "GlobalAverage")
        s.layer(two, "plain", lambda L: getattr(L, two)(), x2, k2=True)
        s.layer(two, "keepdims", lambda L: getattr(L, two)(keepdims=True), x2)
        s.layer(two, "channels_first", lambda L: getattr(L, two)(data_format="channels_first"), x2, k2=True)
        s.layer(two, "channels_first_keepdims", lambda L: getattr(L, two)(data_format="channels_first", keepdims=True), x2)
        s.layer(three, "plain", lambda L: getattr(L, three)(), normal(2, 2, 3, 4, 3))
        s.layer(two, "ties", lambda L: getattr(L, two)(), fixed([[[[1, 0], [1, 5]], [[0, 2], [1, 2]]]]))
    s.layer("GlobalAveragePooling1D", "masked_channels_first", lambda L: L.GlobalAveragePooling1D(data_format="channels_first"),
            sequence([3, 2], 3), mask=True)
    s.layer("GlobalAveragePooling1D", "masked_keepdims", lambda L: L.GlobalAveragePooling1D(keepdims=True), sequence([4, 2], 3),
            mask=True)


def borders(s):
    x1, x2 = normal(2, 6, 3), normal(2, 5, 6, 3)
    s.layer("ZeroPadding1D", "plain", lambda L: L.ZeroPadding1D(2), x1, k2=True)
    s.layer("ZeroPadding1D", "uneven", lambda L: L.ZeroPadding1D((1, 3)), x1)
    s.layer("ZeroPadding1D", "one_side", lambda L: L.ZeroPadding1D((2, 0)), x1)
    s.layer("ZeroPadding2D", "plain", lambda L: L.ZeroPadding2D(1), x2, k2=True)
    s.layer("ZeroPadding2D", "symmetric", lambda L: L.ZeroPadding2D((1, 2)), x2)
    s.layer("ZeroPadding2D", "uneven", lambda L: L.ZeroPadding2D(((0, 1), (2, 3))), x2, k2=True)
    s.layer("ZeroPadding2D", "channels_first", lambda L: L.ZeroPadding2D(((0, 1), (2, 3)), data_format="channels_first"), x2)
    s.layer("Cropping1D", "plain", lambda L: L.Cropping1D(1), x1, k2=True)
    s.layer("Cropping1D", "uneven", lambda L: L.Cropping1D((0, 2)), x1)
    s.layer("Cropping2D", "plain", lambda L: L.Cropping2D(1), x2, k2=True)
    s.layer("Cropping2D", "uneven", lambda L: L.Cropping2D(((1, 0), (2, 1))), x2)
    s.layer("Cropping2D", "channels_first", lambda L: L.Cropping2D(((1, 0), (0, 1)), data_format="channels_first"), x2)
    s.layer("UpSampling1D", "plain", lambda L: L.UpSampling1D(2), x1, k2=True)
    s.layer("UpSampling1D", "three", lambda L: L.UpSampling1D(3), x1)
    small = normal(2, 3, 4, 2)
    s.layer("UpSampling2D", "nearest", lambda L: L.UpSampling2D(2), small, k2=True)
    s.layer("UpSampling2D", "nearest_uneven", lambda L: L.UpSampling2D((3, 2)), small)
    s.layer("UpSampling2D", "bilinear", lambda L: L.UpSampling2D(2, interpolation="bilinear"), small, k2=True)
    s.layer("UpSampling2D", "bilinear_uneven", lambda L: L.UpSampling2D((3, 2), interpolation="bilinear"), small)
    s.layer("UpSampling2D", "bicubic", lambda L: L.UpSampling2D(2, interpolation="bicubic"), small)
    s.layer("UpSampling2D", "bicubic_uneven", lambda L: L.UpSampling2D((3, 5), interpolation="bicubic"), small)
    s.layer("UpSampling2D", "lanczos3", lambda L: L.UpSampling2D((3, 2), interpolation="lanczos3"), small)
    s.layer("UpSampling2D", "lanczos5", lambda L: L.UpSampling2D((2, 3), interpolation="lanczos5"), normal(2, 3, 7, 2))
    s.layer("UpSampling2D", "bilinear_channels_first", lambda L: L.UpSampling2D((2, 3), data_format="channels_first",
            interpolation="bilinear"), small)
    s.layer("UpSampling3D", "channels_first", lambda L: L.UpSampling3D((2, 1, 3), data_format="channels_first"), normal(1, 2, 3, 2, 2))
    s.layer("UpSampling2D", "channels_first", lambda L: L.UpSampling2D(2, data_format="channels_first"), small)
    s.layer("ZeroPadding3D", "plain", lambda L: L.ZeroPadding3D(((1, 0), (0, 2), (1, 1))), normal(1, 2, 3, 2, 2))
    s.layer("Cropping3D", "plain", lambda L: L.Cropping3D(((1, 0), (0, 2), (1, 1))), normal(1, 3, 4, 3, 2))
    s.layer("UpSampling3D", "plain", lambda L: L.UpSampling3D((2, 1, 3)), normal(1, 2, 3, 2, 2))
