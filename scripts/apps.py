#!/usr/bin/env python3
"""Makes big real architectures from keras.applications, with seeded weights, and what Keras answers: too large to commit.

    python scripts/apps.py FOLDER [NAME ...]

For MobileNetV2, ResNet50, EfficientNetB0, Xception and DenseNet121 (or those named) it writes FOLDER/NAME.keras, NAME.h5 and NAME.npz, the
last in export_reference.py's form: x_0, y_0, meta, layer/<name> for some layers (for MobileNetV2 all of them), and logits_0, the output
before its softmax.

No trained weights are fetched. Kernels are He-normal, gains and offsets random; the moving statistics are those of a pass over random
images, then moved a little: so activations stay near 1 through all layers, and no two statistics are alike. The means count in the
variances too: else a deep random network magnifies rounding until Keras with oneDNN and without differ by more than 1e-5.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import re
import zlib
from pathlib import Path

import keras
import numpy as np

import export_reference

# The input's shape, batch first (not square, but for the one that timings use), and the layers whose outputs are kept.
APPS = {
    "MobileNetV2": ((2, 96, 128, 3), ""),
    "ResNet50": ((1, 224, 224, 3), r"^(conv1_relu|pool1_pool|conv\d_block\d_out|avg_pool)$"),
    "EfficientNetB0": ((2, 128, 96, 3), r"^(normalization|rescaling.*|stem_activation|block\da_(se_excite|project_bn)|top_activation|avg_pool)$"),
    "Xception": ((1, 128, 160, 3), r"^(block\d+_pool|add.*|block14_sepconv2_act|avg_pool)$"),
    "DenseNet121": ((1, 96, 128, 3), r"^(conv1_relu|pool\d_pool|conv\d_block1_concat|relu|avg_pool)$"),
}


def main():
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(APPS):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or APPS:
        make(folder, name, *APPS[name])


def make(folder, name, shape, kept):
    keras.backend.clear_session()
    seed = zlib.crc32(name.encode())
    keras.utils.set_random_seed(seed % 2**31)
    rng = np.random.default_rng(seed)
    model = getattr(keras.applications, name)(weights=None, input_shape=shape[1:])
    high = 255.0 if name.startswith("EfficientNet") else 1.0  # it rescales by itself; the others take -1..1
    reseed(model, rng, image(rng, (4, *shape[1:]), high))
    x = image(rng, shape, high)

    inputs = [export_reference.input_name(t) for t in model.inputs]
    layers, outputs = export_reference.run(model, inputs, [x], re.compile(kept))
    last = model.layers[-1]
    activation, last.activation = last.activation, keras.activations.linear
    logits = np.asarray(model(x, training=False))
    last.activation = activation
    spread, top = float(logits.std()), float(outputs[0].max())
    if not (0.1 < spread < 30 and np.isfinite(logits).all() and top < 0.99):
        sys.exit(f"{name}: a degenerate output: logits spread {spread:.3g}, largest probability {top:.3g}")
    meta = {"generator": "scripts/apps.py", "keras": keras.__version__, "framework": "keras", "model": name, "seed": seed,
            "inputs": inputs, "outputs": [str(n) for n in model.output_names]}
    np.savez(folder / f"{name}.npz", meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), x_0=x, y_0=outputs[0], logits_0=logits,
             **{"layer/" + key: a for key, a in layers.items()})
    model.save(folder / f"{name}.keras")
    model.save(folder / f"{name}.h5")
    print(f"{name}: {model.count_params():,} parameters, {len(layers)} layer outputs, logits spread {spread:.2f}", flush=True)


def image(rng, shape, high):
    """Smooth blobs and noise, -1..1 or 0..255: neighbours alike, as in pictures."""
    n, h, w, c = shape
    coarse = rng.normal(size=(n, 8, 8, c)).repeat(-(-h // 8), 1).repeat(-(-w // 8), 2)[:, :h, :w]
    x = np.tanh(0.7 * coarse + 0.4 * rng.normal(size=shape))
    return (x if high == 1.0 else (x + 1) * high / 2).astype("float32")


def reseed(model, rng, images):
    norms = []
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":
            layer.adapt_mean.assign(rng.uniform(0.4, 0.6, size=layer.adapt_mean.shape))
            layer.adapt_variance.assign(rng.uniform(0.04, 0.08, size=layer.adapt_variance.shape))
            layer.finalize_state()
            continue
        for w in layer.weights:
            w.assign(draw(rng, w.path.split("/")[-1], tuple(w.shape)))
        if type(layer).__name__ == "BatchNormalization":
            norms.append((layer, layer.momentum))
            layer.momentum = 0.0  # so that one pass leaves its own statistics behind
    model(images, training=True)
    for layer, momentum in norms:
        layer.momentum = momentum
        mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy() + 1e-3
        layer.moving_mean.assign(mean + 0.1 * np.sqrt(variance) * rng.normal(size=mean.shape))
        layer.moving_variance.assign((variance + 0.25 * mean**2) * rng.uniform(0.8, 1.25, size=variance.shape))


def draw(rng, name, shape):
    if name == "gamma":
        return rng.uniform(0.6, 1.4, size=shape)
    if "variance" in name:
        return rng.uniform(0.5, 1.5, size=shape)
    if len(shape) < 2:
        return rng.normal(size=shape, scale=0.2)
    # A depthwise kernel [h, w, channels, multiplier] sums over its window alone.
    fan_in = np.prod(shape[:2]) if len(shape) == 4 and shape[-1] == 1 else np.prod(shape[:-1])
    return rng.normal(size=shape, scale=np.sqrt(2 / fan_in))


if __name__ == "__main__":
    main()
