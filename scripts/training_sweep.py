"""Training nobody chose by hand: models, losses and optimizers drawn at random, trained in real Keras and then by ktrain.

    python scripts/training_sweep.py make FOLDER [COUNT [FIRST]]   draws COUNT cases (120) from number FIRST (0) on, and trains them in Keras
    python scripts/training_sweep.py check FOLDER                  compares what ktrain made of them

make writes NAME.keras (before training), NAME.npz (rows, targets, weights: what ktrain reads), NAME.args (ktrain's flags), NAME.want.npz
(Keras's weights after two epochs) and NAME.want.json (its history). check reads NAME.go.keras and NAME.go.json beside them. Histories must agree
to 1e-3, weights to 1e-4 of range or three times what Keras compiled by XLA differs from Keras. scripts/training_sweep.sh runs it all.
"""
import json
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import keras
import numpy as np
from keras import constraints, layers, losses, metrics, optimizers, regularizers

warnings.simplefilter("ignore")
ROWS, BATCH, EPOCHS = 22, 8, 2
S = optimizers.schedules


class Draw:
    """The choices of one case."""

    def __init__(self, number):
        self.rng = np.random.default_rng([20, number])

    def __call__(self, *options):
        return options[self.rng.integers(len(options))]

    def maybe(self, chance, *options):
        return self(*options) if self.rng.uniform() < chance else None

    def extras(self, bias=True):
        """Regularizers and constraints of a layer with a kernel."""
        r, c = regularizers, constraints
        out = {"kernel_regularizer": self.maybe(0.3, "l1", "l2", r.L1L2(0.01, 0.02), r.L2(0.03)),
               "kernel_constraint": self.maybe(0.2, c.MaxNorm(0.8), c.NonNeg(), c.UnitNorm(), c.MinMaxNorm(0.3, 0.9, rate=0.8)),
               "activity_regularizer": self.maybe(0.12, r.L2(0.01), "l1")}
        if bias:
            out.update(bias_regularizer=self.maybe(0.15, "l2"), bias_constraint=self.maybe(0.1, "non_neg"))
        return {k: v for k, v in out.items() if v is not None}


def normalized(d, x):
    kind = d(None, None, layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization, layers.UnitNormalization, layers.RMSNormalization)
    return x if kind is None else kind(groups=1)(x) if kind is layers.GroupNormalization else kind()(x)


def dense(d):
    x = keras.Input((7,))
    h = layers.Dense(8, activation=d("relu", "tanh", "gelu", "selu", "swish", "elu", "softplus", "mish"), **d.extras())(x)
    h = normalized(d, h)
    if d(0, 1):
        h = layers.Dense(6, **d.extras())(h)
        h = d(layers.PReLU, layers.LeakyReLU, layers.ELU, layers.ReLU)()(h)
    if d(0, 1):
        h = layers.Concatenate()([h, layers.Dense(4, activation="sigmoid", use_bias=False)(x)])
    return x, h


def orthogonal(d):
    x = keras.Input((7,))
    h = layers.Dense(6, activation="tanh", kernel_regularizer=regularizers.OrthogonalRegularizer(0.02, mode=d("rows", "columns")))(x)
    return x, layers.Dense(5, activation="relu")(h)


def einsum(d):
    x = keras.Input((4, 6))
    h = layers.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d", activation="tanh", **d.extras())(x)
    h = layers.TimeDistributed(layers.Dense(4, **d.extras()))(h)
    return x, layers.Flatten()(h)


def conv1d(d):
    x = keras.Input((9, 3))
    h = layers.Conv1D(4, 3, padding=d("same", "valid", "causal"), dilation_rate=d(1, 2), activation="relu", **d.extras())(x)
    h = d(lambda h: h, layers.SeparableConv1D(5, 2), layers.DepthwiseConv1D(2, depth_multiplier=2), layers.Conv1DTranspose(3, 3, strides=2))(h)
    return x, d(layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D, layers.Flatten)()(normalized(d, h))


def conv2d(d):
    x = keras.Input((8, 7, 3))
    h = layers.Conv2D(4, 3, strides=d(1, 2), padding=d("same", "valid"), activation=d("relu", "swish"), **d.extras())(x)
    h = normalized(d, h)
    h = d(lambda h: h, layers.SeparableConv2D(5, 2, padding="same"), layers.DepthwiseConv2D(2), layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
          layers.Conv2D(4, 2, groups=2), layers.PReLU(shared_axes=[1, 2]))(h)
    if d(0, 1):
        h = d(layers.MaxPooling2D, layers.AveragePooling2D)(2)(h)
    return x, d(layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D, layers.Flatten)()(h)


def conv3d(d):
    x = keras.Input((4, 5, 4, 2))
    h = d(layers.Conv3D(3, 2, activation="relu", **d.extras()), layers.Conv3DTranspose(3, 2))(x)
    return x, layers.GlobalAveragePooling3D()(h)


def recurrent(d, ends=True):
    x = keras.Input((6, 4))
    kind = d(layers.LSTM, layers.GRU, layers.SimpleRNN)
    extras = {**d.extras(), "recurrent_regularizer": d.maybe(0.2, "l2")}
    more = {"reset_after": d(True, False)} if kind is layers.GRU else {}
    cell = kind(5, return_sequences=True, go_backwards=d(False, False, True), **extras, **more)
    h = d(lambda: cell, lambda: layers.Bidirectional(kind(4, return_sequences=True), merge_mode=d("concat", "sum", "ave", "mul")))()(x)
    return x, (d(layers.LSTM, layers.GRU)(4)(h) if ends else h)


def words(d, ends=True):
    x = keras.Input((6,), dtype="int32")
    h = layers.Embedding(9, 5, mask_zero=d(True, False), embeddings_regularizer=d.maybe(0.15, "l2"), embeddings_constraint=d.maybe(0.15, "unit_norm"))(x)
    h = d(layers.LSTM, layers.GRU, layers.SimpleRNN)(5, return_sequences=True)(h)
    return x, (layers.GlobalAveragePooling1D()(h) if ends else h)


def bag(d):
    x = keras.Input((6,), dtype="int32")
    return x, d(layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D, layers.Flatten)()(layers.Embedding(9, 5)(x))


def attention(d):
    x = keras.Input((5, 6))
    h = d(layers.MultiHeadAttention(2, 3), layers.GroupQueryAttention(3, 4, 2))(x, x)
    h = layers.LayerNormalization()(layers.Add()([x, h]))
    if d(0, 1):
        h = d(layers.Attention(use_scale=True), layers.AdditiveAttention())([h, h])
    return x, layers.GlobalAveragePooling1D()(h)


def convlstm(d):
    x = keras.Input((3, 5, 4, 2))
    return x, layers.GlobalMaxPooling2D()(layers.ConvLSTM2D(3, 2, padding="same", **d.extras())(x))


def tagger(d):
    return d(recurrent, words)(d, ends=False)


FAMILIES = (dense, dense, conv2d, conv1d, recurrent, words, bag, attention, einsum, conv3d, convlstm, orthogonal, tagger, tagger)


def rows(d, spec):
    if spec.dtype == "int32":
        x = d.rng.integers(1, 9, size=(ROWS, 6)).astype("int32")
        for i in range(ROWS):
            x[i, d.rng.integers(2, 7):] = 0
        return x
    return d.rng.normal(size=(ROWS, *spec.shape[1:])).astype("float32")


def head(d, h, name):
    """An output with a loss: what is put on the features, the targets, the loss and metrics to choose from."""
    shape = (ROWS, *h.shape[1:-1])
    kind = d("regression", "binary", "labels", "classes", "several")
    real = lambda *s: d.rng.normal(size=s).astype("float32")
    if kind == "regression":
        n = d(1, 3)
        loss = d("mse", "mae", "huber", "log_cosh", losses.MeanSquaredError(), losses.Huber(0.5), "mean_squared_logarithmic_error", losses.CosineSimilarity())
        if n == 1 and isinstance(loss, losses.CosineSimilarity):
            loss = "mse"
        measures = ["mae", metrics.RootMeanSquaredError(), metrics.MeanSquaredError(name="squares"), metrics.R2Score(), metrics.CosineSimilarity()]
        y = real(*shape, n)
        if len(shape) > 1:
            measures = measures[:3]
        return layers.Dense(n, name=name)(h), (y[..., 0] if n == 1 and d(0, 1) and not len(measures) > 3 else y), loss, measures, False
    if kind == "binary":
        loss = d("binary_crossentropy", losses.BinaryCrossentropy(label_smoothing=0.1), losses.BinaryFocalCrossentropy(), "hinge", "mse")
        measures = ["accuracy", metrics.AUC(num_thresholds=20), metrics.Precision(), metrics.Recall(thresholds=0.4), metrics.BinaryAccuracy(threshold=0.6),
                    metrics.Precision(thresholds=[0.3, 0.6], name="precisions"), metrics.F1Score(threshold=0.5), metrics.TruePositives()]
        if len(shape) > 1:
            measures = measures[:6]
        return layers.Dense(1, activation="sigmoid", name=name)(h), d.rng.integers(0, 2, size=(*shape, 1)).astype(d("float32", "int32")), loss, measures, False
    if kind == "several":
        loss = d("binary_crossentropy", losses.BinaryCrossentropy(from_logits=True), "squared_hinge", "poisson" if False else "mse")
        measures = ["binary_accuracy", metrics.AUC(multi_label=True, num_thresholds=12), metrics.F1Score(threshold=0.5, average="macro"), metrics.F1Score(threshold=0.4),
                    metrics.Recall(thresholds=[0.2, 0.5, 0.8])]
        if len(shape) > 1:
            measures = measures[:1]
        return layers.Dense(4, name=name)(h), d.rng.integers(0, 2, size=(*shape, 4)).astype("float32"), loss, measures, False
    y = d.rng.integers(0, 4, size=shape)
    if kind == "labels":
        logits = d(True, False)
        loss = losses.SparseCategoricalCrossentropy(from_logits=True) if logits else d("sparse_categorical_crossentropy", losses.SparseCategoricalCrossentropy())
        measures = ["accuracy", metrics.SparseTopKCategoricalAccuracy(k=2), metrics.SparseCategoricalCrossentropy(from_logits=logits)]
        return layers.Dense(4, activation=None if logits else "softmax", name=name)(h), y.astype(d("int32", "int64", "float32")), loss, measures, len(shape) == 1
    loss = d("categorical_crossentropy", losses.CategoricalCrossentropy(label_smoothing=0.2), losses.CategoricalFocalCrossentropy(), "kl_divergence", "categorical_hinge")
    measures = ["accuracy", metrics.TopKCategoricalAccuracy(k=2), metrics.CategoricalCrossentropy(), metrics.Precision(top_k=1), metrics.F1Score(), metrics.AUC(num_thresholds=30)]
    if len(shape) > 1:
        measures = measures[:3]
    return layers.Dense(4, activation="softmax", name=name)(h), np.eye(4, dtype="float32")[y], loss, measures, len(shape) == 1


def rate(d, value):
    return d(value, value, S.ExponentialDecay(value, 3, 0.7), S.CosineDecay(value, 6, alpha=0.1), S.PiecewiseConstantDecay([2, 4], [value, value / 2, value / 3]),
             S.PolynomialDecay(value, 5, value / 10, power=2.0), S.InverseTimeDecay(value, 2.0, 0.5), S.CosineDecayRestarts(value, 3))


def optimizer(d):
    options = {"weight_decay": d.maybe(0.2, 0.02)}
    options.update(d(*[{}] * 4, {"clipnorm": 0.3}, {"global_clipnorm": 0.5}, {"clipvalue": 0.1}))
    options.update(d(*[{}] * 5, {"use_ema": True, "ema_momentum": 0.8}, {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2}))
    options.update(d(*[{}] * 5, {"gradient_accumulation_steps": 2}, {"gradient_accumulation_steps": 4}))
    make = d(lambda: optimizers.SGD(rate(d, 0.05), momentum=d(0.0, 0.8), nesterov=d(False, True), **options), lambda: optimizers.Adam(rate(d, 0.01), amsgrad=d(False, True), **options),
             lambda: optimizers.RMSprop(rate(d, 0.005), momentum=d(0.0, 0.5), centered=d(False, True), **options), lambda: optimizers.Adagrad(rate(d, 0.05), **options),
             lambda: optimizers.Adadelta(rate(d, 0.8), **options), lambda: optimizers.Adamax(rate(d, 0.01), **options), lambda: optimizers.Nadam(rate(d, 0.005), **options),
             lambda: optimizers.Ftrl(rate(d, 0.05), l1_regularization_strength=d(0.0, 0.01), **options), lambda: optimizers.Lion(rate(d, 0.003), **options),
             lambda: optimizers.Lamb(rate(d, 0.01), **options), lambda: optimizers.Adafactor(rate(d, 0.02), **options),
             lambda: optimizers.AdamW(rate(d, 0.01), **{**options, "weight_decay": 0.05}), lambda: optimizers.Muon(rate(d, 0.005), **{**options, "weight_decay": 0.01}),
             lambda: optimizers.SGD(0.05, **options), lambda: optimizers.Adam(**options))
    o = make()
    return optimizers.LossScaleOptimizer(o, initial_scale=64.0, dynamic_growth_steps=3) if d.rng.uniform() < 0.08 else o


def build(number):
    """One case: the compiled model, its rows, the arguments of fit() and ktrain's flags for them."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(number)
    d = Draw(number)
    family = d(*FAMILIES)
    x, h = family(d)
    several = d.rng.uniform() < 0.25 and family is not tagger
    heads = [head(d, h, name) for name in (("first", "second") if several else ("out",))]
    named = several and d(False, True)
    outs = {"a": heads[0][0], "b": heads[1][0]} if named and d(False, True) else [p[0] for p in heads]
    model = keras.Model(x, outs if several else outs[0], name="net")
    for layer in model.layers[1:-len(heads)]:
        frozen = d.rng.uniform() <= 0.12 and layer.weights
        # Keras forgets, when it loads a file, that the inner layers of these were frozen
        layer.trainable = not frozen or isinstance(layer, (layers.ConvLSTM2D, layers.MultiHeadAttention, layers.GroupQueryAttention))
    loss, measured = [p[2] for p in heads], [list(d.rng.choice(np.array(p[3], dtype=object), size=min(2, len(p[3])), replace=False)) for p in heads]
    weighted = [list(p[3])[:1] if d(False, False, True) else [] for p in heads]
    args = dict(loss=loss[0], metrics=measured[0], weighted_metrics=weighted[0] or None)
    if several:
        args = dict(loss=loss, metrics=measured, loss_weights=d(None, [1.0, 0.4], [0.3, 2.0]), weighted_metrics=weighted if any(weighted) else None)
        if named:
            keys = list(outs) if isinstance(outs, dict) else ["first", "second"]
            args = {k: dict(zip(keys, v)) if v is not None else None for k, v in args.items()}
    model.compile(optimizer=optimizer(d), **args)
    model.optimizer.build(model.trainable_variables)
    data = {"x": rows(d, x), **({f"y_{i}": p[1] for i, p in enumerate(heads)} if several else {"y": heads[0][1]})}
    fit, flags = {}, []
    split = d.maybe(0.25, 0.25)
    if split:
        fit["validation_split"] = split
        flags += ["--validation-split", str(split)]
    weights = d.maybe(0.3, "sample", "class")
    if weights == "class" and not several and heads[0][4]:
        fit["class_weight"] = {0: 2.0, 1: 0.5, 3: 1.5}
        flags += ["--class-weight", "0=2,1=0.5,3=1.5"]
    elif weights == "sample" and not several:
        steps = heads[0][1].shape[1:2] if family is tagger and d(False, True) else ()
        data["sample_weight"] = fit["sample_weight"] = d.rng.uniform(0.2, 2, size=(ROWS, *steps)).astype("float32")
    elif weights == "sample":
        both = [d.rng.uniform(0.2, 2, size=ROWS).astype("float32") for _ in heads]
        data.update({f"sample_weight_{i}": w for i, w in enumerate(both)})
        fit["sample_weight"] = dict(zip(outs, both)) if isinstance(outs, dict) else both
    y = heads[0][1] if not several else dict(zip(outs, (p[1] for p in heads))) if isinstance(outs, dict) else [p[1] for p in heads]
    title = f"{family.__name__} {type(model.optimizer).__name__} {' + '.join(v if isinstance(v, str) else type(v).__name__ for v in loss)}"
    return model, data, y, fit, flags, title


def plain(v):
    return [plain(e) for e in v] if isinstance(v, (list, tuple)) or getattr(v, "ndim", 0) else float(v)


def train(model, data, y, fit):
    h = model.fit(data["x"], y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0, **fit)
    return {k: plain([np.asarray(e) for e in v]) for k, v in h.history.items()}, [w.numpy() for w in model.weights]


def make(folder, count, first):
    for number in range(first, first + count):
        name = folder / f"case{number:03d}"
        try:
            model, data, y, fit, flags, title = build(number)
            model.save(f"{name}.keras")
            model = keras.saving.load_model(f"{name}.keras")  # what the file doesn't say (Huber's delta) is lost on Keras, too
            history, after = train(model, data, y, fit)
        except Exception as e:  # Keras, too, refuses some of what is drawn
            Path(f"{name}.keras").unlink(missing_ok=True)
            print(f"{name.name}: Keras says {str(e).splitlines()[0][:150]}")
            continue
        if not all(np.isfinite(w).all() for w in after) or not np.isfinite(history["loss"]).all():
            Path(f"{name}.keras").unlink()
            print(f"{name.name}: not finite in Keras: {title}")
            continue
        np.savez(f"{name}.npz", **data)
        np.savez(f"{name}.want.npz", **{f"w_{i}": w for i, w in enumerate(after)})
        Path(f"{name}.want.json").write_text(json.dumps({"title": title, "history": history}))
        Path(f"{name}.args").write_text(" ".join(flags))


def off(a, b):
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    if a.shape != b.shape:
        return float("inf")
    return float(np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), 1e-12)) if np.any(a != b) else 0.0


def compare(history, want, after, want_after):
    found = [(off(history.get(k, [[]]), v) / 10, f"history {k}: {history.get(k)}, in Keras {v}") for k, v in want.items()]
    found += [(float("inf"), f"history {k} isn't Keras's") for k in history if k not in want]
    return found + [(off(a, b), f"weight {i} {b.shape}") for i, (a, b) in enumerate(zip(after, want_after))]


def check(folder):
    worst, bad = [], 0
    for want in sorted(folder.glob("*.want.json")):
        name = folder / want.name.removesuffix(".want.json")
        w = json.loads(want.read_text())
        with np.load(f"{name}.want.npz") as a:
            after = [a[k] for k in a]
        try:
            got = [v.numpy() for v in keras.saving.load_model(f"{name}.go.keras").weights]
            found = compare(json.loads(Path(f"{name}.go.json").read_text()), w["history"], got, after)
        except Exception as e:
            found = [(float("inf"), f"{str(e).splitlines()[0][:100]}")]
            errors = Path(f"{name}.err")
            found[0] = (float("inf"), errors.read_text().strip() or found[0][1]) if errors.exists() else found[0]
        most, what = max(found)
        if 1e-4 < most < float("inf"):  # is Keras itself as sure as that?
            number = int(name.name.removeprefix("case"))
            _, data, y, fit, _, _ = build(number)
            model = keras.saving.load_model(f"{name}.keras")
            model.jit_compile = True
            try:
                h, ws = train(model, data, y, fit)
                spread = max(compare(h, w["history"], ws, after))[0]
            except Exception as e:
                spread = 0.0
            most = most if most > 3 * spread else 0.0
            what += f" (Keras by XLA: {spread:.2g})"
        worst.append((most, name.name, w["title"], what))
        bad += most > 1e-4
    for most, name, title, what in sorted(worst, reverse=True)[:max(bad, 5)]:
        print(f"{'FAIL' if most > 1e-4 else 'ok  '} {name} ({title}): {most:.2g}: {what}")
    print(f"{len(worst)} cases, {bad} of them wrong")
    return bad


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    folder = Path(sys.argv[2])
    if sys.argv[1] == "check":
        sys.exit(1 if check(folder) else 0)
    make(folder, int(sys.argv[3]) if len(sys.argv) > 3 else 120, int(sys.argv[4]) if len(sys.argv) > 4 else 0)
