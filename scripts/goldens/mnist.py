"""What the kept MNIST network (scripts/train_mnist.py made it) answers on testdata/digits, layer by layer."""
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from .common import TOLERANCE, pack, run, write_npz
from .files import logits

TESTDATA = Path(__file__).resolve().parents[2] / "testdata"


def goldens(s):
    kept = [TESTDATA / name for name in ("mnist_cnn.keras", "mnist_cnn.h5", "mnist_cnn.json", "seed_mnist.json")]
    kept += sorted((TESTDATA / "digits").glob("*.png"))
    for path in kept:
        file = path.relative_to(TESTDATA)
        if path.exists() and s.wants(file):
            s.add(file, case="mnist", keras=keras.__version__, generator="scripts/train_mnist.py", kept=True,
                  why="trained, or cut from the data set, once")
    if not s.wants("mnist_cnn.npz"):
        return
    keras.backend.clear_session()
    net = keras.models.load_model(TESTDATA / "mnist_cnn.keras")
    digits = [p for p in kept if p.suffix == ".png"]
    x = np.stack([np.asarray(Image.open(p)) for p in digits])[..., None].astype("float32")
    meta, arrays = run(net, "keras", [x], np.random.default_rng(0), False, True, False)
    arrays["logits_0"] = logits(net, [x])[0]
    meta.update(case="mnist_cnn", seed=0, tolerance=TOLERANCE, keras=keras.__version__, framework="keras",
                files=[p.name for p in digits])
    meta["class"] = "File"
    write_npz(s.root / "mnist_cnn.npz", {"meta": pack(meta), **arrays})
    s.add("mnist_cnn.npz", case="mnist", keras=keras.__version__, framework="keras", seed=0, tolerance=TOLERANCE,
          why="float32 sums in another order")
