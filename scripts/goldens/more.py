"""Further configurations of the layers that the other families have fewest of: their other arguments, in small."""
from .common import normal
from .keras2only import block


def goldens(s):
    x, rows, volume = normal(3, 4, 5), normal(3, 7), normal(2, 4, 3, 5, 2)
    for kind in "Average", "Max":
        name = kind + "Pooling3D"
        s.layer(name, "uneven", lambda L: getattr(L, name)((2, 1, 3), strides=(1, 2, 2)), volume, k2=True)
        s.layer(name, "same", lambda L: getattr(L, name)((3, 2, 2), strides=(2, 1, 3), padding="same"), volume, k2=True)
        name = f"Global{kind}Pooling3D"
        s.layer(name, "keepdims", lambda L: getattr(L, name)(keepdims=True), volume, k2=True)
        s.layer(name, "channels_first", lambda L: getattr(L, name)(data_format="channels_first"), volume)
    s.layer("Conv3D", "dilated", lambda L: L.Conv3D(3, 2, dilation_rate=(2, 1, 2), activation="relu", use_bias=False), volume, k2=True)
    s.layer("Conv3DTranspose", "valid", lambda L: L.Conv3DTranspose(3, (2, 1, 3), strides=(1, 2, 2), activation="tanh"), volume, k2=True)
    s.layer("Conv3DTranspose", "output_padding", lambda L: L.Conv3DTranspose(2, 3, strides=2, output_padding=1, use_bias=False),
            normal(1, 2, 3, 2, 3))
    for name in "ZeroPadding3D", "Cropping3D":
        s.layer(name, "alike", lambda L: getattr(L, name)(1), normal(2, 4, 3, 5, 2), k2=True)
        s.layer(name, "channels_first", lambda L: getattr(L, name)((1, 1, 0), data_format="channels_first"), volume)
    s.layer("UpSampling3D", "alike", lambda L: L.UpSampling3D(2), normal(1, 2, 3, 2, 2), k2=True)
    s.layer("ELU", "rank4", lambda L: L.ELU(alpha=1.7), normal(2, 3, 2, 4))
    image, deep = normal(2, 4, 3, 5), normal(2, 3, 4, 2, 2)
    for name, inputs in (("SpatialDropout1D", x), ("SpatialDropout2D", image), ("SpatialDropout3D", deep), ("GaussianDropout", image), ("GaussianNoise", image),
                         ("AlphaDropout", image)):
        quiet = {"trains": False} if name == "AlphaDropout" else {}
        s.layer(name, "none", lambda L: getattr(L, name)(0.0), inputs, **quiet)
        s.layer(name, "most", lambda L: getattr(L, name)(0.9), inputs, k2=True, **quiet)
        s.layer(name, "seeded", lambda L: getattr(L, name)(0.5, seed=3), inputs, **quiet)
    s.layer("SpatialDropout3D", "channels_first", lambda L: L.SpatialDropout3D(0.3, data_format="channels_first"), deep)
    s.layer("ActivityRegularization", "l1", lambda L: L.ActivityRegularization(l1=0.3), rows, k2=True, trains=False)
    s.layer("ActivityRegularization", "l2", lambda L: L.ActivityRegularization(l2=0.3), image, trains=False)
    block(s, "LayerScale", "sequence", lambda A: A.LayerScale(0.5, 5), x)
    block(s, "StochasticDepth", "rate_0.9", lambda A: A.StochasticDepth(0.9), normal(2, 3, 3, 2), trains=False)
