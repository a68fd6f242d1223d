#!/usr/bin/env python3
"""Lets Keras write the model of every golden as files: .keras and .h5 by Keras 3, .h5 by tf-keras.

    python scripts/formats.py FOLDER

For each testdata/golden/CLASS/CASE.npz, FOLDER gets CLASS,CASE.keras and CLASS,CASE.h5, with the golden's weights; a case that tf-keras
made (CASE.k2) gets the .h5 alone. What Keras itself refuses to write is told on stderr, and left out.
"""
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import tf_keras

warnings.filterwarnings("ignore")


def main():
    out = Path(sys.argv[1])
    goldens = Path(__file__).resolve().parents[1] / "testdata" / "golden"
    for golden in sorted(goldens.glob("*/*.npz")):
        if golden.parent.name == "LoRA":
            continue  # Keras forgets lora_alpha when it reads a config
        with np.load(golden) as data:
            arrays = {k: data[k] for k in data.files if k == "meta" or k.startswith("w_")}
        meta = json.loads(arrays["meta"].tobytes())
        old = meta["framework"] == "tf_keras"
        K = tf_keras if old else keras
        name = f"{golden.parent.name},{golden.name.removesuffix('.npz')}"
        K.backend.clear_session()
        try:
            model = K.models.model_from_json(json.dumps(meta["model"]))
            for i, w in enumerate(model.weights):
                w.assign(arrays[f"w_{i}"])
        except Exception as err:
            print(f"{name}: {' '.join(str(err).split())[:150]}", file=sys.stderr)
            continue
        for kind in ("h5",) if old else ("keras", "h5"):
            path = out / f"{name}.{kind}"
            try:
                model.save(path)
            except Exception as err:
                path.unlink(missing_ok=True)
                print(f"{path.name}: {' '.join(str(err).split())[:150]}", file=sys.stderr)


if __name__ == "__main__":
    main()
