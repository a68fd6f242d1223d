"""Layers-models of TensorFlow.js, in testdata/tfjs, made to its documented format of models that tf-keras runs.

    "$(scripts/venv.sh)/bin/python" scripts/tfjsfiles.py

NAME.json is the model.json, NAME-group1-shardKofN.bin its weights; NAME.npz holds x_0 and what tf-keras computes with the values
that the files hold, y_0. `js` is as TensorFlow.js itself saves: another envelope, other names, trained weights first.
"""
import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"] = "3", ""

import numpy as np
import tf_keras as K

L, OUT = K.layers, Path(__file__).resolve().parents[1] / "testdata" / "tfjs"


def quantize(value, kind):
    """The stored array, the manifest's entry and the values that come of it."""
    if kind == "float16":
        return value.astype("float16"), {"dtype": "float16", "original_dtype": "float32"}, value.astype("float16").astype("float32")
    top = {"uint8": 255, "uint16": 65535}[kind]
    low, scale = float(value.min()), float((value.max() - value.min()) / top) or 1.0
    stored = np.round((value.astype("float64") - low) / scale).clip(0, top).astype(kind)
    return stored, {"dtype": kind, "original_dtype": "float32", "min": low, "scale": scale}, (stored.astype("float64") * scale + low).astype("float32")


def write(name, net, x, kind=None, shards=1, js=False):
    rng = np.random.default_rng(len(name))
    entries, stored = [], b""
    weights = net.weights if js else [w for layer in net.layers for w in layer.weights]
    for w in weights:
        value = rng.normal(size=w.shape, scale=0.5).astype("float32")
        value = np.abs(value) + 0.5 if "variance" in w.name else value
        entry = {"name": w.name.split(":")[0], "shape": list(w.shape), "dtype": "float32"}
        if js:
            entry["name"] = entry["name"].replace("lstm_cell/", "")
        if kind:
            value_stored, entry["quantization"], value = quantize(value, kind)
        else:
            value_stored = value
        w.assign(value)
        entries.append(entry)
        stored += value_stored.tobytes()
    paths = [f"{name}-group1-shard{k + 1}of{shards}.bin" for k in range(shards)]
    step = -(-len(stored) // shards)
    for k, path in enumerate(paths):
        (OUT / path).write_bytes(stored[k * step:(k + 1) * step])
    config = json.loads(net.to_json())
    topology = {"keras_version": "2.15.0", "backend": "tensorflow", "model_config": {"class_name": config["class_name"], "config": config["config"]}}
    if js:
        topology = {"class_name": config["class_name"], "config": config["config"], "keras_version": "tfjs-layers 4.22.0", "backend": "tensor_flow.js"}
    model = {"format": "layers-model", "generatedBy": "keras v2.15.0", "convertedBy": "TensorFlow.js Converter v4.22.0", "modelTopology": topology,
             "weightsManifest": [{"paths": paths, "weights": entries}]}
    (OUT / (name + ".json")).write_text(json.dumps(model))
    np.savez_compressed(OUT / (name + ".npz"), x_0=x, y_0=np.asarray(net(x)))


def cnn():
    return K.Sequential([K.Input((6, 7, 2)), L.Conv2D(3, 3, activation="relu"), L.BatchNormalization(), L.GlobalAveragePooling2D(), L.Dense(4, activation="softmax")])


def text():
    t = K.Input((5,))
    h = L.LSTM(4)(L.Embedding(7, 3)(t))
    return K.Model(t, L.Add()([L.Dense(4)(h), h]))


def nested():
    inner = K.Sequential([K.Input((4,)), L.Dense(5), L.BatchNormalization()], name="inner")
    return K.Sequential([K.Input((4,)), inner, L.Dense(2)])


def main():
    OUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    image, ids, row = rng.normal(size=(2, 6, 7, 2)).astype("float32"), rng.integers(0, 7, size=(2, 5)).astype("float32"), rng.normal(size=(3, 4)).astype("float32")
    write("cnn", cnn(), image)
    for kind in ("float16", "uint8", "uint16"):
        write("cnn_" + kind, cnn(), image, kind, shards=3)
    write("text", text(), ids, shards=2)
    write("nested", nested(), row)
    write("js", text(), ids, js=True)
    write("js_cnn", cnn(), image, js=True)


main()
