"""Merging layers: broadcasting, several inputs, masks."""
from .common import integers, normal, sequence

ELEMENTWISE = "Add Subtract Multiply Average Maximum Minimum".split()


def goldens(s):
    for cls in ELEMENTWISE:
        def make(L):
            return getattr(L, cls)()

        s.layer(cls, "two", make, normal(3, 4), normal(3, 4), k2=True)
        s.layer(cls, "image", make, normal(2, 3, 4, 5), normal(2, 3, 4, 5))
        s.layer(cls, "broadcast", make, normal(2, 3, 4), normal(2, 1, 4), k2=cls in ("Add", "Multiply"))
        s.layer(cls, "broadcast_image", make, normal(2, 3, 4, 5), normal(2, 1, 1, 5))
        s.layer(cls, "ranks", make, normal(2, 3, 4), normal(2, 4))
        s.layer(cls, "both_masked", make, sequence([5, 3, 0], 4), sequence([2, 5, 0], 4, holes=[(1, 1)]), mask=True, k2=True,
                trains=cls not in ("Maximum", "Minimum"))  # two zeros tie
        masked_and_plain(s, cls)
        if cls != "Subtract":
            s.layer(cls, "three", make, normal(3, 4), normal(3, 4), normal(3, 4), k2=True)
        shared(s, cls)
    concatenate(s)


def masked_and_plain(s, cls):
    def build(K):
        a, b = K.Input((5, 3)), K.Input((5, 3))
        return K.Model([a, b], getattr(K.layers, cls)()([K.layers.Masking(0.0)(a), b]))

    s.model(cls, "one_masked", build, sequence([5, 2], 3), normal(2, 5, 3), k2=True)


def shared(s, cls):
    """Both sides are one tensor: gradients add up."""
    def build(K):
        a = K.Input((3, 4))
        return K.Model(a, getattr(K.layers, cls)()([a, K.layers.Dense(4)(a)]))

    s.model(cls, "residual", build, normal(2, 3, 4))


def concatenate(s):
    s.layer("Concatenate", "last", lambda L: L.Concatenate(), normal(3, 4), normal(3, 2), k2=True)
    s.layer("Concatenate", "three", lambda L: L.Concatenate(), normal(2, 3, 1), normal(2, 3, 4), normal(2, 3, 2), k2=True)
    s.layer("Concatenate", "axis1", lambda L: L.Concatenate(axis=1), normal(2, 3, 4), normal(2, 2, 4), k2=True)
    s.layer("Concatenate", "axis_negative", lambda L: L.Concatenate(axis=-2), normal(2, 3, 4), normal(2, 5, 4))
    s.layer("Concatenate", "channels", lambda L: L.Concatenate(axis=3), normal(2, 3, 4, 2), normal(2, 3, 4, 5))
    s.layer("Concatenate", "height", lambda L: L.Concatenate(axis=1), normal(2, 3, 4, 2), normal(2, 1, 4, 2))
    s.layer("Concatenate", "both_masked", lambda L: L.Concatenate(), sequence([5, 2], 3), sequence([3, 5], 2, holes=[(1, 1)]),
            mask=True, k2=True)
    s.layer("Concatenate", "time_masked", lambda L: L.Concatenate(axis=1), sequence([3, 2], 3), sequence([4, 1], 3), mask=True)

    def one_masked(K):
        a, b = K.Input((5, 3)), K.Input((5, 2))
        return K.Model([a, b], K.layers.Concatenate()([K.layers.Masking(0.0)(a), b]))

    def time_one_masked(K):
        a, b = K.Input((3, 2)), K.Input((4, 2))
        return K.Model([a, b], K.layers.Concatenate(axis=1)([K.layers.Masking(0.0)(a), b]))

    s.model("Concatenate", "one_masked", one_masked, sequence([5, 2], 3), normal(2, 5, 2))
    s.model("Concatenate", "time_one_masked", time_one_masked, sequence([3, 1], 2), normal(2, 4, 2))

    def embedded(K):
        a, b = K.Input((None,), dtype="int32"), K.Input((None,), dtype="int32")
        embed = [K.layers.Embedding(6, n, mask_zero=True)(t) for n, t in ((3, a), (2, b))]
        return K.Model([a, b], K.layers.Concatenate()(embed))

    ids = integers(3, 5, high=4).declare(None)
    s.model("Concatenate", "embedded", embedded, ids, ids, k2=True)
    s.layer("Dot", "axis1", lambda L: L.Dot(axes=1), normal(3, 4), normal(3, 4), k2=True)
    s.layer("Dot", "axes", lambda L: L.Dot(axes=(2, 1)), normal(2, 3, 4), normal(2, 4, 5), k2=True)
    s.layer("Dot", "normalized", lambda L: L.Dot(axes=1, normalize=True), normal(3, 4), normal(3, 4))
