"""Convolutions: plain, grouped, dilated, depthwise, separable, transposed."""
from .common import normal, sequence


def goldens(s):
    conv1d(s)
    conv2d(s)
    depthwise(s)
    separable(s)
    transposed(s)
    conv3d(s)


def conv1d(s):
    x = normal(2, 9, 3)
    s.layer("Conv1D", "valid", lambda L: L.Conv1D(5, 3), x, k2=True)
    s.layer("Conv1D", "same", lambda L: L.Conv1D(4, 4, padding="same", activation="relu"), x, k2=True)
    s.layer("Conv1D", "causal", lambda L: L.Conv1D(4, 3, padding="causal"), x, k2=True)
    s.layer("Conv1D", "causal_dilated", lambda L: L.Conv1D(2, 3, padding="causal", dilation_rate=2, activation="tanh"), x)
    s.layer("Conv1D", "strided", lambda L: L.Conv1D(4, 3, strides=2), x)
    s.layer("Conv1D", "strided_same", lambda L: L.Conv1D(4, 4, strides=3, padding="same"), x)
    s.layer("Conv1D", "dilated_same", lambda L: L.Conv1D(4, 3, dilation_rate=3, padding="same", use_bias=False), x)
    s.layer("Conv1D", "groups", lambda L: L.Conv1D(6, 3, groups=3), normal(2, 7, 6))
    s.layer("Conv1D", "unknown_time", lambda L: L.Conv1D(4, 3, padding="same"), normal(2, 6, 3).declare(None, 3))
    s.layer("Conv1D", "masked", lambda L: L.Conv1D(4, 3, padding="same"), sequence([5, 3], 3), mask=True)
    s.layer("Conv1D", "channels_first", lambda L: L.Conv1D(4, 3, data_format="channels_first"), normal(2, 3, 7), jit=True)


def conv2d(s):
    x = normal(2, 6, 7, 3)
    s.layer("Conv2D", "valid", lambda L: L.Conv2D(5, 3), x, k2=True)
    s.layer("Conv2D", "same", lambda L: L.Conv2D(4, 3, padding="same", activation="relu"), x, k2=True)
    s.layer("Conv2D", "rectangular", lambda L: L.Conv2D(4, (2, 5), padding="same"), x)
    s.layer("Conv2D", "strided", lambda L: L.Conv2D(4, 3, strides=2), x, k2=True)
    s.layer("Conv2D", "strided_same", lambda L: L.Conv2D(4, (3, 2), strides=(2, 3), padding="same"), x, k2=True)
    s.layer("Conv2D", "strided_same_even", lambda L: L.Conv2D(3, 3, strides=2, padding="same"), normal(2, 8, 6, 2))
    s.layer("Conv2D", "dilated", lambda L: L.Conv2D(4, 3, dilation_rate=2), x)
    s.layer("Conv2D", "dilated_same", lambda L: L.Conv2D(3, (3, 2), dilation_rate=(1, 3), padding="same"), x)
    s.layer("Conv2D", "groups", lambda L: L.Conv2D(6, 3, groups=2, padding="same"), normal(2, 5, 4, 4))
    s.layer("Conv2D", "groups_strided", lambda L: L.Conv2D(6, 2, groups=3, strides=2), normal(2, 5, 4, 6))
    s.layer("Conv2D", "nobias", lambda L: L.Conv2D(4, 3, use_bias=False), x)
    s.layer("Conv2D", "pointwise", lambda L: L.Conv2D(7, 1, activation="sigmoid"), normal(2, 4, 5, 6))
    s.layer("Conv2D", "pointwise_strided", lambda L: L.Conv2D(7, 1, strides=2), normal(2, 5, 4, 3))
    s.layer("Conv2D", "big_kernel", lambda L: L.Conv2D(3, 7, strides=2, padding="same"), normal(2, 5, 9, 2))
    s.layer("Conv2D", "whole_image", lambda L: L.Conv2D(4, (4, 3)), normal(3, 4, 3, 2))
    s.layer("Conv2D", "unknown_size", lambda L: L.Conv2D(4, 3), normal(2, 5, 6, 3).declare(None, None, 3))
    s.layer("Conv2D", "wide", lambda L: L.Conv2D(17, 3, padding="same", activation="elu"), normal(1, 5, 6, 9))
    s.layer("Conv2D", "channels_first_same", lambda L: L.Conv2D(4, 3, strides=2, padding="same", data_format="channels_first"),
            normal(2, 3, 5, 6), jit=True)
    s.layer("Conv2D", "softmax", lambda L: L.Conv2D(4, 2, activation="softmax"), x)
    # an output as wide as it has channels would not do: TensorFlow's graph rewriter then adds the bias along the wrong axis
    s.layer("Conv2D", "channels_first", lambda L: L.Conv2D(4, 3, data_format="channels_first"), normal(2, 3, 5, 7), jit=True)
    s.layer("Conv2D", "deep", lambda L: L.Conv2D(35, 3, strides=2, padding="same", activation="relu"), normal(2, 7, 8, 45))


def depthwise(s):
    x = normal(2, 6, 7, 3)
    s.layer("DepthwiseConv2D", "valid", lambda L: L.DepthwiseConv2D(3), x, k2=True)
    s.layer("DepthwiseConv2D", "same", lambda L: L.DepthwiseConv2D(3, padding="same", activation="relu"), x)
    s.layer("DepthwiseConv2D", "multiplier", lambda L: L.DepthwiseConv2D((2, 3), depth_multiplier=2, padding="same"), x, k2=True)
    s.layer("DepthwiseConv2D", "strided", lambda L: L.DepthwiseConv2D(3, strides=2, padding="same"), x)
    s.layer("DepthwiseConv2D", "strided_valid", lambda L: L.DepthwiseConv2D(3, strides=2, use_bias=False), x, k2=True)
    s.layer("DepthwiseConv2D", "dilated", lambda L: L.DepthwiseConv2D(2, dilation_rate=2, padding="same"), x)
    s.layer("DepthwiseConv2D", "strided_dilated", lambda L: L.DepthwiseConv2D(3, strides=2, dilation_rate=2, padding="same"),
            normal(2, 9, 8, 3))
    s.layer("DepthwiseConv2D", "one_channel", lambda L: L.DepthwiseConv2D(3, depth_multiplier=3), normal(2, 5, 6, 1))
    s.layer("DepthwiseConv2D", "channels_first", lambda L: L.DepthwiseConv2D(3, padding="same", data_format="channels_first"),
            normal(2, 3, 5, 6))
    s.layer("DepthwiseConv2D", "wide", lambda L: L.DepthwiseConv2D(3, padding="same", activation="relu6"), normal(2, 5, 7, 37))
    s.layer("DepthwiseConv2D", "kernel5", lambda L: L.DepthwiseConv2D(5, strides=2, padding="same"), normal(2, 8, 6, 5))
    s.layer("DepthwiseConv1D", "valid", lambda L: L.DepthwiseConv1D(3), normal(2, 8, 3))
    s.layer("DepthwiseConv1D", "same", lambda L: L.DepthwiseConv1D(4, depth_multiplier=2, padding="same", activation="tanh"), normal(2, 8, 3))
    s.layer("DepthwiseConv1D", "strided", lambda L: L.DepthwiseConv1D(3, strides=2, padding="same"), normal(2, 8, 3))


def separable(s):
    x = normal(2, 6, 7, 3)
    s.layer("SeparableConv2D", "valid", lambda L: L.SeparableConv2D(5, 3), x, k2=True)
    s.layer("SeparableConv2D", "same", lambda L: L.SeparableConv2D(4, 3, padding="same", activation="relu", use_bias=False), x)
    s.layer("SeparableConv2D", "multiplier", lambda L: L.SeparableConv2D(4, (2, 3), depth_multiplier=3, padding="same"), x, k2=True)
    s.layer("SeparableConv2D", "strided", lambda L: L.SeparableConv2D(4, 3, strides=2, padding="same"), x)
    s.layer("SeparableConv2D", "dilated", lambda L: L.SeparableConv2D(4, 2, dilation_rate=2, padding="same"), x)
    s.layer("SeparableConv1D", "valid", lambda L: L.SeparableConv1D(5, 3), normal(2, 8, 3), k2=True)
    s.layer("SeparableConv1D", "same", lambda L: L.SeparableConv1D(4, 4, depth_multiplier=2, padding="same"), normal(2, 8, 3))
    s.layer("SeparableConv1D", "strided", lambda L: L.SeparableConv1D(4, 3, strides=2, activation="tanh"), normal(2, 8, 3))


def transposed(s):
    x = normal(2, 4, 5, 3)
    s.layer("Conv2DTranspose", "valid", lambda L: L.Conv2DTranspose(4, 3), x, k2=True)
    s.layer("Conv2DTranspose", "same", lambda L: L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"), x, k2=True)
    s.layer("Conv2DTranspose", "strided", lambda L: L.Conv2DTranspose(2, (3, 2), strides=(2, 3)), x)
    s.layer("Conv2DTranspose", "even", lambda L: L.Conv2DTranspose(2, 4, strides=2, padding="same", use_bias=False), x)
    s.layer("Conv2DTranspose", "output_padding", lambda L: L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1), x)
    s.layer("Conv2DTranspose", "output_padding_valid", lambda L: L.Conv2DTranspose(2, 2, strides=3, output_padding=(2, 0)), x)
    s.layer("Conv2DTranspose", "gaps", lambda L: L.Conv2DTranspose(5, 2, strides=(3, 4), padding="same"), x)
    s.layer("Conv2DTranspose", "unknown_size", lambda L: L.Conv2DTranspose(5, 3, strides=2, padding="same"), x.declare(None, None, 3))
    s.layer("Conv2DTranspose", "dilated", lambda L: L.Conv2DTranspose(2, 3, dilation_rate=2), x, jit=True)
    s.layer("Conv1DTranspose", "valid", lambda L: L.Conv1DTranspose(4, 3), normal(2, 6, 3), k2=True)
    s.layer("Conv1DTranspose", "same", lambda L: L.Conv1DTranspose(4, 3, strides=2, padding="same"), normal(2, 6, 3))
    s.layer("Conv1DTranspose", "strided", lambda L: L.Conv1DTranspose(2, 2, strides=3), normal(2, 6, 3))


def conv3d(s):
    x = normal(2, 4, 3, 5, 2)
    s.layer("Conv3D", "valid", lambda L: L.Conv3D(3, 2), x, k2=True)
    s.layer("Conv3D", "same", lambda L: L.Conv3D(3, (2, 3, 2), padding="same", strides=(1, 2, 2)), x)
    s.layer("Conv3DTranspose", "same", lambda L: L.Conv3DTranspose(2, 2, strides=2, padding="same"), normal(1, 2, 3, 2, 3))
