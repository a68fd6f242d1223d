"""Attention, projections by einsum, and the layers that wrap or invert another's weights."""
from .common import fixed, integers, normal, sequence


def goldens(s):
    einsum_dense(s)
    multi_head(s)
    multi_head_masks(s)
    grouped(s)
    dense_attention(s)
    spectral(s)
    reversible(s)
    models(s)


def einsum_dense(s):
    def add(name, equation, shape, x, k2=False, **options):
        s.layer("EinsumDense", name, lambda L: L.EinsumDense(equation, output_shape=shape, **options), x, k2=k2)

    x = normal(2, 3, 4)
    add("dense", "ab,bc->ac", 5, normal(3, 4), k2=True, bias_axes="c")
    add("sequence", "abc,cd->abd", (None, 5), x.declare(None, 4), k2=True, bias_axes="d", activation="relu")
    add("no_bias", "abc,cd->abd", (3, 5), normal(2, 3, 4))
    add("left", "...x,xy->...y", 5, normal(2, 3, 2, 4), k2=True, bias_axes="y", activation="tanh")
    add("left_heads", "...x,xyz->...yz", (5, 2), normal(2, 3, 4), bias_axes="z")
    add("right", "ab...,bc->ac...", 5, normal(2, 3, 4, 2), bias_axes="c")
    add("heads", "abc,cde->abde", (None, 3, 5), normal(2, 3, 4).declare(None, 4), k2=True, bias_axes="de")
    add("merge_heads", "abcd,cde->abe", (None, 6), normal(2, 3, 4, 5).declare(None, 4, 5), k2=True, bias_axes="e")
    add("bias_first", "abc,cde->abde", (3, 2, 5), normal(2, 3, 4), bias_axes="d")
    add("bias_between", "abc,cd->abd", (3, 5), normal(2, 3, 4), bias_axes="bd")
    add("turned", "abc,cd->adb", (5, 3), normal(2, 3, 4), bias_axes="d")
    add("time", "abc,bd->adc", (5, 4), normal(2, 3, 4), bias_axes="d")
    add("kernel_turned", "abc,dc->abd", (3, 5), normal(2, 3, 4), bias_axes="d")
    add("each", "abc,bcd->abd", (3, 5), normal(2, 3, 4), bias_axes="d")  # a kernel for each step
    add("scaled", "abc,c->abc", (3, 4), normal(2, 3, 4))
    add("summed", "abc,bcd->ad", 5, normal(2, 3, 4), bias_axes="d")
    add("dropped", "abc,cd->ad", 5, normal(2, 3, 4))  # a letter that nothing else has


def call(cls, given, options):
    """A model of one attention layer: given are inputs, and how they are called in kw by name."""
    def build(K):
        ins = [spec.input(K) for spec in given]
        layer = getattr(K.layers, cls)(**options)
        kw = {name: ins[i] if isinstance(i, int) and not isinstance(i, bool) else i for name, i in build.kw.items()}
        return K.Model(ins if len(ins) > 1 else ins[0], layer(*[ins[i] for i in build.args], **kw))

    return build


def attend(s, cls, name, inputs, args, options, k2=False, tests=None, **kw):
    build = call(cls, inputs, options)
    build.args, build.kw = args, kw
    s.model(cls, name, build, *inputs, k2=k2, **(tests or {}))


def multi_head(s):
    cls = "MultiHeadAttention"
    q, v, k = normal(2, 5, 6), normal(2, 4, 7), normal(2, 4, 3)
    attend(s, cls, "self", [q], [0, 0], dict(num_heads=2, key_dim=3), k2=True)
    attend(s, cls, "named", [q, v, k], [], dict(num_heads=2, key_dim=3), value=1, key=2, query=0)
    attend(s, cls, "cross", [q, v], [0, 1], dict(num_heads=3, key_dim=4, value_dim=5), k2=True)
    attend(s, cls, "key", [q, v, k], [0, 1, 2], dict(num_heads=2, key_dim=4, value_dim=3, output_shape=9), k2=True)
    attend(s, cls, "named", [q, v, k], [0], dict(num_heads=2, key_dim=4), value=1, key=2, k2=True)
    attend(s, cls, "no_bias", [q], [0, 0], dict(num_heads=2, key_dim=3, use_bias=False), k2=True)
    attend(s, cls, "output_shape", [q], [0, 0], dict(num_heads=2, key_dim=3, output_shape=(4, 3)))
    attend(s, cls, "unknown_time", [normal(2, 5, 6).declare(None, 6), normal(2, 4, 7).declare(None, 7)], [0, 1], dict(num_heads=2, key_dim=3), k2=True)
    attend(s, cls, "scores", [q, v], [0, 1], dict(num_heads=2, key_dim=3), return_attention_scores=True, k2=True)
    attend(s, cls, "causal", [q], [0, 0], dict(num_heads=2, key_dim=3), use_causal_mask=True, k2=True)
    attend(s, cls, "causal_cross", [q, v], [0, 1], dict(num_heads=2, key_dim=3), use_causal_mask=True)
    attend(s, cls, "causal_scores", [q], [0, 0], dict(num_heads=2, key_dim=3), use_causal_mask=True, return_attention_scores=True)
    attend(s, cls, "dropout", [q], [0, 0], dict(num_heads=2, key_dim=3, dropout=0.4), use_causal_mask=True, k2=True)
    attend(s, cls, "gate", [q], [0, 0], dict(num_heads=2, key_dim=3, use_gate=True))
    attend(s, cls, "window", [q], [0, 0], dict(num_heads=2, key_dim=3, sliding_window=2))
    attend(s, cls, "causal_window", [q], [0, 0], dict(num_heads=2, key_dim=3, sliding_window=2), use_causal_mask=True)
    grid = normal(2, 3, 4, 5)
    attend(s, cls, "rank4", [grid], [0, 0], dict(num_heads=2, key_dim=3), return_attention_scores=True)
    attend(s, cls, "rank4_axis1", [grid], [0, 0], dict(num_heads=2, key_dim=3, attention_axes=1), return_attention_scores=True)
    attend(s, cls, "rank4_axis2", [grid], [0, 0], dict(num_heads=2, key_dim=3, attention_axes=(2,)), k2=True)
    attend(s, cls, "rank5_axes", [normal(2, 3, 2, 4, 5)], [0, 0], dict(num_heads=2, key_dim=3, attention_axes=(1, 3)))


def multi_head_masks(s):
    cls = "MultiHeadAttention"
    q, v = normal(2, 5, 6), normal(2, 4, 7)
    some = fixed([[[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 0, 1]],
                  [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]]], "bool")
    numbers = fixed([[[1, 0, 1, 1]], [[0, 1, 1, 0]]])  # of floats, the same for every query
    heads = fixed([[[[1, 0, 1, 1]], [[0, 1, 1, 0]]], [[[1, 1, 0, 0]], [[0, 0, 0, 1]]]], "bool")
    options = dict(num_heads=2, key_dim=3)
    attend(s, cls, "mask", [q, v, some], [0, 1], options, attention_mask=2, k2=True)  # one row is masked as a whole
    attend(s, cls, "mask_scores", [q, v, some], [0, 1], options, attention_mask=2, return_attention_scores=True, k2=True)
    attend(s, cls, "mask_dropout", [q, v, some], [0, 1], dict(options, dropout=0.3), attention_mask=2)
    attend(s, cls, "mask_numbers", [q, v, numbers], [0, 1], options, attention_mask=2)
    attend(s, cls, "mask_heads", [q, v, heads], [0, 1], options, attention_mask=2)
    attend(s, cls, "mask_causal", [q, v, some], [0, 1], options, attention_mask=2, use_causal_mask=True)
    grid = normal(2, 3, 4, 5)
    attend(s, cls, "mask_axis2", [grid, fixed([[[1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]] * 2, "bool")], [0, 0],
           dict(options, attention_axes=(2,)), attention_mask=1)

    def masked(which, cls=cls, options=options, **kw):
        def build(K):
            a, b = K.Input((None, 6)), K.Input((None, 6))
            mask = K.layers.Masking(0.0)
            x, y = (mask(t) if use else t for t, use in zip((a, b), which))
            return K.Model([a, b], getattr(K.layers, cls)(**options)(x, y, **kw))

        return build

    a, b = sequence([5, 2], 6, holes=[(0, 1)]).declare(None, 6), sequence([2, 4], 6).declare(None, 6)
    s.model(cls, "masked_both", masked((1, 1)), a, b, k2=True)
    s.model(cls, "masked_query", masked((1, 0)), a, b, k2=True)
    s.model(cls, "masked_value", masked((0, 1)), a, b, k2=True)
    s.model(cls, "masked_causal", masked((1, 1), use_causal_mask=True), a, b, k2=True)
    s.model(cls, "masked_scores", masked((1, 1), return_attention_scores=True), a, b, k2=True)
    s.model(cls, "masked_dropout", masked((1, 1), options=dict(options, dropout=0.5)), a, b)
    group = dict(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    s.model("GroupQueryAttention", "masked_both", masked((1, 1), "GroupQueryAttention", group), a, b)
    s.model("GroupQueryAttention", "masked_scores", masked((1, 1), "GroupQueryAttention", group, return_attention_scores=True), a, b)

    def keyed(K):
        t = K.Input((None, 6))
        x = K.layers.Masking(0.0)(t)
        return K.Model(t, K.layers.MultiHeadAttention(**options)(K.layers.Dense(4)(t), t, key=x))

    def explicit(K):
        a, b, m = K.Input((5, 6)), K.Input((4, 6)), K.Input((4,), dtype="bool")
        return K.Model([a, b, m], K.layers.MultiHeadAttention(**options)(a, b, value_mask=m))

    s.model(cls, "masked_key", keyed, a, k2=True)
    s.model(cls, "value_mask", explicit, normal(2, 5, 6), normal(2, 4, 6), fixed([[1, 0, 1, 1], [0, 0, 1, 0]], "bool"))

    def residual(K):
        """What the mask goes on to: the sum with the attention's own input, and a mean over what counts."""
        t = K.Input((None,), dtype="int32")
        L = K.layers
        x = L.Embedding(7, 6, mask_zero=True)(t)
        h = L.Add()([x, L.MultiHeadAttention(**options)(x, x)])
        return K.Model(t, [h, L.GlobalAveragePooling1D()(L.LayerNormalization()(h))])

    s.model(cls, "masked_residual", residual, integers(3, 5, high=3).declare(None), k2=True)


def grouped(s):
    cls = "GroupQueryAttention"
    options = dict(head_dim=3, num_query_heads=4, num_key_value_heads=2)
    q, v, k = normal(2, 5, 6), normal(2, 4, 6), normal(2, 4, 3)
    attend(s, cls, "self", [q], [0, 0], options)
    attend(s, cls, "cross", [q, v, k], [0, 1, 2], options)
    attend(s, cls, "one_group", [q, v], [0, 1], dict(options, num_key_value_heads=1, use_bias=False))
    attend(s, cls, "scores", [q, v], [0, 1], options, return_attention_scores=True, use_causal_mask=True)
    attend(s, cls, "causal", [q], [0, 0], options, use_causal_mask=True)
    attend(s, cls, "gate", [q], [0, 0], dict(options, use_gate=True))
    attend(s, cls, "window", [q], [0, 0], dict(options, sliding_window=2))
    attend(s, cls, "dropout", [q], [0, 0], dict(options, dropout=0.2))
    attend(s, cls, "mask", [q, v, fixed([[[1, 0, 1, 1]], [[0, 1, 1, 0]]], "bool")], [0, 1], options, attention_mask=2)


def dense_attention(s):
    q, v, k = normal(2, 5, 6), normal(2, 4, 6), normal(2, 4, 6)
    wide = normal(2, 4, 3)
    masked = [sequence([5, 2], 6, holes=[(0, 1)]), sequence([2, 4], 6, time=5)]
    for cls in ("Attention", "AdditiveAttention"):
        def make(**options):
            return lambda L: getattr(L, cls)(**options)

        s.layer(cls, "plain", make(), q, v, k2=True)
        s.layer(cls, "key", make(), q, wide, k, k2=cls == "Attention")
        s.layer(cls, "scale", make(use_scale=cls == "Attention"), q, v, k2=True)
        s.layer(cls, "dropout", make(dropout=0.4), q, v, k2=True)
        s.layer(cls, "masked", make(), *masked, mask=True, k2=True)
        if cls == "Attention":
            s.layer(cls, "concat", make(score_mode="concat"), q, v, k2=True)
            s.layer(cls, "concat_scale", make(score_mode="concat", use_scale=True), q, v, k)

        def build(kw, masks=False):
            def model(K):
                a, b = K.Input((5, 6)), K.Input((5, 6))
                x = [K.layers.Masking(0.0)(t) for t in (a, b)] if masks else [a, b]
                return K.Model([a, b], getattr(K.layers, cls)()(x, **kw))

            return model

        s.model(cls, "causal", build({"use_causal_mask": True}), normal(2, 5, 6), normal(2, 5, 6), k2=True)
        s.model(cls, "scores", build({"return_attention_scores": True}), normal(2, 5, 6), normal(2, 5, 6), k2=True)
        s.model(cls, "masked_causal", build({"use_causal_mask": True, "return_attention_scores": True}, True), *masked, k2=True)

        def given(K):
            a, b, m, n = K.Input((5, 6)), K.Input((4, 6)), K.Input((5,), dtype="bool"), K.Input((4,), dtype="bool")
            return K.Model([a, b, m, n], getattr(K.layers, cls)()([a, b], mask=[m, n]))

        def value_only(K):
            a, b = K.Input((5, 6)), K.Input((5, 6))
            return K.Model([a, b], getattr(K.layers, cls)()([a, K.layers.Masking(0.0)(b)]))

        s.model(cls, "mask", given, q, v, fixed([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1]], "bool"),
                fixed([[1, 0, 1, 1], [0, 0, 0, 0]], "bool"))
        s.model(cls, "value_masked", value_only, *masked)


def spectral(s):
    def add(name, inner, x, **options):
        s.layer("SpectralNormalization", name, lambda L: L.SpectralNormalization(inner(L), **options), x, trains=False)

    add("dense", lambda L: L.Dense(5), normal(3, 4))
    add("conv", lambda L: L.Conv2D(3, 3, activation="relu"), normal(2, 5, 6, 2), power_iterations=2)
    add("embedding", lambda L: L.Embedding(6, 4), integers(2, 3, high=6))


def reversible(s):
    def both(**options):
        def build(K):
            t = K.Input((None,), dtype="int32")
            layer = K.layers.ReversibleEmbedding(9, 4, **options)
            return K.Model(t, layer(K.layers.LayerNormalization()(layer(t)), reverse=True))

        return build

    ids = integers(2, 5, high=9).declare(None)
    s.model("ReversibleEmbedding", "tied", both(), ids)
    s.model("ReversibleEmbedding", "untied", both(tie_weights=False), ids)
    s.model("ReversibleEmbedding", "soft_cap", both(logit_soft_cap=2.0), ids)
    s.layer("ReversibleEmbedding", "forward", lambda L: L.ReversibleEmbedding(7, 3, mask_zero=True), integers(2, 4, high=3))


def models(s):
    s.model("Model", "transformer", transformer, integers(2, 6, high=11), layers=True)
    s.model("Model", "vision_transformer", vision_transformer, normal(2, 8, 6, 3), layers=True)


def transformer(K):
    """A decoder block: tokens and learned positions, causal attention, a feed-forward part, both residual, norms first."""
    from keras import ops

    L = K.layers
    t = K.Input((6,), dtype="int32")
    place = L.Embedding(6, 8, name="positions")(ops.arange(6))
    h = L.Embedding(11, 8, name="tokens")(t) + place
    for i in range(2):
        n = L.LayerNormalization(epsilon=1e-5)(h)
        h = L.Add()([h, L.MultiHeadAttention(2, 4, dropout=0.1, name=f"attention_{i}")(n, n, use_causal_mask=True)])
        n = L.LayerNormalization(epsilon=1e-5)(h)
        n = L.Dropout(0.1)(L.Dense(8)(L.Dense(16, activation="gelu")(n)))
        h = L.Add()([h, n])
    return K.Model(t, L.Dense(11, name="logits")(L.LayerNormalization()(h)), name="minigpt")


def vision_transformer(K):
    L = K.layers
    t = K.Input((8, 6, 3))
    h = L.Reshape((12, 8))(L.Conv2D(8, 2, strides=2)(t))
    n = L.LayerNormalization(epsilon=1e-6)(h)
    h = L.Add()([L.MultiHeadAttention(2, 4)(n, n), h])
    n = L.LayerNormalization(epsilon=1e-6)(h)
    h = L.Add()([L.Dense(8)(L.Dense(12, activation="gelu")(n)), h])
    return K.Model(t, L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(h)), name="vit")


def stack(K):
    """A whole file of attention, in what both frameworks have; Keras 3's also of what it alone has. (Not Attention: Keras 3
    can't open its own legacy file of that.)"""
    L = K.layers
    t = K.Input((5,), dtype="int32")
    h = x = L.Embedding(9, 6)(t)
    h = L.Add()([x, L.MultiHeadAttention(2, 3, dropout=0.1)(x, x)])
    h = L.LayerNormalization()(L.MultiHeadAttention(3, 2, value_dim=4, attention_axes=(1,))(h, x))
    h = L.EinsumDense("abc,cd->abd", output_shape=(None, 6), bias_axes="d")(h)
    h = L.AdditiveAttention()([h, x])
    if hasattr(L, "GroupQueryAttention"):
        h = L.GroupQueryAttention(3, 2, 1, use_gate=True)(h, x)
        h = L.SpectralNormalization(L.Dense(6))(h)
        words = L.ReversibleEmbedding(9, 6, tie_weights=False)
        h = words(L.Add()([h, words(t)]), reverse=True)
    return K.Model(t, h, name="attention_stack")
