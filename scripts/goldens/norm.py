"""Batch and layer normalization (and the small ones beside them)."""
from .common import integers, normal, sequence


def goldens(s):
    batch(s)
    layer(s)


def batch(s):
    x = normal(6, 4, mean=1.0, scale=2.0)
    image = normal(3, 4, 5, 3, mean=-0.5, scale=1.5)
    s.layer("BatchNormalization", "rank2", lambda L: L.BatchNormalization(), x, k2=True)
    s.layer("BatchNormalization", "rank3", lambda L: L.BatchNormalization(), normal(3, 5, 4, mean=1.0))
    s.layer("BatchNormalization", "rank4", lambda L: L.BatchNormalization(), image, k2=True)
    s.layer("BatchNormalization", "momentum", lambda L: L.BatchNormalization(momentum=0.9, epsilon=1e-5), image, k2=True)
    s.layer("BatchNormalization", "no_center", lambda L: L.BatchNormalization(center=False), x)
    s.layer("BatchNormalization", "no_scale", lambda L: L.BatchNormalization(scale=False), x)
    s.layer("BatchNormalization", "neither", lambda L: L.BatchNormalization(center=False, scale=False), image, k2=True)
    s.layer("BatchNormalization", "axis1", lambda L: L.BatchNormalization(axis=1), image, k2=True)
    s.layer("BatchNormalization", "axis1_rank3", lambda L: L.BatchNormalization(axis=1), normal(4, 3, 5))
    s.layer("BatchNormalization", "frozen", lambda L: L.BatchNormalization(trainable=False), image, k2=True)
    s.layer("BatchNormalization", "integers", lambda L: L.BatchNormalization(), integers(5, 4, high=9))
    s.layer("BatchNormalization", "masked", lambda L: L.BatchNormalization(), sequence([5, 3, 2], 3), mask=True)
    s.layer("BatchNormalization", "masked_hole", lambda L: L.BatchNormalization(momentum=0.8), sequence([5, 4], 3, holes=[(0, 1)]),
            mask=True)


def layer(s):
    x = normal(2, 4, 6, mean=1.0, scale=2.0)
    image = normal(2, 3, 4, 5)
    s.layer("LayerNormalization", "last", lambda L: L.LayerNormalization(), x, k2=True)
    s.layer("LayerNormalization", "rank2", lambda L: L.LayerNormalization(epsilon=1e-6), normal(3, 7, scale=3.0), k2=True)
    s.layer("LayerNormalization", "axis1", lambda L: L.LayerNormalization(axis=1), x)
    s.layer("LayerNormalization", "axes", lambda L: L.LayerNormalization(axis=[1, 2]), x, k2=True)
    s.layer("LayerNormalization", "axes_image", lambda L: L.LayerNormalization(axis=[1, 3]), image)
    s.layer("LayerNormalization", "all", lambda L: L.LayerNormalization(axis=[1, 2, 3]), image)
    s.layer("LayerNormalization", "no_center", lambda L: L.LayerNormalization(center=False), x)
    s.layer("LayerNormalization", "no_scale", lambda L: L.LayerNormalization(scale=False), x)
    s.layer("LayerNormalization", "neither", lambda L: L.LayerNormalization(center=False, scale=False), x)
    s.layer("LayerNormalization", "masked", lambda L: L.LayerNormalization(), sequence([4, 2], 5), mask=True)
    s.layer("GroupNormalization", "groups", lambda L: L.GroupNormalization(3), normal(2, 4, 3, 6), k2=True)
    s.layer("GroupNormalization", "instance", lambda L: L.GroupNormalization(-1), normal(2, 4, 3, 5))
    s.layer("UnitNormalization", "last", lambda L: L.UnitNormalization(), x, k2=True)
    s.layer("RMSNormalization", "last", lambda L: L.RMSNormalization(), x)
