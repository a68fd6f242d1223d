"""Cases of scripts/parity.py: each optimizer, schedule, option of an optimizer and constraint."""
import json

import keras
from keras import layers as L

O = keras.optimizers
S = keras.optimizers.schedules
K = keras.constraints


def mlp(**options):
    return lambda: keras.Sequential([keras.Input((7,)), L.Dense(9, activation="tanh", **options), L.Dense(4, activation="softmax")], name="mlp")


def constrained():
    hidden = dict(kernel_constraint=K.MaxNorm(0.9), bias_constraint="non_neg")
    out = dict(kernel_constraint=K.MinMaxNorm(0.4, 0.8, rate=0.7, axis=[0]), bias_constraint=K.UnitNorm(axis=-1))
    return keras.Sequential([
        keras.Input((6, 5, 2)), L.Conv2D(3, 3, activation="relu", kernel_constraint=K.MaxNorm(0.7, axis=[0, 1, 2])), L.Flatten(),
        L.Dense(9, activation="tanh", **hidden), L.Dense(4, activation="softmax", **out)], name="constrained")


def words():
    return keras.Sequential([keras.Input((7,), dtype="int32"), L.Embedding(11, 6), L.GlobalAveragePooling1D(), L.Dense(4, activation="softmax")],
                            name="words")


def excluding(optimizer, *names):
    optimizer.exclude_from_weight_decay(var_names=list(names))
    return optimizer


OPTIMIZERS = {
    "adadelta": lambda: O.Adadelta(1.0, rho=0.9),
    "adafactor": lambda: O.Adafactor(0.05, weight_decay=0.01),
    "adagrad": lambda: O.Adagrad(0.05, epsilon=1e-5),
    "adam": lambda: O.Adam(0.01),
    "adamax": lambda: O.Adamax(0.01),
    "adamw": lambda: O.AdamW(0.01, weight_decay=0.2, amsgrad=True),
    "ftrl": lambda: O.Ftrl(0.1, l1_regularization_strength=0.01, l2_regularization_strength=0.02, l2_shrinkage_regularization_strength=0.03, beta=0.1),
    "lamb": lambda: O.Lamb(0.01),
    "lion": lambda: O.Lion(0.003, weight_decay=0.1),
    "muon": lambda: O.Muon(0.01, adam_weight_decay=0.1),
    "nadam": lambda: O.Nadam(0.005),
    "rmsprop": lambda: O.RMSprop(0.005),
    "schedulefree": lambda: O.ScheduleFreeAdamW(0.02, warmup_steps=4, weight_decay=0.05),
}
SCHEDULES = {
    "cosine": lambda: S.CosineDecay(0.01, 7, alpha=0.1, warmup_target=0.2, warmup_steps=3),
    "restarts": lambda: S.CosineDecayRestarts(0.2, 3, t_mul=1.5, m_mul=0.8, alpha=0.05),
    "exponential": lambda: S.ExponentialDecay(0.2, 3, 0.7, staircase=True),
    "inverse": lambda: S.InverseTimeDecay(0.2, 2.0, 0.5),
    "piecewise": lambda: S.PiecewiseConstantDecay([3, 8], [0.2, 0.1, 0.05]),
    "polynomial": lambda: S.PolynomialDecay(0.2, 5, 0.01, power=2.0, cycle=True),
}
OPTIONS = {
    "ema": lambda: O.SGD(0.1, momentum=0.5, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=5),
    "ema_adam": lambda: O.Adam(0.01, use_ema=True, ema_momentum=0.8),
    "accumulate": lambda: O.Adam(0.02, gradient_accumulation_steps=5),
    "accumulate_ema": lambda: O.Adagrad(0.1, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.6, ema_overwrite_frequency=2, clipnorm=0.2, weight_decay=0.1),
    "accumulate_schedule": lambda: O.SGD(S.ExponentialDecay(0.3, 4, 0.5), gradient_accumulation_steps=2, global_clipnorm=0.3),
    "clipvalue": lambda: O.Nadam(0.01, clipvalue=0.02),
    "excluded": lambda: excluding(O.AdamW(0.02, weight_decay=0.8), "bias"),
    "scaled": lambda: O.LossScaleOptimizer(O.Adam(0.02, clipnorm=0.5), initial_scale=512.0, dynamic_growth_steps=4),
    "scaled_schedule": lambda: O.LossScaleOptimizer(O.SGD(S.ExponentialDecay(0.3, 4, 0.5), use_ema=True, ema_momentum=0.7)),
    "loss_scaled": lambda: O.Adamax(0.01, loss_scale_factor=1000.0),
    "muon_excluded": lambda: O.Muon(0.01, exclude_layers=["dense_1"], nesterov=False, rms_rate=None, adam_lr_ratio=0.5, ns_steps=3),
}


def labels(n):
    return lambda rng: rng.integers(0, 4, size=n)


def floats(*shape):
    return lambda rng: rng.normal(size=shape).astype("float32")


def ids(rng):
    return rng.integers(0, 11, size=(30, 7)).astype("int32")


def cases():
    loss = dict(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    out = {}
    for name, optimizer in {**{"opt_" + k: v for k, v in OPTIMIZERS.items()}, **{"option_" + k: v for k, v in OPTIONS.items()}}.items():
        out[name] = (mlp(), [floats(50, 7)], [labels(50)], dict(optimizer=optimizer, **loss), {})
    for name, schedule in SCHEDULES.items():
        out["schedule_" + name] = (mlp(), [floats(50, 7)], [labels(50)], dict(optimizer=lambda s=schedule: O.SGD(s()), **loss), {})
    for name, optimizer in OPTIMIZERS.items():
        out["words_" + name] = (words, [ids], [labels(30)], dict(optimizer=optimizer, **loss), {"batch_size": 8})
    for name in ("accumulate", "ema_adam", "clipvalue", "scaled"):
        out["words_" + name] = (words, [ids], [labels(30)], dict(optimizer=OPTIONS[name], **loss), {"batch_size": 8})
    for on_epoch in (False, True):
        out[f"swap_ema_{on_epoch}".lower()] = (mlp(), [floats(50, 7)], [labels(50)], dict(optimizer=OPTIONS["ema_adam"], **loss), {"swap_ema": on_epoch, "validation_split": 0.2})
    for mode in ("rows", "columns"):
        out[f"orthogonal_{mode}"] = (mlp(kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.05, mode=mode)), [floats(50, 7)], [labels(50)],
                                     dict(optimizer=lambda: O.SGD(0.3), **loss), {})
    out["constraints"] = (constrained, [floats(50, 6, 5, 2)], [labels(50)], dict(optimizer=lambda: O.SGD(0.3), **loss), {})
    return out


def schedules():
    """The rates of each schedule at its first steps: testdata/parity/schedules.json."""
    out = []
    more = [S.CosineDecay(0.1, 11), S.CosineDecay(0.0, 9, 0.2, warmup_target=0.3, warmup_steps=5), S.CosineDecayRestarts(0.3, 5),
            S.CosineDecayRestarts(0.3, 4, t_mul=1.0, m_mul=0.5), S.CosineDecayRestarts(0.1, 2, t_mul=3.0), S.ExponentialDecay(0.1, 6, 0.9),
            S.InverseTimeDecay(0.1, 3, 0.7, staircase=True), S.PiecewiseConstantDecay([4], [1.0, 0.3]),
            S.PolynomialDecay(0.1, 12), S.PolynomialDecay(0.1, 6, 0.05, power=0.5)]
    for schedule in [*(make() for make in SCHEDULES.values()), *more]:
        out.append({"schedule": S.serialize(schedule), "rates": [float(schedule(step)) for step in range(60)]})
    return json.dumps({"keras": keras.__version__, "generator": "scripts/parity_optimizers.py", "cases": out}) + "\n"
