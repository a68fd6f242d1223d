"""The manifest, and the comparison of goldens made anew with those kept."""
import base64
import hashlib
import io
import json
import marshal
import zipfile

import h5py
import numpy as np

DRIFT = 1e-6  # of max|kept|, for outputs: TensorFlow's kernels differ between processors
DRIFT_TRAINED = 1e-5  # for what comes after a backward pass
DRIFT_STATE = 1e-3  # for an optimizer's state after two steps: of noise, Adam makes full steps
OTHERS = {"hdf5": "scripts/h5files.py", "npy": "scripts/npyfiles.py", "pixels": "scripts/pixels.py", "parity": "scripts/parity.py",
          "losses": "scripts/losses_metrics.py", "summary": "scripts/summaries.py", "callbacks": "scripts/callbacks.py", "data": "scripts/datasets.py"}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def others(root):
    """Entries for what the other scripts make: files with their hashes."""
    for folder, generator in OTHERS.items():
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                yield {"file": str(path.relative_to(root)), "case": folder, "generator": generator, "kept": True}


def write_manifest(root, entries, partial):
    """testdata/manifest.json: {generator, files: [{case, file, keras, framework, seed, tolerance, why, sha256}]}, sorted by file."""
    path = root / "manifest.json"
    files = {}
    if partial and path.exists():
        files = {e["file"]: e for e in json.loads(path.read_text())["files"] if (root / e["file"]).exists()}
    for e in [*entries, *others(root)]:
        files[e["file"]] = dict(e, sha256=sha256(root / e["file"]))
    lines = ",\n".join("  " + json.dumps(files[name], sort_keys=True) for name in sorted(files))
    path.write_text('{"generator": "scripts/goldens.sh", "files": [\n' + lines + "\n]}\n")


def compare(root, made, entries, only, ours):
    """Compares each file made anew with the one kept, prints what differs, and returns an exit code."""
    every = {e["file"]: e for e in json.loads((root / "manifest.json").read_text())["files"]}
    kept = {file: e for file, e in every.items() if ours(file)}
    entries = [*entries, *(e for e in others(root) if ours(e["file"]) and (only is None or only.search(e["file"])))]
    problems = []
    for e in entries:
        file = e["file"]
        if file not in kept:
            problems.append(f"{file}: not in manifest.json")
            continue
        if not (root / file).exists():
            problems.append(f"{file}: missing")
            continue
        if sha256(root / file) != kept[file]["sha256"]:
            problems.append(f"{file}: not the file that manifest.json describes")
        if not e.get("kept"):
            problems += [f"{file}: {p}" for p in compare_files(root / file, made / file)]
    names = {e["file"] for e in entries}
    problems += [f"{f}: in manifest.json, but nothing makes it" for f in kept if f not in names and (only is None or only.search(f))]
    on_disk = {str(p.relative_to(root)) for folder in ("golden", "models") for p in (root / folder).rglob("*") if p.is_file()}
    problems += [f"{f}: not in manifest.json" for f in sorted(on_disk - set(every))]
    for p in problems:
        print(p)
    print(f"{len(entries)} files compared, {len(problems)} problems")
    return 1 if problems else 0


def compare_files(kept, made):
    if kept.read_bytes() == made.read_bytes():
        return []
    if kept.suffix == ".npz":
        return compare_npz(kept, made)
    if kept.suffix == ".h5":
        with h5py.File(kept) as a, h5py.File(made) as b:
            return compare_h5(a, b)
    if kept.suffix == ".keras":
        with zipfile.ZipFile(kept) as a, zipfile.ZipFile(made) as b:
            if a.namelist() != b.namelist():
                return [f"holds {a.namelist()}, then {b.namelist()}"]
            problems = [f"{n}: differs" for n in a.namelist() if n.endswith(".json") and plain(a.read(n)) != plain(b.read(n))]
            with h5py.File(io.BytesIO(a.read("model.weights.h5"))) as x, h5py.File(io.BytesIO(b.read("model.weights.h5"))) as y:
                return problems + compare_h5(x, y)
    return ["differs"]


def compare_npz(kept, made):
    with np.load(kept) as a, np.load(made) as b:
        if sorted(a.files) != sorted(b.files):
            return [f"holds {sorted(set(a.files) ^ set(b.files))} on one side only"]
        # 16-bit floats and what they lead to are only as near as their steps
        coarse = kept.name.startswith(("mixed_", "float16_", "bfloat16_")) and json.loads(a["meta"].tobytes())["tolerance"]
        return [f"{name}: {p}" for name in a.files if (p := compare_array(name, a[name], b[name], max(limit_of(name), coarse)))]


def limit_of(name):
    if name.startswith("o_"):
        return DRIFT_STATE
    return DRIFT_TRAINED if name.startswith(("dw_", "dx_", "after_")) else DRIFT


def compare_h5(a, b):
    """Every object, attribute and dataset; only optimizers' state may differ by more than outputs do."""
    def names(f):
        found = {"/": f}
        f.visititems(lambda name, item: found.update({"/" + name: item}))
        return found

    x, y = names(a), names(b)
    if x.keys() != y.keys():
        return [f"holds {sorted(x.keys() ^ y.keys())} on one side only"]
    problems = []
    for name in x:
        attributes = [{k: plain(v) for k, v in item.attrs.items()} for item in (x[name], y[name])]
        if attributes[0] != attributes[1]:
            problems.append(f"{name}: attributes differ")
        if isinstance(x[name], h5py.Dataset):
            p = compare_array(name, x[name][()], y[name][()], DRIFT_STATE if "optimizer" in name else DRIFT)
            problems += [f"{name}: {p}"] if p else []
    return problems


def plain(text):
    """JSON as an object, other text as text; a Lambda's bytecode in it as what it does, since the bytes that marshal writes
    depend on who else holds a constant."""
    def code(item):
        return [item.co_code.hex(), [code(c) if hasattr(c, "co_code") else repr(c) for c in item.co_consts], item.co_names, item.co_varnames]

    def settle(item):
        if isinstance(item, dict):
            return {k: settle(v) for k, v in item.items()}
        if isinstance(item, list):
            return [settle(v) for v in item]
        if isinstance(item, str) and item.startswith("4w"):  # base64 of marshal's code object with a reference
            return code(marshal.loads(base64.b64decode(item)))
        return item

    try:
        return settle(json.loads(text))
    except (TypeError, ValueError):
        return str(text)


def compare_array(name, a, b, limit):
    if name == "meta":
        return None if json.loads(a.tobytes()) == json.loads(b.tobytes()) else "differs"
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype}{a.shape} became {b.dtype}{b.shape}"
    if a.dtype.kind != "f":
        return None if np.array_equal(a, b) else "differs"
    finite = np.isfinite(a)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return "differs where it isn't finite"
    error = np.max(np.abs(a[finite].astype("float64") - b[finite]), initial=0)
    allowed = limit * np.max(np.abs(a[finite]), initial=1e-6)
    return None if error <= allowed else f"off by {error:.3g}, {allowed:.3g} allowed"
