"""Makes testdata/tensorboard: event files that Keras's TensorBoard callback writes, for the tests of train.TensorBoard.

    pip install --no-deps --target DIR tensorboard==2.21.0
    PYTHONPATH=DIR "$(scripts/venv.sh)/bin/python" scripts/board.py

(TensorFlow 2.21 writes summaries through the tensorboard package, without requiring it.) Each case trains one of parity.py's
models from its weights on its rows; <case>/train.tfevents and <case>/validation.tfevents are what the callback wrote, less the
graph of TensorFlow's operations. cases.json holds the arguments. histograms.npz holds arrays x_i, and what
tf.summary.histogram makes of each: h_i.
"""
import glob
import json
import shutil
import tempfile
from pathlib import Path

import parity  # first: it sets up Keras's backend

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.histogram import summary_v2
from tensorflow.core.util import event_pb2

from goldens.common import write_npz

ROOT = Path(__file__).resolve().parents[1] / "testdata" / "tensorboard"
CASES = {  # name: (case of parity.py, arguments of the callback, of fit)
    "epochs": ("mlp_adam", {"histogram_freq": 1}, {}),
    "batches": ("two_outputs", {"histogram_freq": 2, "update_freq": "batch", "write_steps_per_second": True}, {}),
    "every": ("schedule_exponential", {"update_freq": 2, "write_graph": False}, {"validation_split": 0.25}),
    "normalized": ("mlp_bn_adam", {"histogram_freq": 1, "write_graph": False}, {"validation_split": 0.25}),
}


def copy_events(folder, to):
    """Writes the events of the only file in folder, but for TensorFlow's graphs."""
    found = glob.glob(f"{folder}/events.out.tfevents.*")
    if not found:
        return False
    (one,) = found
    with tf.io.TFRecordWriter(str(to)) as w:
        for record in tf.data.TFRecordDataset(one):
            event = event_pb2.Event.FromString(record.numpy())
            if not event.HasField("graph_def"):
                w.write(record.numpy())
    return True


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    cases = {}
    for name, (case, arguments, fit) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            *rest, options = parity.CASES[case]
            parity.CASES[case] = (*rest, {**options, **fit, "callbacks": [keras.callbacks.TensorBoard(folder, **arguments)]})
            model, *_ = parity.train(case, False)
            (ROOT / name).mkdir()
            wrote = [part for part in ("train", "validation") if copy_events(f"{folder}/{part}", ROOT / name / f"{part}.tfevents")]
            cases[name] = {"case": case, "arguments": arguments, "fit": fit, "files": wrote, "paths": [w.path for w in model.weights], "model": model.to_json()}
    rng = np.random.default_rng(7)
    arrays = {}
    for i, x in enumerate([rng.normal(size=(40, 30)), rng.uniform(-1, 3, size=500), np.full((3, 4), 0.25), np.zeros(5), np.arange(31), np.array([1e-30, 2e30]), np.array([7.0]), np.zeros((0, 3)),
                           np.array([-0.1, 0.1, 0.3]), rng.normal(size=999) * 1e-5]):
        x = x.astype("float32")
        arrays[f"x_{i}"], arrays[f"h_{i}"] = x, summary_v2._buckets(tf.constant(x)).numpy()
    write_npz(ROOT / "histograms.npz", arrays)
    (ROOT / "cases.json").write_text(json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
