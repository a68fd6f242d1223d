"""The manifest, and the comparison of goldens made anew with those kept."""
import hashlib
import json
import zipfile

import numpy as np

DRIFT = 1e-6     # of max|kept|, for outputs: TensorFlow's kernels differ between processors
DRIFT_GRADIENT = 1e-5  # for what comes after a backward pass


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_manifest(root, entries, partial):
    """testdata/manifest.json: {generator, files: [{case, file, keras, framework, seed, tolerance, why, sha256}]}, sorted by file."""
    path = root / "manifest.json"
    files = {}
    if partial and path.exists():
        files = {e["file"]: e for e in json.loads(path.read_text())["files"] if (root / e["file"]).exists()}
    for e in entries:
        files[e["file"]] = dict(e, sha256=sha256(root / e["file"]))
    lines = ",\n".join("  " + json.dumps(files[name], sort_keys=True) for name in sorted(files))
    path.write_text('{"generator": "scripts/goldens.sh", "files": [\n' + lines + "\n]}\n")


def compare(root, made, entries, only):
    """Compares each file made anew with the one kept, prints what differs, and returns an exit code."""
    kept = {e["file"]: e for e in json.loads((root / "manifest.json").read_text())["files"]}
    problems = []
    for e in entries:
        file = e["file"]
        if file not in kept:
            problems.append(f"{file}: not in manifest.json")
            continue
        if sha256(root / file) != kept[file]["sha256"]:
            problems.append(f"{file}: not the file that manifest.json describes")
        if file.endswith(".npz"):
            problems += [f"{file}: {p}" for p in compare_npz(root / file, made / file)]
    names = {e["file"] for e in entries}
    problems += [f"{f}: in manifest.json, but nothing makes it" for f in kept if f not in names and (only is None or only.search(f))]
    on_disk = {str(p.relative_to(root)) for p in root.glob("golden/**/*.npz")}
    problems += [f"{f}: not in manifest.json" for f in sorted(on_disk - set(kept))]
    for p in problems:
        print(p)
    print(f"{len(entries)} files compared, {len(problems)} problems")
    return 1 if problems else 0


def compare_npz(kept, made):
    with np.load(kept) as a, np.load(made) as b:
        if sorted(a.files) != sorted(b.files):
            return [f"holds {sorted(set(a.files) ^ set(b.files))} on one side only"]
        return [f"{name}: {p}" for name in a.files if (p := compare_array(name, a[name], b[name]))]


def compare_array(name, a, b):
    if name == "meta":
        return None if json.loads(a.tobytes()) == json.loads(b.tobytes()) else "differs"
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype}{a.shape} became {b.dtype}{b.shape}"
    if a.dtype.kind != "f":
        return None if np.array_equal(a, b) else "differs"
    limit = DRIFT_GRADIENT if name.startswith(("dw_", "dx_", "after_")) else DRIFT
    error = np.max(np.abs(a.astype("float64") - b), initial=0)
    allowed = limit * np.max(np.abs(a), initial=1e-6)
    return None if error <= allowed else f"off by {error:.3g}, {allowed:.3g} allowed"
