"""Makes testdata/losses: every Keras loss with its options, its value and its gradient by the predictions; and every metric.

    "$(scripts/venv.sh)/bin/python" scripts/losses_metrics.py

testdata/losses/losses.npz holds meta, UTF-8 JSON in uint8: {case, class, keras, framework, seed, tolerance, cases: [{loss, activation,
value}]}, and for case i its targets t_i, predictions p_i, sample weights sw_i and mask m_i (where it has them) and the gradient g_i.
metrics.npz holds for each case of {metric, name, value} the batches t_i_k, p_i_k and (where it has them) weights w_i_k that it saw.
"""
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from goldens import check
from goldens.common import pack, seed_of, write_npz

ROOT = Path(__file__).resolve().parents[1] / "testdata" / "losses"
L = keras.losses


def cases(rng):
    def real(*s):
        return rng.normal(size=s).astype("float32")

    def prob(*s):
        return rng.uniform(0.05, 0.95, size=s).astype("float32")

    def bits(*s):
        return rng.integers(0, 2, size=s).astype("float32")

    def classes(n, c):
        return np.eye(c, dtype="float32")[rng.integers(0, c, size=n)]

    def soft(*s):
        x = np.exp(real(*s))
        return (x / x.sum(-1, keepdims=True)).astype("float32")

    w = rng.uniform(0, 2, size=6).astype("float32")
    mask = np.array([1, 1, 0, 1, 0, 1], bool)
    for name in ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh", "Huber", "CosineSimilarity"):
        yield getattr(L, name)(), real(6, 5), real(6, 5), None, None
        yield getattr(L, name)(reduction="sum"), real(6, 5), real(6, 5), w, None
        yield getattr(L, name)(reduction="mean_with_sample_weight"), real(6, 5), real(6, 5), w, mask
        yield getattr(L, name)(), real(6, 3, 4), real(6, 3, 4), None, None
    for name in ("MeanSquaredLogarithmicError", "KLDivergence", "Poisson"):
        yield getattr(L, name)(), prob(6, 5), prob(6, 5), None, None
        yield getattr(L, name)(), prob(6, 5), prob(6, 5), w, mask
    for name in ("Hinge", "SquaredHinge", "CategoricalHinge"):
        yield getattr(L, name)(), bits(6, 5), real(6, 5), None, None
        yield getattr(L, name)(), 2 * bits(6, 5) - 1, real(6, 5), w, mask
    for options in ({}, {"gamma": 1.5, "alpha": 0.4, "apply_class_balancing": True}, {"label_smoothing": 0.2}, {"axis": 1}):
        yield L.BinaryFocalCrossentropy(**options), bits(6, 5), prob(6, 5), w if "axis" not in options else None, None
        yield L.BinaryFocalCrossentropy(from_logits=True, **options), bits(6, 5), real(6, 5), None, None
    for options in ({}, {"gamma": 1.5, "alpha": 0.4}, {"label_smoothing": 0.2}):
        yield L.CategoricalFocalCrossentropy(**options), classes(6, 5), prob(6, 5), w, None
        yield L.CategoricalFocalCrossentropy(from_logits=True, **options), classes(6, 5), real(6, 5), None, mask
    channels = np.moveaxis(classes((6, 3), 4), -1, 1)
    yield L.CategoricalCrossentropy(axis=1), channels, prob(6, 4, 3), None, None
    yield L.CategoricalCrossentropy(axis=1, from_logits=True, label_smoothing=0.1), channels, real(6, 4, 3), None, None
    yield L.CategoricalFocalCrossentropy(axis=1), channels, prob(6, 4, 3), None, None
    yield L.BinaryCrossentropy(axis=1), bits(6, 4, 3), prob(6, 4, 3), None, None
    few = rng.integers(0, 5, size=6).astype("float32")
    ignored = np.where([0, 1, 0, 0, 1, 0], -1, few).astype("float32")
    yield L.CategoricalGeneralizedCrossEntropy(), few, soft(6, 5), None, None
    yield L.CategoricalGeneralizedCrossEntropy(q=0.7), few, soft(6, 5), w, None
    yield L.SparseCategoricalCrossentropy(ignore_class=-1), ignored, soft(6, 5), None, None
    yield L.SparseCategoricalCrossentropy(ignore_class=-1, from_logits=True), ignored, real(6, 5), w, mask
    yield L.SparseCategoricalCrossentropy(ignore_class=-1, reduction="sum"), ignored, soft(6, 5), w, None
    for options in ({}, {"axis": (1, 2)}, {"axis": -1}, {"reduction": "sum"}):
        yield L.Dice(**options), bits(6, 4, 3), prob(6, 4, 3), None, None
        yield L.Tversky(alpha=0.3, beta=0.8, **options), bits(6, 4, 3), prob(6, 4, 3), None, None
    yield L.Dice(), bits(6, 4), prob(6, 4), w, None
    yield L.Tversky(reduction="sum"), bits(6, 4), prob(6, 4), w, None
    same = np.array([1, 2, 1, 3, 2, 1], "float32")
    for options in ({}, {"gamma": 16.0, "margin": 0.25}, {"remove_diagonal": False}, {"reduction": "sum"}):
        e = real(6, 4)
        e /= np.linalg.norm(e, axis=1, keepdims=True)
        yield L.Circle(**options), same, e, w if "gamma" in options else None, None
    words = np.array([[1, 2, 2, 0], [3, 0, 0, 0], [4, 3, 4, 4], [1, 1, 0, 0], [2, 3, 4, 1], [2, 1, 2, 0]], "float32")
    each = rng.uniform(0, 2, size=(6, 1)).astype("float32")
    for options in ({}, {"reduction": "sum"}, {"reduction": "mean_with_sample_weight"}):
        yield L.MeanSquaredError(**options), real(6, 3, 4), real(6, 3, 4), each, None
    yield L.MeanAbsoluteError(), real(6, 3, 4), real(6, 3, 4), rng.uniform(0, 2, size=(6, 3)).astype("float32"), rng.uniform(size=(6, 3)) < 0.6
    yield L.MeanAbsoluteError(reduction="mean_with_sample_weight"), real(6, 3, 4), real(6, 3, 4), each, rng.uniform(size=(6, 3)) < 0.6
    yield L.CTC(), words, real(6, 9, 5), None, None
    yield L.CTC(reduction="sum"), words, real(6, 9, 5), w, None


def metrics(rng):
    M = keras.metrics

    def prob(*s):
        return rng.uniform(0.02, 0.98, size=s).astype("float32")

    def real(*s):
        return rng.normal(size=s).astype("float32")

    def bits(*s):
        return rng.integers(0, 2, size=s).astype("float32")

    def onehot(n, c):
        return np.eye(c, dtype="float32")[rng.integers(0, c, size=n)]

    binary = lambda n: (bits(n, 1), prob(n, 1))
    multi = lambda n: (bits(n, 4), prob(n, 4))
    one = lambda n: (onehot(n, 7), prob(n, 7))
    few = lambda n: (rng.integers(0, 7, size=n).astype("float32"), prob(n, 7))
    near = lambda n: (lambda y: (y, (y + 0.4 * real(n, 5)).astype("float32")))(real(n, 5))
    same = lambda n: (np.round(3 * prob(n, 1)), np.round(3 * prob(n, 1)))
    whole = lambda n: (np.round(3 * prob(n, 2)), np.round(3 * prob(n, 2)))
    for k in (M.TruePositives, M.TrueNegatives, M.FalsePositives, M.FalseNegatives, M.Precision, M.Recall):
        yield k(), binary
        yield k(thresholds=0.7), multi
    for k in (M.Precision, M.Recall):
        yield k(top_k=2), one
        yield k(class_id=1), multi
    yield M.SensitivityAtSpecificity(0.6), binary
    yield M.SpecificityAtSensitivity(0.6, num_thresholds=50), binary
    yield M.PrecisionAtRecall(0.7), multi
    yield M.RecallAtPrecision(0.5), multi
    for curve in ("ROC", "PR", "PRGAIN"):
        for method in ("interpolation", "majoring", "minoring"):
            yield M.AUC(num_thresholds=60, curve=curve, summation_method=method), binary
    yield M.AUC(), multi
    yield M.AUC(multi_label=True), multi
    yield M.AUC(multi_label=True, curve="PR", label_weights=[1.0, 2.0, 0.5, 1.0]), multi
    yield M.AUC(label_weights=[1.0, 2.0, 0.5, 1.0]), multi
    yield M.AUC(thresholds=[0.1, 0.35, 0.8]), binary
    yield M.AUC(from_logits=True), lambda n: (bits(n, 1), real(n, 1))
    for average in ("micro", "macro", "weighted"):
        yield M.F1Score(average=average), one
        yield M.FBetaScore(average=average, beta=2.0, threshold=0.6), multi
    yield M.F1Score(threshold=0.5), binary
    yield M.BinaryIoU(), binary
    yield M.BinaryIoU(target_class_ids=[1], threshold=0.3), binary
    yield M.IoU(num_classes=4, target_class_ids=[0, 2]), same
    yield M.MeanIoU(num_classes=4, ignore_class=0), same
    yield M.OneHotIoU(num_classes=7, target_class_ids=[1, 3]), one
    yield M.OneHotMeanIoU(num_classes=7), one
    yield M.R2Score(), near
    yield M.R2Score(class_aggregation="variance_weighted_average", num_regressors=3), near
    for k in (M.MeanSquaredError, M.MeanAbsoluteError, M.MeanAbsolutePercentageError, M.RootMeanSquaredError, M.LogCoshError,
              M.CosineSimilarity, M.PearsonCorrelation, M.ConcordanceCorrelation):
        yield k(), near
    for k in (M.MeanSquaredLogarithmicError, M.Poisson, M.KLDivergence):
        yield k(), lambda n: (prob(n, 4), prob(n, 4))
    for k in (M.Hinge, M.SquaredHinge, M.CategoricalHinge):
        yield k(), lambda n: (bits(n, 4), real(n, 4))
    yield M.Accuracy(), whole
    yield M.BinaryAccuracy(threshold=0.4), multi
    yield M.BinaryCrossentropy(label_smoothing=0.1), multi
    yield M.CategoricalAccuracy(), one
    yield M.CategoricalCrossentropy(), one
    yield M.TopKCategoricalAccuracy(k=3), one
    yield M.SparseCategoricalAccuracy(), few
    yield M.SparseCategoricalCrossentropy(), few
    yield M.SparseTopKCategoricalAccuracy(k=2), few
    # with several numbers
    for k in (M.TruePositives, M.TrueNegatives, M.FalsePositives, M.FalseNegatives, M.Precision, M.Recall):
        yield k(thresholds=[0.2, 0.5, 0.9]), multi
    yield M.Precision(thresholds=[0.0, 0.25, 0.5, 0.75, 1.0]), multi
    yield M.F1Score(), one
    yield M.F1Score(threshold=0.5), multi
    yield M.FBetaScore(beta=0.5), one
    yield M.R2Score(class_aggregation=None, num_regressors=2), near
    yield M.Recall(thresholds=[0.3, 0.6]), lambda n: (bits(n, 3, 4), prob(n, 3, 4))
    yield M.RootMeanSquaredError(), lambda n: (real(n, 3, 4), real(n, 3, 4))
    yield M.MeanAbsoluteError(), lambda n: (real(n, 3, 4), real(n, 3, 4))


def measured():
    seed = seed_of("losses", "metrics")
    rng = np.random.default_rng(seed)
    arrays, listed = {}, []
    for m, make in metrics(rng):
        for weighted in (False, True):
            m.reset_state()
            i = len(listed)
            for k, n in enumerate((9, 9, 4)):
                y, p = make(n)
                w = rng.integers(0, 3, size=n).astype("float32") if weighted else None
                if weighted and y.ndim == 3:
                    w = w[:, None] if i % 4 < 2 or isinstance(m, keras.metrics.Recall) else rng.uniform(0, 2, size=y.shape[:2]).astype("float32")
                m.update_state(y, p, sample_weight=w)
                arrays[f"t_{i}_{k}"], arrays[f"p_{i}_{k}"] = y, p
                if weighted:
                    arrays[f"w_{i}_{k}"] = w
            listed.append({"metric": keras.saving.serialize_keras_object(m), "name": m.name, "value": np.asarray(m.result()).tolist()})
    meta = {"case": "metrics", "class": "metrics", "keras": keras.__version__, "framework": "keras", "seed": seed, "tolerance": 1e-5, "cases": listed}
    write_npz(ROOT / "metrics.npz", {"meta": pack(meta), **arrays})
    print(len(listed), "metrics")
    return {"case": "metrics", "file": "metrics.npz", "keras": keras.__version__, "framework": "keras", "seed": seed, "tolerance": 1e-5, "why": "float32 sums in another order"}


def main():
    seed = seed_of("losses", "losses")
    arrays, listed = {}, []
    for i, (loss, t, p, w, m) in enumerate(cases(np.random.default_rng(seed))):
        x = tf.Variable(p)
        with tf.GradientTape() as tape:
            out = tf.convert_to_tensor(x)
            if m is not None:
                keras.src.backend.set_keras_mask(out, tf.constant(m))
            v = loss(t, out, sample_weight=w)
        arrays[f"t_{i}"], arrays[f"p_{i}"] = t, p
        arrays[f"g_{i}"] = tf.convert_to_tensor(tape.gradient(v, x)).numpy()
        if w is not None:
            arrays[f"sw_{i}"] = w
        if m is not None:
            arrays[f"m_{i}"] = m
        listed.append({"loss": keras.losses.serialize(loss), "activation": "", "value": float(v)})
    meta = {"case": "losses", "class": "losses", "keras": keras.__version__, "framework": "keras", "seed": seed, "tolerance": 1e-5, "cases": listed}
    ROOT.mkdir(parents=True, exist_ok=True)
    write_npz(ROOT / "losses.npz", {"meta": pack(meta), **arrays})
    entry = {"case": "losses", "file": "losses.npz", "keras": keras.__version__, "framework": "keras", "seed": seed, "tolerance": 1e-5, "why": "float32 sums in another order"}
    check.write_manifest(ROOT, [entry, measured()], partial=False)
    path = ROOT / "manifest.json"
    path.write_text(path.read_text().replace("scripts/goldens.sh", "scripts/losses_metrics.py"))
    print(len(listed), "losses")


if __name__ == "__main__":
    main()
