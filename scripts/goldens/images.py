"""Image preprocessing and augmentation layers: what they do in inference, and (augment/) the drawn transformations with stated numbers."""
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .common import TOLERANCE, Spec, normal, pack, seed_of, uniform, write_npz


def goldens(s):
    resizing(s)
    crops(s)
    common(s)
    rarer(s)
    pipelines(s)
    transformations(s)


def bytes_of(*shape):
    return Spec(shape, lambda rng: rng.integers(0, 256, size=shape).astype("uint8"), "uint8")


def pixels(*shape):
    return uniform(*shape, high=255)


def resizing(s):
    x = normal(2, 5, 7, 3)
    for method in ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"):
        for name, size in (("up", (9, 8)), ("down", (3, 4)), ("mixed", (3, 11))):
            s.layer("Resizing", f"{method}_{name}", lambda L: L.Resizing(*size, interpolation=method), x,
                    trains=(method, name) != ("lanczos5", "down"), k2=True)
        s.layer("Resizing", method + "_antialias", lambda L: L.Resizing(3, 5, interpolation=method, antialias=True), normal(2, 10, 9, 2))
        s.layer("Resizing", method + "_antialias_up", lambda L: L.Resizing(7, 3, interpolation=method, antialias=True), normal(2, 5, 10, 2))
        s.layer("Resizing", method + "_bytes", lambda L: L.Resizing(4, 5, interpolation=method), bytes_of(2, 6, 7, 3), k2=True)
    for name, size in (("up", (9, 8)), ("down", (3, 4)), ("mixed", (3, 11))):
        s.layer("Resizing", "area_" + name, lambda L: L.Resizing(*size, interpolation="area"), x, trains=False)
    s.layer("Resizing", "area_bytes", lambda L: L.Resizing(4, 5, interpolation="area"), bytes_of(2, 7, 9, 3))
    s.layer("Resizing", "same", lambda L: L.Resizing(5, 7), x)
    s.layer("Resizing", "unknown", lambda L: L.Resizing(4, 6), x.declare(None, None, 3))
    s.layer("Resizing", "unknown_nearest", lambda L: L.Resizing(4, 6, interpolation="nearest"), normal(2, 5, 7, 3).declare(None, None, 3))
    s.layer("Resizing", "channels_first", lambda L: L.Resizing(4, 6, data_format="channels_first"), normal(2, 3, 5, 7))
    s.layer("Resizing", "channels_first_nearest", lambda L: L.Resizing(4, 6, interpolation="nearest", data_format="channels_first"), normal(2, 3, 5, 7))
    for name, size in (("wide", (4, 9)), ("tall", (9, 4))):
        s.layer("Resizing", "crop_" + name, lambda L: L.Resizing(*size, crop_to_aspect_ratio=True), x, k2=True)
        s.layer("Resizing", "pad_" + name, lambda L: L.Resizing(*size, pad_to_aspect_ratio=True), x)
        s.layer("Resizing", "pad_value_" + name, lambda L: L.Resizing(*size, pad_to_aspect_ratio=True, fill_value=7.5), x)
        s.layer("Resizing", "pad_nearest_" + name, lambda L: L.Resizing(*size, pad_to_aspect_ratio=True, fill_value=2.5, interpolation="nearest"), x)
        s.layer("Resizing", "pad_antialias_" + name, lambda L: L.Resizing(*size, pad_to_aspect_ratio=True, fill_value=3.0, interpolation="bicubic",
                antialias=True), normal(2, 14, 13, 2))
        s.layer("Resizing", "pad_area_" + name, lambda L: L.Resizing(*size, pad_to_aspect_ratio=True, fill_value=3.0, interpolation="area"), x, trains=False)
    s.layer("Resizing", "crop_unknown", lambda L: L.Resizing(4, 9, crop_to_aspect_ratio=True), normal(2, 5, 7, 3).declare(None, None, 3))
    s.layer("Resizing", "crop_first", lambda L: L.Resizing(4, 9, crop_to_aspect_ratio=True, interpolation="lanczos3", data_format="channels_first"),
            normal(2, 3, 5, 7))
    s.layer("Resizing", "pad_first", lambda L: L.Resizing(9, 4, pad_to_aspect_ratio=True, data_format="channels_first", fill_value=1.0), normal(2, 3, 5, 7))
    s.layer("Resizing", "pad_bytes", lambda L: L.Resizing(9, 4, pad_to_aspect_ratio=True, fill_value=3), bytes_of(2, 5, 7, 3))
    s.layer("Resizing", "crop_bytes", lambda L: L.Resizing(9, 4, crop_to_aspect_ratio=True, interpolation="nearest"), bytes_of(2, 5, 7, 3))


    def op(name, spec, *size, **options):
        s.op("resize_" + name, lambda a: keras.ops.image.resize(a, size, **options), spec, trains=options.get("interpolation") != "area")

    op("antialias", normal(2, 10, 9, 2), 3, 5, antialias=True)
    op("antialias_bicubic", normal(2, 10, 9, 2), 4, 5, antialias=True, interpolation="bicubic")
    op("lanczos3", normal(2, 5, 7, 2), 9, 4, interpolation="lanczos3")
    op("area", normal(2, 10, 9, 2), 3, 5, interpolation="area")
    op("crop", normal(2, 10, 9, 2), 4, 7, crop_to_aspect_ratio=True)
    op("pad", normal(2, 10, 9, 2), 4, 7, pad_to_aspect_ratio=True, fill_value=2.0)
    op("nearest_unknown", normal(2, 5, 7, 2).declare(None, None, 2), 4, 9, interpolation="nearest")
    op("bytes", bytes_of(2, 5, 7, 2), 4, 9)
    op("bytes_nearest", bytes_of(2, 5, 7, 2), 4, 9, interpolation="nearest")
    op("channels_first", normal(2, 2, 5, 7), 4, 9, data_format="channels_first")


def crops(s):
    x = normal(2, 7, 8, 3)
    for name, size in (("even", (5, 4)), ("odd", (4, 5)), ("same", (7, 8)), ("larger", (9, 11)), ("taller", (9, 5)), ("wider", (4, 11))):
        s.layer("CenterCrop", name, lambda L: L.CenterCrop(*size), x, k2=True)
        s.layer("RandomCrop", name, lambda L: L.RandomCrop(*size), x, trains=False, k2=True)
    s.layer("CenterCrop", "bytes", lambda L: L.CenterCrop(3, 4), bytes_of(2, 6, 7, 3), k2=True)
    s.layer("CenterCrop", "unknown", lambda L: L.CenterCrop(3, 4), normal(2, 6, 7, 3).declare(None, None, 3), k2=True)
    s.layer("CenterCrop", "channels_first", lambda L: L.CenterCrop(3, 4, data_format="channels_first"), normal(2, 3, 6, 7))
    s.layer("CenterCrop", "larger_first", lambda L: L.CenterCrop(9, 4, data_format="channels_first"), normal(2, 3, 6, 7))
    s.layer("RandomCrop", "bytes", lambda L: L.RandomCrop(3, 4), bytes_of(2, 6, 7, 3), k2=True)
    s.layer("RandomCrop", "channels_first", lambda L: L.RandomCrop(3, 4, data_format="channels_first"), normal(2, 3, 6, 7), trains=False)


def infers(s, cls, *configs, k2=False):
    """A layer that changes nothing in inference, but maybe the dtype: floats and bytes, each with several configurations."""
    x, small = pixels(2, 5, 6, 3), bytes_of(2, 5, 6, 3)
    for i, config in enumerate(configs):
        channels_first = config.get("data_format") == "channels_first"
        s.layer(cls, f"floats_{i}", lambda L: getattr(L, cls)(**config), pixels(2, 3, 5, 6) if channels_first else x, trains=False,
                k2=k2 and i == 0)
        s.layer(cls, f"bytes_{i}", lambda L: getattr(L, cls)(**config), bytes_of(2, 3, 5, 6) if channels_first else small, trains=False,
                k2=k2 and i == 0)


FIRST = {"data_format": "channels_first"}


def common(s):
    infers(s, "RandomFlip", {}, {"mode": "horizontal", "seed": 3}, {"mode": "vertical", **FIRST}, k2=True)
    infers(s, "RandomRotation", {"factor": 0.2}, {"factor": (-0.1, 0.3), "fill_mode": "constant", "fill_value": 4.0, "seed": 1},
           {"factor": 0.3, "fill_mode": "wrap", "interpolation": "nearest", **FIRST}, k2=True)
    infers(s, "RandomZoom", {"height_factor": 0.2}, {"height_factor": (0.1, 0.3), "width_factor": (-0.2, 0.1), "fill_mode": "nearest"},
           {"height_factor": 0.2, "interpolation": "nearest", "bounding_box_format": "xyxy", **FIRST}, k2=True)
    infers(s, "RandomTranslation", {"height_factor": 0.2, "width_factor": 0.3},
           {"height_factor": (-0.1, 0.3), "width_factor": 0.1, "fill_mode": "constant", "fill_value": 1.5},
           {"height_factor": 0.2, "width_factor": 0.2, "interpolation": "nearest", **FIRST}, k2=True)
    infers(s, "RandomContrast", {"factor": 0.2}, {"factor": (0.1, 0.4), "value_range": (0, 1), "seed": 5}, {"factor": 0.3, **FIRST}, k2=True)
    infers(s, "RandomBrightness", {"factor": 0.2}, {"factor": (-0.1, 0.4), "value_range": (0, 1)}, {"factor": 0.3, **FIRST}, k2=True)
    for cls in ("RandomHeight", "RandomWidth"):
        for i, config in enumerate(({"factor": 0.2}, {"factor": (0.1, 0.3), "interpolation": "nearest"}, {"factor": (-0.2, 0.0), "seed": 4})):
            for name, x in (("floats", pixels(2, 5, 6, 3)), ("bytes", bytes_of(2, 5, 6, 3))):
                s.layer(cls, f"{name}_{i}", lambda L: getattr(L, cls)(**config), x, trains=False, frameworks=("tf_keras",))


def rarer(s):
    unit = {"value_range": (0, 1)}
    infers(s, "AugMix", {}, {"num_chains": 2, "chain_depth": 1, "factor": 0.5, "alpha": 0.5, "all_ops": False, **unit}, FIRST)
    infers(s, "CutMix", {}, {"factor": 0.5, "seed": 2}, FIRST)
    for i, config in enumerate(({}, {"bins": 64, **unit}, FIRST)):  # alone, Keras takes it for a cycle
        for name, x in (("floats", pixels(2, 3, 5, 4)), ("bytes", bytes_of(2, 3, 5, 4))):
            s.layer("Equalization", f"{name}_{i}", lambda L: L.Pipeline([L.Equalization(**config), L.Rescaling(2.0)]), x, trains=False)
    infers(s, "MaxNumBoundingBoxes", {"max_number": 3}, {"max_number": 3, "bounding_box_format": "xywh"}, {"max_number": 7, **FIRST})
    infers(s, "MixUp", {}, {"alpha": 0.4, "seed": 2}, FIRST)
    infers(s, "RandAugment", {}, {"num_ops": 3, "factor": 0.2, "interpolation": "nearest", **unit}, FIRST)
    infers(s, "RandomColorDegeneration", {"factor": 0.3}, {"factor": (0.1, 0.3), **unit}, {"factor": 0.5, **FIRST})
    infers(s, "RandomColorJitter", {}, {"brightness_factor": 0.2, "contrast_factor": 0.1, "saturation_factor": 0.3, "hue_factor": 0.1, **unit},
           {"hue_factor": 0.1, **FIRST})
    infers(s, "RandomElasticTransform", {}, {"factor": 0.5, "scale": 0.5, "interpolation": "nearest", "fill_mode": "constant", "fill_value": 2.0}, FIRST)
    infers(s, "RandomErasing", {}, {"factor": 0.5, "scale": (0.1, 0.2), "fill_value": 3.0}, FIRST)
    infers(s, "RandomGaussianBlur", {}, {"factor": 0.5, "kernel_size": 5, "sigma": (0.2, 0.8), **unit}, FIRST)
    infers(s, "RandomGrayscale", {}, {"factor": 0.9}, FIRST)
    infers(s, "RandomHue", {"factor": 0.2}, {"factor": (0.1, 0.3), **unit}, {"factor": 0.3, **FIRST})
    infers(s, "RandomInvert", {}, {"factor": 0.4, **unit}, FIRST)
    infers(s, "RandomPerspective", {}, {"factor": 0.5, "scale": 0.3, "interpolation": "nearest", "fill_value": 2.0}, FIRST)
    infers(s, "RandomPosterization", {"factor": 4}, {"factor": (2, 5), **unit}, {"factor": 3, **FIRST})
    infers(s, "RandomSaturation", {"factor": 0.2}, {"factor": (0.4, 0.6), **unit}, {"factor": 0.5, **FIRST})
    infers(s, "RandomSharpness", {"factor": 0.2}, {"factor": (0.1, 0.6), **unit}, {"factor": 0.5, **FIRST})
    # of one number Keras writes a config that it doesn't read itself
    infers(s, "RandomShear", {"x_factor": (0.1, 0.3), "fill_mode": "wrap", "interpolation": "nearest"}, {"x_factor": 0.2, "y_factor": 0.1}, FIRST)
    infers(s, "Solarization", {}, {"addition_factor": 0.3, "threshold_factor": (0.2, 0.7), **unit}, FIRST)

    x, small = pixels(2, 6, 5, 3), bytes_of(2, 6, 5, 3)
    s.layer("AutoContrast", "floats", lambda L: L.AutoContrast(), x)
    s.layer("AutoContrast", "bytes", lambda L: L.AutoContrast(), small)
    s.layer("AutoContrast", "unit", lambda L: L.AutoContrast(value_range=(0, 1)), uniform(2, 6, 5, 3, low=0.2, high=0.7))
    s.layer("AutoContrast", "channels_first", lambda L: L.AutoContrast(data_format="channels_first"), pixels(2, 3, 6, 5))
    flat = Spec((2, 3, 4, 2), lambda rng: np.full((2, 3, 4, 2), 0.3, "float32"))
    s.layer("AutoContrast", "flat", lambda L: L.AutoContrast(value_range=(-1, 1)), flat, trains=False)
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    for case, config, spec in (("floats", {}, pixels(2, 16, 24, 3)), ("uneven", {"tile_grid_size": (3, 4), "clip_limit": 2.0}, pixels(2, 13, 18, 2)),
                               ("bytes", {"tile_grid_size": (2, 3)}, bytes_of(2, 12, 15, 3)), ("unlimited", {"clip_limit": 0.0, "tile_grid_size": (2, 2)},
                               pixels(2, 9, 11, 1)), ("unit", {"value_range": (0, 1), "tile_grid_size": (4, 2)}, uniform(2, 12, 10, 3)),
                               ("channels_first", {"tile_grid_size": (2, 3), **FIRST}, pixels(2, 3, 10, 13))):
        s.layer(name, case, lambda L: getattr(L, name)(**config), spec, trains=False)


def pipelines(s):
    s.layer("Pipeline", "plain", lambda L: L.Pipeline([L.Resizing(4, 6), L.Rescaling(1 / 255), L.RandomFlip()]), pixels(2, 7, 8, 3), trains=False)
    s.layer("Pipeline", "one", lambda L: L.Pipeline([L.CenterCrop(3, 4)], name="crop"), pixels(2, 7, 8, 3))
    s.layer("Pipeline", "nested", lambda L: L.Pipeline([L.Pipeline([L.Rescaling(0.5)]), L.AutoContrast(), L.RandomRotation(0.1)]), pixels(2, 4, 5, 3),
            trains=False)


def transformations(s):
    """testdata/augment: images, a transformation with stated numbers, and what Keras makes of them; meta says the layer's config.

    draws are what the layer would draw: degrees; height and width zoom; height and width shift as parts of the size; whether an image is
    flipped; a contrast factor; a brightness shift."""
    def case(name, layer, images, draws, transformation):
        file = Path("augment") / (name + ".npz")
        if not s.wants(file):
            return
        seed = seed_of("augment", name)
        x = images.draw(np.random.default_rng(seed))
        draws = np.array(draws, "float32")
        y = np.asarray(layer.transform_images(tf.constant(x), transformation(x, draws)))
        model = {"module": "keras.layers", "class_name": type(layer).__name__, "config": dict(layer.get_config(), name=name), "registered_name": None}
        meta = {"case": name, "class": type(layer).__name__, "model": model, "keras": keras.__version__, "seed": seed,
                "tolerance": TOLERANCE}
        write_npz(s.root / file, {"meta": pack(meta), "x": x, "draws": draws, "y": y})
        s.add(file, case="augment/" + name, keras=keras.__version__, framework="keras", seed=seed, tolerance=TOLERANCE,
              why="float32 geometry in another order")

    def rotation(layer):
        def transformation(x, draws):
            first = layer.data_format == "channels_first"
            h, w = x.shape[2:] if first else x.shape[1:3]
            n, zero = len(draws), np.zeros(len(draws), "float32")
            matrix = layer._compute_affine_matrix(center_x=0.5, center_y=0.5, angle=tf.constant(draws[:, 0]), translate_x=zero, translate_y=zero,
                                                  scale=np.ones(n, "float32"), shear_x=tf.constant(zero), shear_y=tf.constant(zero), height=h, width=w)
            return {"rotation_matrix": matrix}
        return transformation

    def zoom(x, draws):
        return {"height_zoom": draws[:, :1], "width_zoom": draws[:, 1:], "input_shape": x.shape}

    def translation(layer):
        def transformation(x, draws):
            h, w = x.shape[2:] if layer.data_format == "channels_first" else x.shape[1:3]
            return {"translations": np.stack([draws[:, 1] * w, draws[:, 0] * h], axis=1).astype("float32"), "input_shape": x.shape}
        return transformation

    last, first = normal(4, 9, 7, 2), normal(4, 2, 9, 7)
    for mode in ("constant", "nearest", "reflect", "wrap"):
        for how in ("nearest", "bilinear"):
            for name, images, fmt in (("", last, "channels_last"), ("_first", first, "channels_first")):
                options = {"fill_mode": mode, "interpolation": how, "fill_value": 1.25, "data_format": fmt}
                end = f"_{mode}_{how}{name}"
                layer = keras.layers.RandomRotation(0.5, **options)
                case("rotation" + end, layer, images, [[17.0], [-63.0], [141.5], [-8.25]], rotation(layer))
                case("zoom" + end, keras.layers.RandomZoom(0.9, 0.9, **options), images, [[1.31, 0.77], [0.43, 1.9], [1.73, 1.57], [0.61, 0.58]], zoom)
                layer = keras.layers.RandomTranslation(0.9, 0.9, **options)
                case("translation" + end, layer, images, [[0.13, -0.29], [-0.41, 0.37], [0.87, 0.95], [-0.93, -0.71]], translation(layer))
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        for name, images, fmt in (("", last, "channels_last"), ("_first", first, "channels_first")):
            case(f"flip_{mode}{name}", keras.layers.RandomFlip(mode, data_format=fmt), images, [[1], [0], [1], [0]],
                 lambda x, draws: {"flips": draws.reshape(-1, 1, 1, 1) > 0.5, "input_shape": x.shape})
    for name, value_range, images, fmt in (("", (0, 255), pixels(4, 5, 6, 3), "channels_last"), ("_unit", (0, 1), uniform(4, 5, 6, 3), "channels_last"),
                                           ("_first", (0, 255), pixels(4, 3, 5, 6), "channels_first")):
        case("contrast" + name, keras.layers.RandomContrast(0.9, value_range=value_range, data_format=fmt), images, [[0.4], [1.7], [1.0], [0.05]],
             lambda x, draws: {"contrast_factor": draws.reshape(-1, 1, 1, 1)})
        scale = value_range[1] - value_range[0]
        case("brightness" + name, keras.layers.RandomBrightness(0.9, value_range=value_range, data_format=fmt), images,
             [[0.4], [-0.7], [0.0], [0.05]], lambda x, draws: {"rgb_delta": draws.reshape(-1, 1, 1, 1) * scale})


def augmented(K):
    """A classifier as tutorials write it: images are resized and augmented in the model."""
    L = K.layers
    return K.Sequential([
        K.Input((9, 12, 3)), L.Resizing(10, 10), L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.2), L.RandomTranslation(0.1, 0.1),
        L.RandomContrast(0.2), L.RandomBrightness(0.2), L.CenterCrop(8, 8), L.Rescaling(1 / 255), L.Conv2D(4, 3, activation="relu"),
        L.GlobalAveragePooling2D(), L.Dropout(0.3), L.Dense(4, activation="softmax")], name="augmented")


def preprocessed(K):
    """Pipelines, one of them with weights, and layers that hold others."""
    L = K.layers
    t = K.Input((8, 7, 3))
    h = L.Pipeline([L.RandomFlip(), L.Resizing(8, 8), L.RandAugment()], name="first")(t)
    h = L.Pipeline([L.Rescaling(1 / 255), L.Conv2D(4, 3), L.BatchNormalization(), L.Conv2D(3, 3)], name="second")(h)
    h = L.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)(h)
    return K.Model(t, L.Dense(2)(L.Flatten()(h)))
