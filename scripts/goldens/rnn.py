"""Recurrent layers, Bidirectional, TimeDistributed: states, masks, directions."""
from . import rnncells
from .common import integers, normal, sequence

LAYERS = "SimpleRNN LSTM GRU".split()
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1}


def goldens(s):
    for cls in LAYERS:
        plain(s, cls)
        masked(s, cls)
        states(s, cls)
    gru(s)
    bidirectional(s)
    time_distributed(s)
    rnncells.goldens(s)


def maker(cls, *args, **kwargs):
    return lambda L: getattr(L, cls)(*args, **kwargs)


def plain(s, cls):
    x = normal(2, 5, 3)
    s.layer(cls, "last", maker(cls, 4), x, k2=True)
    s.layer(cls, "sequences", maker(cls, 4, return_sequences=True), x, k2=True)
    s.layer(cls, "backwards", maker(cls, 4, go_backwards=True), x)
    s.layer(cls, "backwards_sequences", maker(cls, 4, go_backwards=True, return_sequences=True), x, k2=True)
    s.layer(cls, "nobias", maker(cls, 5, use_bias=False), x)
    s.layer(cls, "unroll", maker(cls, 4, unroll=True, return_sequences=True), x)
    s.layer(cls, "one_step", maker(cls, 3), normal(3, 1, 4))
    s.layer(cls, "unknown_time", maker(cls, 4), normal(2, 6, 3).declare(None, 3), k2=True)
    s.layer(cls, "relu", maker(cls, 4, activation="relu", return_sequences=True), x)
    s.layer(cls, "linear", maker(cls, 4, activation=None), x)
    s.layer(cls, "dropout", maker(cls, 4, dropout=0.3, recurrent_dropout=0.2), x)
    s.layer(cls, "wide", maker(cls, 17), normal(2, 3, 9))
    s.layer(cls, "integers", maker(cls, 3), integers(2, 4, 3, high=3))
    if cls != "SimpleRNN":
        s.layer(cls, "hard_sigmoid", maker(cls, 4, recurrent_activation="hard_sigmoid"), x)
        s.layer(cls, "swapped", maker(cls, 4, activation="sigmoid", recurrent_activation="tanh"), x)


def masked(s, cls):
    """Right padding, holes, a leading gap and a row with nothing in it."""
    x = sequence([6, 4, 0, 6], 3, holes=[(0, 2), (3, 0)]).declare(None, 3)
    s.layer(cls, "masked_last", maker(cls, 4), x, mask=True, k2=True)
    s.layer(cls, "masked_sequences", maker(cls, 4, return_sequences=True), x, mask=True, k2=True)
    s.layer(cls, "masked_backwards", maker(cls, 4, go_backwards=True), x, mask=True)
    s.layer(cls, "masked_backwards_sequences", maker(cls, 4, go_backwards=True, return_sequences=True), x, mask=True)
    s.layer(cls, "masked_zero_output", maker(cls, 4, return_sequences=True, zero_output_for_mask=True), x, mask=True)
    s.layer(cls, "masked_unroll", maker(cls, 4, return_sequences=True, unroll=True), sequence([4, 2, 0], 3), mask=True)
    holed = sequence([5, 3, 0, 5], 3, holes=[(0, 1), (3, 4)])
    for name, options in (("", {}), ("_backwards", {"go_backwards": True})):
        s.layer(cls, "masked_unroll_zero_output" + name,
                maker(cls, 4, return_sequences=True, unroll=True, zero_output_for_mask=True, **options), holed, mask=True)

    def dropped_mask(K):
        """The mask ends at Reshape, so the loss counts the repeated outputs of masked steps."""
        t = K.Input((None, 3))
        h = getattr(K.layers, cls)(4, return_sequences=True)(K.layers.Masking(0.0)(t))
        return K.Model(t, K.layers.Dense(3)(K.layers.Reshape((-1, 2))(h)))

    s.model(cls, "mask_dropped", dropped_mask, x)

    def embedded(K):
        t = K.Input((None,), dtype="int32")
        return K.Model(t, getattr(K.layers, cls)(4)(K.layers.Embedding(7, 3, mask_zero=True)(t)))

    s.model(cls, "embedded", embedded, integers(3, 5, high=4).declare(None), k2=True)


def states(s, cls):
    x = normal(2, 4, 3)
    s.layer(cls, "return_state", maker(cls, 5, return_state=True), x, k2=True)
    s.layer(cls, "return_both", maker(cls, 5, return_sequences=True, return_state=True), x)
    s.layer(cls, "stateful", maker(cls, 3, stateful=True), x.fixed(), trains=False)

    def initial(K):
        t = K.Input((4, 3))
        h = [K.Input((5,)) for _ in range(STATES[cls])]
        return K.Model([t] + h, getattr(K.layers, cls)(5)(t, initial_state=h if len(h) > 1 else h[0]))

    s.model(cls, "initial_state", initial, normal(2, 4, 3), *(normal(2, 5) for _ in range(STATES[cls])), k2=True)

    def encoder_decoder(K):
        a, b = K.Input((None, 3)), K.Input((None, 2))
        L = K.layers
        _, *state = getattr(L, cls)(4, return_state=True, name="encoder")(L.Masking(0.0)(a))
        h = getattr(L, cls)(4, return_sequences=True, name="decoder")(b, initial_state=state)
        return K.Model([a, b], L.Dense(3)(h))

    s.model(cls, "encoder_decoder", encoder_decoder, sequence([4, 2], 3).declare(None, 3), normal(2, 3, 2).declare(None, 2), k2=True)


def gru(s):
    x = normal(2, 5, 3)
    s.layer("GRU", "reset_before", maker("GRU", 4, reset_after=False), x, k2=True)
    s.layer("GRU", "reset_before_sequences", maker("GRU", 4, reset_after=False, return_sequences=True, use_bias=False), x)
    s.layer("GRU", "reset_before_masked", maker("GRU", 4, reset_after=False, return_sequences=True),
            sequence([5, 3, 0], 3, holes=[(0, 1)]), mask=True)


def bidirectional(s):
    x = normal(2, 5, 3)
    padded = sequence([6, 4, 0, 6], 3, holes=[(0, 2), (3, 0)])

    def bi(cls, units=4, mode="concat", **kwargs):
        return lambda L: L.Bidirectional(getattr(L, cls)(units, **kwargs), merge_mode=mode)

    for cls in LAYERS:
        low = cls.lower()
        s.layer("Bidirectional", low, bi(cls), x, k2=True)
        s.layer("Bidirectional", low + "_sequences", bi(cls, return_sequences=True), x, k2=cls == "LSTM")
        s.layer("Bidirectional", low + "_masked", bi(cls), padded, mask=True, k2=cls == "GRU")
        s.layer("Bidirectional", low + "_masked_sequences", bi(cls, return_sequences=True), padded, mask=True)
        s.layer("Bidirectional", low + "_masked_unroll", bi(cls, return_sequences=True, unroll=True),
                sequence([5, 3, 0, 5], 3, holes=[(0, 1), (3, 4)]), mask=True)
        s.layer("Bidirectional", low + "_state", bi(cls, return_state=True), x)
    for mode in "sum", "mul", "ave":
        s.layer("Bidirectional", mode, bi("LSTM", 3, mode, return_sequences=True), x, k2=True)
        s.layer("Bidirectional", mode + "_last", bi("GRU", 3, mode), x)
        s.layer("Bidirectional", mode + "_masked", bi("GRU", 3, mode, return_sequences=True), padded, mask=True)
    s.layer("Bidirectional", "none", bi("LSTM", 3, None), x)
    s.layer("Bidirectional", "none_sequences", bi("GRU", 3, None, return_sequences=True), x, k2=True)
    s.layer("Bidirectional", "sequences_state", bi("LSTM", 3, return_sequences=True, return_state=True), x)
    s.layer("Bidirectional", "sum_state", bi("LSTM", 3, "sum", return_state=True), x)
    s.layer("Bidirectional", "backward_layer", lambda L: L.Bidirectional(
        L.LSTM(4, return_sequences=True),
        backward_layer=L.LSTM(4, activation="relu", return_sequences=True, go_backwards=True)), x, k2=True)
    s.layer("Bidirectional", "backward_other_units", lambda L: L.Bidirectional(
        L.GRU(4), backward_layer=L.LSTM(3, go_backwards=True)), x)

    def initial(K):
        t, states = K.Input((5, 3)), [K.Input((4,)) for _ in range(4)]
        return K.Model([t] + states, K.layers.Bidirectional(K.layers.LSTM(4))(t, initial_state=states))

    s.model("Bidirectional", "initial_state", initial, x, *(normal(2, 4) for _ in range(4)))


def time_distributed(s):
    x = normal(2, 4, 3)
    s.layer("TimeDistributed", "dense", lambda L: L.TimeDistributed(L.Dense(5, activation="tanh")), x, k2=True)
    s.layer("TimeDistributed", "unknown_time", lambda L: L.TimeDistributed(L.Dense(5)), normal(2, 4, 3).declare(None, 3), k2=True)
    s.layer("TimeDistributed", "masked", lambda L: L.TimeDistributed(L.Dense(4)), sequence([4, 2], 3), mask=True, k2=True)
    video = normal(2, 3, 4, 5, 2)
    s.layer("TimeDistributed", "conv", lambda L: L.TimeDistributed(L.Conv2D(3, 2, activation="relu")), video, k2=True)
    s.layer("TimeDistributed", "pool", lambda L: L.TimeDistributed(L.MaxPooling2D(2)), video)
    s.layer("TimeDistributed", "flatten", lambda L: L.TimeDistributed(L.Flatten()), video)
    s.layer("TimeDistributed", "norm", lambda L: L.TimeDistributed(L.BatchNormalization()), normal(3, 4, 2, 3))
    s.layer("TimeDistributed", "lstm", lambda L: L.TimeDistributed(L.LSTM(3)), normal(2, 3, 4, 2))

    def model_inside(K):
        L = K.layers
        inner = K.Sequential([K.Input((4, 5, 2)), L.Conv2D(3, 2, activation="relu"), L.GlobalAveragePooling2D(), L.Dense(4)])
        t = K.Input((3, 4, 5, 2))
        return K.Model(t, L.LSTM(3)(L.TimeDistributed(inner)(t)))

    s.model("TimeDistributed", "model", model_inside, video, k2=True)
