#!/usr/bin/env python3
"""Writes testdata/pixels: what Pillow, Keras and TensorFlow make of small images, for the tests of imaging.

    "$(scripts/venv.sh)/bin/python" scripts/pixels.py

    pil.npz     sources, and each resized by Image.resize: SOURCE/FILTER/WxH; keras.utils.load_img and ImageOps.pad:
                SOURCE/crop-FILTER/WxH, SOURCE/pad-FILTER/WxH
    tf.npz      the same through keras.ops.image.resize on TensorFlow
    modes.npz   keras.applications' preprocess_input and keras.layers.Rescaling
    files/      tiny images of every format;  files.npz  each as load_img reads it: FILE/rgb, FILE/gray, FILE/rgba

Seeded: the same bytes at every run.
"""

import io
import os
import pathlib
import struct
import zipfile
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
import numpy as np
from keras.src.applications import imagenet_utils
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).resolve().parent.parent / "testdata" / "pixels"
FILTERS = {
    "nearest": Image.NEAREST,
    "bilinear": Image.BILINEAR,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
    "box": Image.BOX,
    "hamming": Image.HAMMING,
}
# (width, height). From 9x13, 3x1 is where Pillow just still goes across first, and from 9x40 it mostly goes down first.
SIZES = [(1, 1), (3, 1), (3, 2), (5, 9), (16, 4), (4, 21), (23, 19)]


def save(name, arrays):
    """An .npz like numpy.savez_compressed's, in the dictionary's order."""
    with zipfile.ZipFile(OUT / name, "w", zipfile.ZIP_DEFLATED) as z:
        for key, a in arrays.items():
            b = io.BytesIO()
            np.save(b, np.ascontiguousarray(a))
            z.writestr(zipfile.ZipInfo(key + ".npy", (1980, 1, 1, 0, 0, 0)), b.getvalue(), zipfile.ZIP_DEFLATED)


def picture(rng, h, w, c):
    """A gradient, an edge and noise, so that every kind of rounding and clipping happens."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([(x * (7 + 3 * k) + y * (11 - 2 * k)) % 256 for k in range(c)], -1).astype(np.int64)
    a[(x + 2 * y) % 7 == 0] = 255
    a[(2 * x + y) % 9 == 0] = 0
    a += rng.integers(-40, 41, a.shape)
    return np.clip(a, 0, 255).astype(np.uint8)


def sources(rng):
    s = {}
    for w, h in [(1, 1), (1, 9), (13, 1), (7, 5), (31, 17), (16, 12), (9, 13), (9, 40)]:
        s[f"L_{w}x{h}"] = picture(rng, h, w, 1)[..., 0]
        s[f"RGB_{w}x{h}"] = picture(rng, h, w, 3)
    for w, h in [(7, 5), (21, 12)]:
        rgba = picture(rng, h, w, 4)
        rgba[..., 3] = np.where(rng.random((h, w)) < 0.5, rgba[..., 3], rng.choice([0, 255], (h, w)))
        s[f"RGBA_{w}x{h}"] = rgba
        s[f"I16_{w}x{h}"] = rng.choice([0, 9, 255, 256, 30000, 65535], (h, w)).astype(np.uint16)
    return s


def pil(src):
    out = {}
    for name, a in src.items():
        im = Image.fromarray(a)
        png = io.BytesIO()
        im.save(png, "PNG")
        for f, resample in FILTERS.items():
            for w, h in SIZES:
                out[f"{name}/{f}/{w}x{h}"] = np.asarray(im.resize((w, h), resample))
            for w, h in [(5, 9), (16, 4)]:
                mode = {"L": "grayscale", "I16": "grayscale", "RGB": "rgb", "RGBA": "rgba"}[name.split("_")[0]]
                try:
                    got = keras.utils.load_img(io.BytesIO(png.getvalue()), mode, (h, w), f, keep_aspect_ratio=True)
                    out[f"{name}/crop-{f}/{w}x{h}"] = np.asarray(got)
                except ValueError:
                    out[f"{name}/crop-{f}/{w}x{h}"] = np.zeros(0, np.uint8)  # nothing is left: an error there and here
                try:
                    out[f"{name}/pad-{f}/{w}x{h}"] = np.asarray(ImageOps.pad(im, (w, h), resample))
                except ValueError:
                    out[f"{name}/pad-{f}/{w}x{h}"] = np.zeros(0, np.uint8)
    return out


def tf(src):
    out = {}
    for name, a in src.items():
        x = a.reshape(a.shape[0], a.shape[1], -1).astype(np.float32)
        for f in ("nearest", "bilinear"):
            for w, h in SIZES:
                out[f"{name}/{f}/{w}x{h}"] = keras.ops.image.resize(x, (h, w), f).numpy()
            for w, h in [(5, 9), (16, 4)]:
                for aspect in ("crop", "pad"):
                    got = keras.ops.image.resize(x, (h, w), f, **{f"{aspect}_to_aspect_ratio": True})
                    out[f"{name}/{aspect}-{f}/{w}x{h}"] = got.numpy()
    return out


def modes(rng):
    a = rng.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    out = {"source": a}
    for mode in ("tf", "torch", "caffe"):
        out[mode] = imagenet_utils.preprocess_input(a.astype(np.float32), "channels_last", mode)
    out["scale"] = a.astype(np.float32) / 255
    for scale, offset in [(1 / 255, 0.0), (1 / 127.5, -1.0), (0.017, -2.25)]:
        layer = keras.layers.Rescaling(scale, offset)
        out[f"rescale={scale!r},{offset!r}"] = layer(a.astype(np.float32)).numpy()
    return out


def png(w, h, depth, color, data, chunks=()):
    """A PNG with what Pillow doesn't write. data: rows of raw bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    raw = b"".join(b"\0" + row for row in data)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, 0, 0, 0))
        + b"".join(chunk(k, b) for k, b in chunks)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def write_files(rng):
    d = OUT / "files"
    d.mkdir(parents=True, exist_ok=True)
    for old in d.iterdir():
        old.unlink()
    h, w = 19, 25
    smooth = np.stack(np.broadcast_arrays(*(np.add.outer(np.arange(h) * k, np.arange(w) * (9 - k)) for k in (2, 5, 8))), -1)
    rgb = np.clip(smooth + rng.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
    rgb[4:9, 5:12] = (250, 20, 30)
    alpha = picture(rng, h, w, 1)
    L, RGB = Image.fromarray(rgb[..., 1]), Image.fromarray(rgb)
    RGBA = Image.fromarray(np.concatenate([rgb, alpha], -1))
    LA = Image.fromarray(np.stack([rgb[..., 0], alpha[..., 0]], -1))
    P = RGB.quantize(23)
    bit = L.point(lambda v: 255 * (v > 90)).convert("1")
    I16 = Image.fromarray(rng.choice([0, 7, 255, 256, 40000, 65535], (h, w)).astype(np.uint16))

    for name, im in {"l": L, "rgb": RGB, "rgba": RGBA, "la": LA, "p": P, "1": bit, "i16": I16}.items():
        im.save(d / f"{name}.png")
    P.save(d / "p_trns.png", transparency=bytes([0, 128, 255, 7]))
    P.save(d / "p_one.png", transparency=3)
    L.save(d / "l_trns.png", transparency=int(rgb[5, 5, 1]))
    RGB.save(d / "rgb_trns.png", transparency=(250, 20, 30))
    deep = rng.integers(0, 65536, (h, w, 4)).astype(">u2")
    (d / "rgb16.png").write_bytes(png(w, h, 16, 2, [deep[y, :, :3].tobytes() for y in range(h)]))
    (d / "rgba16.png").write_bytes(png(w, h, 16, 6, [deep[y].tobytes() for y in range(h)]))
    (d / "la16.png").write_bytes(png(w, h, 16, 4, [deep[y, :, :2].tobytes() for y in range(h)]))
    packed = rng.integers(0, 256, (h, w)).astype(np.uint8)
    (d / "l2.png").write_bytes(png(w, h, 2, 0, [packed[y, : (w + 3) // 4].tobytes() for y in range(h)]))
    (d / "l4.png").write_bytes(png(w, h, 4, 0, [packed[y, : (w + 1) // 2].tobytes() for y in range(h)]))

    for name, (im, options) in {
        "l": (L, {}),
        "444": (RGB, {"subsampling": "4:4:4", "quality": 90}),
        "422": (RGB, {"subsampling": "4:2:2"}),
        "420": (RGB, {"subsampling": "4:2:0"}),
        "progressive": (RGB, {"progressive": True, "quality": 60}),
        "low": (RGB, {"quality": 10}),
        "cmyk": (RGB.convert("CMYK"), {"quality": 95}),
        "narrow": (RGB.resize((3, 17)), {}),
        "column": (RGB.resize((1, 9)), {}),
        "even": (RGB.resize((32, 32)), {}),
        "exif": (RGB, {"exif": (lambda e: e.__setitem__(274, 6) or e)(Image.Exif())}),
    }.items():
        im.save(d / f"{name}.jpg", **options)

    P.save(d / "p.gif")
    L.save(d / "l.gif")
    P.save(d / "trns.gif", transparency=5)
    P.save(d / "plain.gif", interlace=0)
    frames = [P, Image.eval(RGB, lambda v: 255 - v).quantize(9)]
    frames[0].save(d / "two.gif", save_all=True, append_images=frames[1:], duration=50)
    # A first frame that leaves a part of the canvas free: the descriptors of a plain file, moved.
    for name, source in {"offset": "plain", "offset_trns": "trns"}.items():
        b = bytearray((d / f"{source}.gif").read_bytes())
        b[6:10] = struct.pack("<HH", w + 6, h + 4)
        at = b.index(struct.pack("<BHHHH", 0x2C, 0, 0, w, h), 13)
        b[at + 1 : at + 5] = struct.pack("<HH", 5, 3)
        (d / f"{name}.gif").write_bytes(bytes(b))

    for name, im in {"1": bit, "l": L, "p": P, "rgb": RGB, "rgba": RGBA}.items():
        im.save(d / f"{name}.bmp")

    for name, (im, options) in {
        "1": (bit, {}),
        "l": (L, {}),
        "l_lzw": (L, {"compression": "tiff_lzw"}),
        "i16": (I16, {}),
        "p": (P, {}),
        "rgb": (RGB, {}),
        "rgb_deflate": (RGB, {"compression": "tiff_adobe_deflate"}),
        "rgb_packbits": (RGB, {"compression": "packbits"}),
        "rgba": (RGBA, {}),
        "rgba_associated": (RGBA, {"tiffinfo": {338: 1}}),
    }.items():
        im.save(d / f"{name}.tif", **options)
    for o in range(2, 9):
        RGB.resize((5, 3), Image.BOX).save(d / f"orient{o}.tif", tiffinfo={274: o})

    for name, (im, options) in {
        "lossless": (RGB, {"lossless": True}),
        "lossless_alpha": (RGBA, {"lossless": True, "exact": True}),
        "lossy": (RGB, {"quality": 80}),
        "lossy_low": (RGB, {"quality": 5}),
        "lossy_alpha": (RGBA, {"quality": 70}),
        "lossy_even": (RGB.resize((24, 18)), {}),
        "lossy_dot": (RGB.resize((1, 1)), {}),
        "lossy_flat": (RGB.resize((9, 2)), {}),
    }.items():
        im.save(d / f"{name}.webp", **options)


def read_files():
    out = {}
    for path in sorted((OUT / "files").iterdir()):
        for key, mode in {"rgb": "rgb", "gray": "grayscale", "rgba": "rgba"}.items():
            out[f"{path.name}/{key}"] = np.asarray(keras.utils.load_img(path, mode))
    return out


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    src = sources(np.random.default_rng([11, 1]))
    named = {f"{name}/source": a for name, a in src.items()}
    save("pil.npz", named | pil(src))
    small = {k: v for k, v in src.items() if not k.startswith(("RGBA_2", "I16_2"))}
    save("tf.npz", {k: v for k, v in named.items() if k.split("/")[0] in small} | tf(small))
    save("modes.npz", modes(np.random.default_rng([11, 2])))
    write_files(np.random.default_rng([11, 3]))
    save("files.npz", read_files())


if __name__ == "__main__":
    main()
