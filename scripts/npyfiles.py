#!/usr/bin/env python3
"""Writes testdata/npy: small .npy and .npz files as NumPy writes them, and expected.json with what they hold.

    "$(scripts/venv.sh)/bin/python" scripts/npyfiles.py

    npyfiles.py --dump FILE...   prints the same JSON for any files, for round trips (see internal/npy)

Floats are spelled in hexadecimal, so that nothing is lost in between. The output is the same at every run.
"""

import json
import pathlib
import sys

import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "testdata" / "npy"


def describe(a):
    """An array's type, shape and elements in C order, each as a string."""
    kind = a.dtype.kind
    if kind == "f":
        values = [float(v).hex() for v in a.ravel()]
    elif kind == "b":
        values = [str(int(v)) for v in a.ravel()]
    elif kind == "S":
        values = [v.decode("latin-1") for v in a.ravel()]
    else:
        values = [str(v) for v in a.ravel()]
    name = "string" if kind in "US" else a.dtype.name
    return {"dtype": name, "shape": list(a.shape), "values": values}


def dump(path):
    with np.load(path) if str(path).endswith(".npz") else open(path, "rb") as f:
        if str(path).endswith(".npz"):
            return [[k, describe(f[k])] for k in f.files]
        return describe(np.load(f))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    r = np.random.default_rng(7)
    arrays = {}
    for order in "<>":
        side = "le" if order == "<" else "be"
        for t in ("f2", "f4", "f8", "i2", "i4", "i8", "u2", "u4", "u8"):
            if t[0] == "f":
                a = r.standard_normal((2, 3, 5)) * 10.0 ** r.integers(-3, 4, (2, 3, 5))
                a.flat[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-7]
            else:
                info = np.iinfo(t)
                a = r.integers(info.min, info.max, (2, 3, 5), dtype=np.dtype(t), endpoint=True)
                a.flat[:2] = [info.min, info.max]
            arrays[f"{t}_{side}"] = a.astype(order + t)
        arrays[f"str_{side}"] = np.array([["", "a", "grüße"], ["日本", "🙂x", "a\0b"]], dtype=order + "U5")
    arrays["i1"] = np.array([-128, -1, 0, 127], np.int8)
    arrays["u1"] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    arrays["bool"] = np.array([[True, False, True]])
    arrays["bytes"] = np.array([b"ab", b"", b"xyz\xff"])
    arrays["scalar"] = np.array(2.5, np.float32)
    arrays["empty"] = np.zeros((3, 0, 2), np.float32)
    arrays["subnormal_f2"] = np.arange(1, 1024, 31).astype(np.uint16).view(np.float16)
    arrays["fortran_f4"] = np.asfortranarray(r.standard_normal((3, 4, 5)).astype(np.float32))
    arrays["fortran_i8"] = np.asfortranarray(r.integers(-9, 9, (4, 3)))
    arrays["fortran_str"] = np.asfortranarray(np.array([["a", "bc"], ["def", ""]]))
    arrays["wide_f4"] = r.standard_normal((1, 1, 1, 1, 1, 1, 1, 1, 3)).astype(np.float32)
    expected = {}
    for name, a in arrays.items():
        np.save(OUT / f"{name}.npy", a)
        expected[f"{name}.npy"] = describe(a)
    for version in ((2, 0), (3, 0)):
        name = f"version{version[0]}.npy"
        with open(OUT / name, "wb") as f:
            np.lib.format.write_array(f, arrays["f4_le"], version=version)
        expected[name] = expected["f4_le.npy"]
    few = {k: arrays[k] for k in ("str_le", "fortran_f4", "i1", "scalar", "empty", "f2_be")}
    np.savez(OUT / "stored.npz", **few)
    np.savez_compressed(OUT / "deflated.npz", **few)
    np.savez(OUT / "objects.npz", ok=arrays["i1"], bad=np.array([{}, []], dtype=object))
    np.save(OUT / "object.npy", np.array([{}, []], dtype=object))
    np.save(OUT / "record.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    np.save(OUT / "complex.npy", np.zeros(2, np.complex64))
    np.save(OUT / "date.npy", np.zeros(2, "<M8[s]"))
    archives = {name: dump(OUT / name) for name in ("stored.npz", "deflated.npz")}
    with open(OUT / "expected.json", "w") as f:
        json.dump({"numpy": np.__version__, "arrays": expected, "archives": archives}, f, indent=None, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--dump"]:
        json.dump([dump(p) for p in sys.argv[2:]], sys.stdout)
    else:
        main()
