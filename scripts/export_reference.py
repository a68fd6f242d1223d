#!/usr/bin/env python3
"""Writes down what Keras itself answers, layer by layer, so that `kconv verify` can hold its own numbers against it.

    python export_reference.py MODEL INPUTS.npz REF.npz [--layers REGEX] [--tf-keras]
    kconv verify MODEL --golden REF.npz

This one file runs in your own Python, with Keras 3 or with Keras 2 (TensorFlow's or tf-keras); copy it there. MODEL is .keras or .h5.
INPUTS.npz holds an array for each of the model's inputs, named like the input or x_0, x_1, ... in the model's order; a lone array
may have any name, or be an .npy file. Make one so:

    import numpy as np
    np.savez("inputs.npz", x_0=np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype("float32"))

REF.npz holds, i counting from 0:

    x_i           the inputs            y_i   the outputs
    layer/<name>  a layer's output, or an operation's; in a nested model <model>/<name>. A second call of the same layer ends in @1, the
                  next in @2; a second tensor of one call in #1 (so name#1@2 is the second tensor of the third call).
    meta          UTF-8 JSON in uint8: {generator, keras, framework, backend, python, numpy, model, inputs: [name], outputs: [name]}

--layers keeps only the layers whose name the regular expression finds, for models whose activations would fill the disk.
--tf-keras loads with tf-keras where both are installed: files of Keras 2 that Keras 3 can't open need it.
"""
import argparse
import importlib
import json
import os
import platform
import re
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("inputs")
    parser.add_argument("output")
    parser.add_argument("--layers", type=re.compile, default=re.compile(""), metavar="REGEX")
    parser.add_argument("--tf-keras", action="store_true")
    args = parser.parse_args()

    framework = "tf_keras" if args.tf_keras else "keras"
    keras = importlib.import_module(framework)
    model = keras.models.load_model(args.model, compile=False)
    names = [input_name(t) for t in model.inputs]
    xs = read_inputs(args.inputs, names)
    layers, outputs = run(model, names, xs, args.layers)
    meta = {
        "generator": "export_reference.py", "keras": keras.__version__, "framework": framework, "backend": keras.backend.backend(),
        "python": platform.python_version(), "numpy": np.__version__, "model": os.path.basename(args.model), "inputs": names,
        "outputs": [str(n) for n in getattr(model, "output_names", [])],
    }
    arrays = {f"x_{i}": x for i, x in enumerate(xs)}
    arrays.update({f"y_{i}": y for i, y in enumerate(outputs)})
    arrays.update({"layer/" + name: a for name, a in layers.items()})
    np.savez(args.output, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)
    print(f"{args.output}: {len(xs)} inputs, {len(outputs)} outputs, {len(layers)} layer outputs")


def read_inputs(path, names):
    """The arrays for the model's inputs, in its order."""
    data = np.load(path)
    if isinstance(data, np.ndarray):
        data = {"x_0": data}
    keys = [k for k in (getattr(data, "files", None) or data) if k != "meta"]
    if len(names) == 1 and len(keys) == 1:
        return [data[keys[0]]]
    found = [name if name in keys else f"x_{i}" for i, name in enumerate(names)]
    missing = [name for name, key in zip(names, found) if key not in keys]
    if missing:
        sys.exit(f"{path}: no array for input {', '.join(missing)}: it holds {', '.join(keys)}")
    return [data[key] for key in found]


def input_name(tensor):
    history = tensor._keras_history
    return (getattr(history, "operation", None) or history.layer).name


def leaves(structure):
    """The tensors of nested lists, tuples and dicts, in Keras's order (dicts by key)."""
    if isinstance(structure, dict):
        return [t for key in sorted(structure) for t in leaves(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [t for part in structure for t in leaves(part)]
    return [structure]


def as_array(tensor):
    if hasattr(tensor, "detach"):  # torch
        tensor = tensor.detach().cpu()
    a = np.asarray(tensor)
    return a.astype("float32") if a.dtype.name == "bfloat16" else a


def sublayers(model, prefix=""):
    """(path, layer or operation) of everything that the model runs; nested models and what is in them too."""
    for op in getattr(model, "operations", None) or model.layers:
        yield prefix + op.name, op
        if hasattr(op, "layers") and hasattr(op, "to_json"):
            yield from sublayers(op, prefix + op.name + "/")


def run(model, names, xs, wanted):
    """Runs the model once with every layer's `call` watched: ({name: output}, [output])."""
    seen, calls, restore = {}, {}, []

    def watch(path, op):
        call, own = op.call, op.__dict__.get("call")

        def watched(*args, **kwargs):
            out = call(*args, **kwargs)
            n = calls[path] = calls.get(path, -1) + 1
            if wanted.search(path):
                for i, part in enumerate(leaves(out)):
                    seen[path + (f"#{i}" if i else "") + (f"@{n}" if n else "")] = as_array(part)
            return out

        restore.append((op, own))
        object.__setattr__(op, "call", watched)

    done = set()
    for path, op in sublayers(model):
        if id(op) not in done and type(op).__name__ != "InputLayer":
            done.add(id(op))
            watch(path, op)
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, dict):
        ids = [id(t) for t in model.inputs]
        fed = {key: xs[ids.index(id(t))] for key, t in struct.items()}
    else:
        fed = xs[0] if len(xs) == 1 else xs
    try:
        return seen, [as_array(y) for y in leaves(model(fed, training=False))]
    finally:
        for op, own in restore:
            if own is None:
                object.__delattr__(op, "call")
            else:
                object.__setattr__(op, "call", own)


if __name__ == "__main__":
    main()
