"""RNN over cells and stacks of them, cells called by themselves, and convolutional LSTMs."""
from .common import fixed, normal, sequence

CELLS = {"SimpleRNNCell": 1, "LSTMCell": 2, "GRUCell": 1}


def goldens(s):
    one_cell(s)
    stacked(s)
    called(s)
    bidirectional(s)
    for rank in 1, 2, 3:
        conv_lstm(s, rank)
    conv_lstm_calls(s)


def rnn(*cells, **kwargs):
    """An RNN over cells, each (class, units) or (class, units, options); several are stacked."""

    def make(L):
        made = [getattr(L, c[0])(c[1], **(c[2] if len(c) > 2 else {})) for c in cells]
        return L.RNN(made if len(made) > 1 else made[0], **kwargs)

    return make


def padded():
    return sequence([6, 4, 0, 6], 3, holes=[(0, 2), (3, 0)])


def one_cell(s):
    x = normal(2, 5, 3)
    for cls, n in CELLS.items():
        low = cls.lower()
        s.layer("RNN", low, rnn((cls, 4)), x, k2=True)
        s.layer("RNN", low + "_backwards_sequences", rnn((cls, 4), return_sequences=True, go_backwards=True), x)
        s.layer("RNN", low + "_masked", rnn((cls, 4), return_sequences=True), padded().declare(None, 3), mask=True, k2=True)
        s.layer("RNN", low + "_state", rnn((cls, 4), return_state=True, unroll=True), x)
        s.layer("RNN", low + "_options", rnn((cls, 4, {"activation": "relu", "use_bias": False})), x)
    s.layer("RNN", "gru_reset_before", rnn(("GRUCell", 4, {"reset_after": False})), x, k2=True)
    s.layer("RNN", "lstm_hard_sigmoid", rnn(("LSTMCell", 4, {"recurrent_activation": "hard_sigmoid", "unit_forget_bias": False})), x, k2=True)
    s.layer("RNN", "zero_output", rnn(("GRUCell", 4), return_sequences=True, zero_output_for_mask=True), padded(), mask=True)
    s.layer("RNN", "dropout", rnn(("LSTMCell", 4, {"dropout": 0.3, "recurrent_dropout": 0.2})), x, trains=False)
    s.layer("RNN", "stateful", rnn(("LSTMCell", 3), stateful=True), x.fixed(), trains=False)

    def initial(K):
        t, h, c = K.Input((5, 3)), K.Input((4,)), K.Input((4,))
        return K.Model([t, h, c], K.layers.RNN(K.layers.LSTMCell(4))(t, initial_state=[h, c]))

    s.model("RNN", "initial_state", initial, normal(2, 5, 3), normal(2, 4), normal(2, 4), k2=True)


STACK = ("LSTMCell", 4), ("GRUCell", 3), ("SimpleRNNCell", 5)
TWINS = ("LSTMCell", 3), ("LSTMCell", 4)


def stacked(s):
    """Each cell sees what the one before it gives in the same step; a masked step keeps the states of all."""
    x = normal(2, 5, 3)
    s.layer("StackedRNNCells", "last", rnn(*STACK), x, k2=True)
    s.layer("StackedRNNCells", "sequences", rnn(*STACK, return_sequences=True), x)
    s.layer("StackedRNNCells", "twins", rnn(*TWINS), x, k2=True)
    s.layer("StackedRNNCells", "backwards", rnn(*STACK, go_backwards=True), x)
    s.layer("StackedRNNCells", "state", rnn(*STACK, return_state=True), x, k2=True)
    s.layer("StackedRNNCells", "sequences_state", rnn(*TWINS, return_sequences=True, return_state=True), x)
    s.layer("StackedRNNCells", "unroll", rnn(*TWINS, return_sequences=True, unroll=True), x)
    s.layer("StackedRNNCells", "masked", rnn(*STACK), padded().declare(None, 3), mask=True, k2=True)
    s.layer("StackedRNNCells", "masked_sequences", rnn(*STACK, return_sequences=True), padded().declare(None, 3), mask=True, k2=True)
    s.layer("StackedRNNCells", "masked_state", rnn(*TWINS, return_sequences=True, return_state=True), padded(), mask=True)
    s.layer("StackedRNNCells", "masked_zero_output", rnn(*TWINS, return_sequences=True, zero_output_for_mask=True), padded(), mask=True)
    s.layer("StackedRNNCells", "masked_backwards", rnn(*STACK, go_backwards=True), padded(), mask=True, k2=True)
    s.layer("StackedRNNCells", "masked_backwards_sequences", rnn(*STACK, go_backwards=True, return_sequences=True), padded(), mask=True)
    s.layer("StackedRNNCells", "masked_unroll", rnn(*STACK, return_sequences=True, unroll=True), padded(), mask=True)
    s.layer("StackedRNNCells", "stateful", rnn(*TWINS, stateful=True), x.fixed(), trains=False)
    s.layer("StackedRNNCells", "nested", lambda L: L.RNN(L.StackedRNNCells(
        [L.GRUCell(3), L.StackedRNNCells([L.LSTMCell(4), L.SimpleRNNCell(2)])])), x)

    def dropped_mask(K):
        """The mask ends at Reshape, so the loss counts the repeated outputs of masked steps."""
        t = K.Input((None, 3))
        h = rnn(*TWINS, return_sequences=True)(K.layers)(K.layers.Masking(0.0)(t))
        return K.Model(t, K.layers.Dense(3)(K.layers.Reshape((-1, 2))(h)))

    s.model("StackedRNNCells", "mask_dropped", dropped_mask, padded().declare(None, 3))

    def initial(K):
        t, states = K.Input((5, 3)), [K.Input((n,)) for n in (3, 3, 4, 4)]
        h, c, h1, c1 = states
        return K.Model([t] + states, rnn(*TWINS)(K.layers)(t, initial_state=[[h, c], [h1, c1]]))

    s.model("StackedRNNCells", "initial_state", initial, normal(2, 5, 3), *(normal(2, n) for n in (3, 3, 4, 4)))


def called(s):
    """Cells as layers: one step."""
    for cls, n in CELLS.items():

        def step(K, cls=cls, n=n):
            t, states = K.Input((3,)), [K.Input((4,)) for _ in range(n)]
            y, after = getattr(K.layers, cls)(4)(t, states)
            return K.Model([t] + states, [K.layers.Dense(2)(y)] + list(after))

        s.model(cls, "step", step, normal(2, 3), *(normal(2, 4) for _ in range(n)))

    def two(K):
        """A decoder written out: the same cell twice."""
        t, h, c = K.Input((3,)), K.Input((3,)), K.Input((3,))
        cell = K.layers.LSTMCell(3)
        y, states = cell(t, [h, c])
        y, states = cell(y, states)
        return K.Model([t, h, c], [y, states[1]])

    s.model("LSTMCell", "twice", two, normal(2, 3), normal(2, 3), normal(2, 3))

    def stack(K):
        t, h, c, g = K.Input((3,)), K.Input((4,)), K.Input((4,)), K.Input((2,))
        y, _ = K.layers.StackedRNNCells([K.layers.LSTMCell(4), K.layers.GRUCell(2)])(t, [[h, c], [g]])
        return K.Model([t, h, c, g], y)

    s.model("StackedRNNCells", "step", stack, normal(2, 3), normal(2, 4), normal(2, 4), normal(2, 2))


def bidirectional(s):
    x = normal(2, 5, 3)

    def bi(*cells, mode="concat", **kwargs):
        return lambda L: L.Bidirectional(rnn(*cells, **kwargs)(L), merge_mode=mode)

    s.layer("Bidirectional", "rnn", bi(("GRUCell", 4)), x, k2=True)
    s.layer("Bidirectional", "rnn_masked", bi(("LSTMCell", 4), return_sequences=True), padded(), mask=True)
    s.layer("Bidirectional", "rnn_stack", bi(*TWINS, return_sequences=True, mode="sum"), x)
    s.layer("Bidirectional", "rnn_stack_masked", bi(*STACK, return_sequences=True), padded(), mask=True, k2=True)
    s.layer("Bidirectional", "rnn_stack_state", bi(*STACK, return_state=True), x)
    images = normal(2, 3, 4, 5, 2)
    s.layer("Bidirectional", "conv_lstm", lambda L: L.Bidirectional(L.ConvLSTM2D(3, 2, padding="same", return_sequences=True)), images, k2=True)
    s.layer("Bidirectional", "conv_lstm_last", lambda L: L.Bidirectional(L.ConvLSTM2D(3, 2), merge_mode="ave"), images)


def conv_lstm(s, rank):
    cls = f"ConvLSTM{rank}D"
    sizes = (7,), (5, 6), (3, 4, 5)
    spatial = sizes[rank - 1]
    x = normal(2, 3, *spatial, 2)
    images = normal(2, 3, 2, *spatial)

    def conv(filters, kernel, **kwargs):
        return lambda L: getattr(L, cls)(filters, kernel, **kwargs)

    s.layer(cls, "last", conv(3, 2), x, k2=True)
    s.layer(cls, "sequences", conv(3, 3, padding="same", return_sequences=True), x, k2=True)
    s.layer(cls, "strides", conv(3, 3, strides=2, padding="same", return_sequences=True), x)
    s.layer(cls, "strides_valid", conv(2, 2, strides=2), x)
    s.layer(cls, "dilation", conv(3, 2, dilation_rate=2, return_sequences=True), x, k2=True)
    s.layer(cls, "backwards", conv(3, 2, go_backwards=True, return_sequences=True), x, k2=rank == 2)
    s.layer(cls, "state", conv(3, 2, return_state=True), x, k2=True)
    s.layer(cls, "options", conv(4, 1, activation="relu", recurrent_activation="hard_sigmoid", use_bias=False, unit_forget_bias=False), x, k2=True)
    s.layer(cls, "unknown_time", conv(3, 2), normal(2, 4, *spatial, 2).declare(None, *spatial, 2))
    s.layer(cls, "dropout", conv(2, 2, dropout=0.3, recurrent_dropout=0.2), x, trains=False)
    s.layer(cls, "stateful", conv(2, 2, stateful=True), normal(2, 3, *spatial, 2).fixed(), trains=False)
    s.layer(cls, "channels_first", conv(3, 2, data_format="channels_first", return_sequences=True, return_state=True), images, jit=True)
    s.layer(cls, "channels_first_last", conv(3, 2, data_format="channels_first", padding="same"), images, jit=True)
    s.layer(cls, "wide", conv(17, 3, padding="same"), normal(1, 2, *spatial, 5))


def conv_lstm_calls(s):
    mask = [[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]]
    for name, options in ("masked", {}), ("masked_sequences", {"return_sequences": True}), ("masked_backwards", {"go_backwards": True}):

        def masked(K, options=options):
            t, m = K.Input((3, 4, 5, 2)), K.Input((3,), dtype="bool")
            return K.Model([t, m], K.layers.ConvLSTM2D(3, 2, **options)(t, mask=m))

        s.model("ConvLSTM2D", name, masked, normal(4, 3, 4, 5, 2), fixed(mask, "bool"))

    gaps = sequence([3, 2, 0, 3], 4 * 5 * 2, holes=[(0, 1), (3, 0)])

    def pixels(K):
        """Masking's mask has one element a pixel."""
        h = K.layers.Reshape((3, 4, 5, 2))(t := K.Input((3, 40)))
        return K.Model(t, K.layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(K.layers.Masking(0.0)(h)))

    s.model("ConvLSTM2D", "masked_pixels", pixels, gaps)

    def initial(K):
        t, h, c = K.Input((3, 4, 5, 2)), K.Input((3, 4, 3)), K.Input((3, 4, 3))
        return K.Model([t, h, c], K.layers.ConvLSTM2D(3, 2)(t, initial_state=[h, c]))

    s.model("ConvLSTM2D", "initial_state", initial, normal(2, 3, 4, 5, 2), normal(2, 3, 4, 3), normal(2, 3, 4, 3), k2=True)

    def forecast(K):
        """keras.io's next-frame example, small."""
        L = K.layers
        t = K.Input((None, 6, 6, 1))
        h = L.BatchNormalization()(L.ConvLSTM2D(3, 3, padding="same", return_sequences=True, activation="relu")(t))
        h = L.ConvLSTM2D(2, 1, padding="same", return_sequences=True, activation="relu")(h)
        return K.Model(t, L.Conv3D(1, 3, activation="sigmoid", padding="same")(h))

    s.model("ConvLSTM2D", "forecast", forecast, normal(2, 3, 6, 6, 1).declare(None, 6, 6, 1), k2=True)
