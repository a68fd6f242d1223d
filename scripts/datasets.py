"""Makes testdata/data: what Keras and TensorFlow make of folders, records, sequences and windows.

    "$(scripts/venv.sh)/bin/python" scripts/datasets.py

expected.npz holds meta, UTF-8 JSON in uint8: {case, keras, framework, cases: {pad: [...], categorical: [...], normalize: [...],
windows: [...], shuffle: [...], images: [...], texts: [...]}} and each case's arrays as KIND_i_NAME. The folders images/ and texts/
are what image_dataset_from_directory and text_dataset_from_directory read; records.tfrecord and records.tfrecord.gz are tf.io's,
and records.npz is what tf.io.parse_example gives of them.
"""
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from goldens.common import pack, seed_of, write_npz

ROOT = Path(__file__).resolve().parents[1] / "testdata" / "data"
rng = np.random.default_rng(seed_of("data", "datasets"))
arrays, cases = {}, {}


def add(kind, options, **named):
    i = len(cases.setdefault(kind, []))
    cases[kind].append(options)
    for name, a in named.items():
        arrays[f"{kind}_{i}_{name}"] = np.asarray(a)


def sequences():
    ragged = [rng.integers(1, 99, n).astype("int32") for n in (3, 0, 5, 1)]
    floats = [rng.normal(size=(n, 2)).astype("float32") for n in (2, 4, 1)]
    for seqs, dtype, options in [(ragged, "int32", {}), (ragged, "int32", {"maxlen": 4}), (ragged, "int32", {"maxlen": 4, "truncating": "post"}),
                                 (ragged, "int64", {"maxlen": 7, "padding": "post", "value": -1}), (ragged, "float32", {"padding": "post", "value": 0.5}),
                                 (ragged, "int32", {"maxlen": 2, "padding": "post", "truncating": "post"}), (floats, "float32", {"maxlen": 3}),
                                 (floats, "float32", {"padding": "post", "value": 9.0}), (floats, "int32", {"maxlen": 3, "truncating": "post"})]:
        out = keras.utils.pad_sequences(seqs, dtype=dtype, **options)
        add("pad", dict(options, dtype=dtype, n=len(seqs)), out=out, **{f"s{i}": s for i, s in enumerate(seqs)})
    for x, classes in [([0, 2, 1], None), ([[1], [0]], 3), ([[0, 1], [2, 2]], None), ([3.0, 1.0], 5)]:
        add("categorical", {"classes": classes or 0}, x=np.array(x, "float32" if isinstance(x[0], float) else "int64"),
            out=keras.utils.to_categorical(x, classes).astype("float32"))
    for shape, axis, order in [((3, 4), -1, 2), ((3, 4), -2, 2), ((2, 3, 4), 1, 1), ((2, 3, 4), 2, np.inf), ((5,), -1, 3)]:
        x = rng.normal(size=shape).astype("float32")
        x.reshape(-1)[:4] = 0
        add("normalize", {"axis": axis, "order": "inf" if order == np.inf else str(order)}, x=x, out=keras.utils.normalize(x, axis, order))


def windows():
    x, y = rng.normal(size=(23, 2)).astype("float32"), np.arange(23, dtype="int32")
    for targets, options in [(True, {"sequence_length": 5}), (False, {"sequence_length": 4, "sequence_stride": 3}),
                             (True, {"sequence_length": 3, "sampling_rate": 2, "sequence_stride": 2}),
                             (True, {"sequence_length": 4, "start_index": 3, "end_index": 17}), (True, {"sequence_length": 23})]:
        d = keras.utils.timeseries_dataset_from_array(x, y if targets else None, batch_size=None, **options)
        rows = list(d)
        got = [r[0] if targets else r for r in rows]
        named = {"x": x, "out": np.stack(got)}
        if targets:
            named |= {"y": y, "target": np.stack([r[1] for r in rows])}
        add("windows", options, **named)


def shuffles():
    for seed in (0, 1, 1337, 2**32 - 1):
        for n in (1, 2, 5, 100, 1000):
            a = np.arange(n, dtype="int32")
            np.random.RandomState(seed).shuffle(a)
            add("shuffle", {"seed": seed}, out=a)


def folders():
    for i, name in enumerate(["cat/2.png", "cat/10.png", "cat/b/1.png", "cat/B.PNG", "ant/x.jpg.png", "ant/a.png", "ant/deep/er/c.png", "dog/d.png", "dog/e.png", "dog/f.PNg"]):
        path = ROOT / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (5 + i % 3, 6, 3), np.uint8)).save(path)
    for name in (".hidden/no.png", "cat/notes.md", "alone.png"):
        path = ROOT / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not an image")
    for color in ("rgb",):
        for subset in (None, "training", "validation"):
            d = keras.utils.image_dataset_from_directory(ROOT / "images", label_mode="int", color_mode=color, batch_size=None, image_size=(4, 7), seed=11,
                                                         shuffle=True, validation_split=0.3 if subset else None, subset=subset, verbose=False)
            # the order of the files; the dataset itself also shuffles within a window, as fit() does
            files = [str(Path(p).relative_to(ROOT / "images")) for p in d.file_paths]
            plain = keras.utils.image_dataset_from_directory(ROOT / "images", label_mode="int", color_mode=color, batch_size=None, image_size=(4, 7), shuffle=False, verbose=False)
            pixels = {str(Path(p).relative_to(ROOT / "images")): x for p, x in zip(plain.file_paths, plain)}
            add("images", {"seed": 11, "color": color, "subset": subset or "", "files": files, "classes": d.class_names},
                x=np.stack([pixels[f][0] for f in files]), y=np.array([pixels[f][1] for f in files], "int32"))
    for name, text in {"neg/1.txt": "not good", "neg/2.txt": "schlimm, très mal\n", "pos/a.txt": "fine", "pos/sub/b.TXT": "wonderful"}.items():
        path = ROOT / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    d = keras.utils.text_dataset_from_directory(ROOT / "texts", batch_size=None, shuffle=False, max_length=6, verbose=False)
    add("texts", {"max": 6}, x=np.array([t.numpy().decode() for t, _ in d]), y=np.array([c.numpy() for _, c in d], "int32"))


def records():
    n = 20
    x = rng.normal(size=(n, 2, 3)).astype("float32")
    label = rng.integers(0, 4, n)
    pixels = rng.integers(0, 256, (n, 4, 5, 3), np.uint8)
    raw = []
    for i in range(n):
        F = tf.train.Feature
        png = tf.io.encode_png(pixels[i]).numpy()
        raw.append(tf.train.Example(features=tf.train.Features(feature={
            "x": F(float_list=tf.train.FloatList(value=x[i].ravel())), "y": F(int64_list=tf.train.Int64List(value=[label[i]])),
            "image": F(bytes_list=tf.train.BytesList(value=[png])), "raw": F(bytes_list=tf.train.BytesList(value=[pixels[i].tobytes()])),
            "word": F(bytes_list=tf.train.BytesList(value=[f"row {i}".encode()])), "big": F(int64_list=tf.train.Int64List(value=[-2**40 + i, i])),
        })).SerializeToString(deterministic=True))
    for name, options in (("records.tfrecord", ""), ("records.tfrecord.gz", "GZIP")):
        with tf.io.TFRecordWriter(str(ROOT / name), options) as w:
            for r in raw:
                w.write(r)
    gz = bytearray((ROOT / "records.tfrecord.gz").read_bytes())
    gz[4:8] = bytes(4)  # the time of writing
    (ROOT / "records.tfrecord.gz").write_bytes(gz)
    spec = {"x": tf.io.FixedLenFeature([2, 3], tf.float32), "y": tf.io.FixedLenFeature([], tf.int64), "image": tf.io.FixedLenFeature([], tf.string),
            "raw": tf.io.FixedLenFeature([], tf.string), "word": tf.io.FixedLenFeature([], tf.string), "big": tf.io.FixedLenFeature([2], tf.int64)}
    got = tf.io.parse_example(raw, spec)
    write_npz(ROOT / "records.npz", {
        "x": got["x"].numpy(), "y": got["y"].numpy(), "big": got["big"].numpy(), "word": np.array([w.decode() for w in got["word"].numpy()]),
        "image": np.stack([tf.io.decode_png(p).numpy() for p in got["image"]]),
        "raw": tf.reshape(tf.io.decode_raw(got["raw"], tf.uint8), (n, 4, 5, 3)).numpy()})


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    sequences()
    windows()
    shuffles()
    folders()
    records()
    meta = {"case": "data", "keras": keras.__version__, "framework": "keras", "seed": seed_of("data", "datasets"), "cases": cases}
    write_npz(ROOT / "expected.npz", {"meta": pack(meta), **arrays})


if __name__ == "__main__":
    main()
