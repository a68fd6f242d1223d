"""Strings, categories and sound: lookups, text, bins, hashes, spectrograms. Strings and ids are equal, not close."""
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from .common import TOLERANCE, Spec, fixed, flatten, input_name, integers, normal, pack, seed_of, write_npz
from .files import save, settle

ALPHABET = list("abcdefghij XYZ.,!-'é ñßçλжд中文字🙂\t_0123456789")


def words(*rows):
    """An array of strings, as fixed-width characters."""
    a = np.array(rows)
    return Spec(a.shape, lambda rng: a, "string")


def random_strings(n, k=1, longest=200):
    """n rows of k strings that take every branch of the hashes: empty, 1 to 16 bytes, to 32, to 64, longer."""

    def draw(rng):
        lengths = np.concatenate([np.arange(min(n * k, 70)), rng.integers(0, longest, size=max(0, n * k - 70))])
        rows = ["".join(rng.choice(ALPHABET, size=size)).rstrip("\0") for size in lengths]
        return np.array(rows).reshape(n, k)

    return Spec((n, k), draw, "string")


def wide(*shape, low=-2**40, high=2**40):
    return Spec(shape, lambda rng: rng.integers(low, high, size=shape), "int64")


def goldens(s):
    strings(s)
    numbers(s)
    text(s)
    categories(s)
    hashes(s)
    spectrograms(s)
    learned(s)
    files(s)


def strings(s):
    vocabulary = ["a", "b", "see", "dé", "中文", ""]
    x = words(["a", "dé", "nothing"], ["中文", "b", "b"], ["", "see", "A"], ["b", "x", "y"])

    def case(name, *inputs, k2=False, **options):
        s.layer("StringLookup", name, lambda L: L.StringLookup(vocabulary=vocabulary, **options), *(inputs or (x,)), k2=k2)

    case("int", k2=True)
    case("mask", mask_token="<pad>", oov_token="?")
    case("masked", words(["a", "<pad>"], ["zz", "<pad>"]), mask_token="<pad>")
    case("masked_count", words(["a", "<pad>"], ["zz", "a"]), mask_token="<pad>", output_mode="count", k2=True)
    case("buckets", random_strings(300, 2), num_oov_indices=7, k2=True)
    case("salted", random_strings(150, 2), num_oov_indices=11, salt=[133, 137])
    case("no_oov", words(["a", "b"], ["see", ""]), num_oov_indices=0)
    case("one_hot", output_mode="one_hot")
    case("one_hot_column", words(["a"], ["q"], ["中文"]), output_mode="one_hot", k2=True)
    case("multi_hot", output_mode="multi_hot", k2=True)
    case("count", output_mode="count", num_oov_indices=2)
    case("padded", output_mode="count", max_tokens=12, pad_to_max_tokens=True)
    case("tf_idf", output_mode="tf_idf", idf_weights=[0.5, 0.25, 1.5, 2.0, 0.125, 0.3])
    case("tf_idf_padded", output_mode="tf_idf", idf_weights=[0.5, 0.25, 1.5, 2.0, 0.125, 0.3], max_tokens=9, pad_to_max_tokens=True)
    case("invert", integers(4, 3, low=-1, high=9), invert=True, k2=True)
    case("invert_masked", integers(4, 3, high=9), invert=True, mask_token="<pad>", oov_token="<unk>", num_oov_indices=2)

    def special(L):
        return L.StringLookup(vocabulary=["[UNK]", "a", "b"], output_mode="tf_idf", idf_weights=[0.9, 0.5, 0.25])

    s.layer("StringLookup", "special_tokens", special, words(["a", "q"], ["b", "b"]))

    def chain(K):
        t = K.Input((3,), dtype="string")
        ids = K.layers.StringLookup(vocabulary=vocabulary)(t)
        return K.Model(t, K.layers.StringLookup(vocabulary=vocabulary, invert=True)(ids))

    s.model("StringLookup", "there_and_back", chain, x, k2=True)


def numbers(s):
    vocabulary = [12, 36, -1138, 42, 2**40]
    x = fixed([[12, -1138, 42], [7, 36, 2**40], [-1, -5, 100], [2**40 + 1, 0, 42]], "int64")

    def case(name, *inputs, k2=False, **options):
        s.layer("IntegerLookup", name, lambda L: L.IntegerLookup(vocabulary=vocabulary, **options), *(inputs or (x,)), k2=k2)

    case("int", k2=True)
    case("mask", mask_token=0, oov_token=-7)
    case("buckets", wide(100, 2), num_oov_indices=5, k2=True)
    case("farmhash", wide(100, 2), num_oov_indices=5, oov_method="farmhash")
    case("salted", wide(100, 2), num_oov_indices=5, oov_method="farmhash", salt=17)
    case("int32", integers(5, 3, low=10, high=45), num_oov_indices=2)
    case("multi_hot", output_mode="multi_hot", k2=True)
    case("one_hot", output_mode="one_hot")
    case("masked_count", fixed([[0, 12], [12, 12]], "int64"), output_mode="count", mask_token=0)
    case("tf_idf", output_mode="tf_idf", idf_weights=[0.5, 0.25, 1.5, 2.0, 0.125])
    case("invert", integers(4, 3, low=-1, high=8), invert=True, k2=True)
    case("invert_masked", integers(4, 3, high=8), invert=True, mask_token=0, num_oov_indices=2)


def text(s):
    vocabulary = ["the", "quick", "brown", "fox", "café", "don't", "dont", "É", "the quick", "brown fox", "quick brown fox", "a", "b", "é", "中"]
    x = words(["The quick, BROWN fox -- don't jump over\tthe\n lazy dog!"], ["Café É the_quick"], ["  a  b a "], [""])
    flat = words("the quick brown fox a b", "É a", "")

    def case(name, *inputs, k2=False, **options):
        s.layer("TextVectorization", name, lambda L: L.TextVectorization(vocabulary=vocabulary, **options), *(inputs or (x,)), k2=k2)

    case("default", k2=True)
    case("length", output_sequence_length=4, k2=True)
    case("longer", output_sequence_length=15)
    case("lower", standardize="lower")
    case("strip", standardize="strip_punctuation")
    case("as_is", standardize=None)
    case("characters", words(["a b中é.É🙂"], ["BA"]), split="character", k2=True)
    case("characters_as_is", words(["a b中é.É🙂"], ["BA"]), split="character", standardize=None)
    case("whole", words(["a", "b", "The Quick!"], ["", "dog", "é"]), split=None)
    case("whole_length", words(["a", "b", "The Quick!"], ["", "dog", "é"]), split=None, output_sequence_length=5)
    case("whole_cut", words(["a", "b", "The Quick!"], ["", "dog", "é"]), split=None, output_sequence_length=2)
    case("whole_ngrams", words(["the", "quick", "brown"], ["brown", "fox", "é"]), split=None, ngrams=2)
    case("whole_one_hot", words(["the", "quick", "brown"], ["brown", "fox", "é"]), split=None, output_mode="one_hot")
    case("ngrams", ngrams=2, k2=True)
    case("ngrams_3", ngrams=3, output_sequence_length=30)
    case("ngrams_list", ngrams=(3, 1), output_mode="count")
    case("multi_hot", output_mode="multi_hot", k2=True)
    case("count", output_mode="count", k2=True)
    case("padded", output_mode="count", max_tokens=20, pad_to_max_tokens=True)
    case("tf_idf", output_mode="tf_idf", idf_weights=[0.1 * i for i in range(1, 16)], ngrams=2)

    def embedded(K):
        L = K.layers
        t = K.Input((1,), dtype="string")
        h = L.TextVectorization(vocabulary=vocabulary, output_sequence_length=6)(t)
        h = L.Embedding(17, 4, mask_zero=True)(h)
        return K.Model(t, L.Dense(2, activation="softmax")(L.GlobalAveragePooling1D()(h)))

    some = words(["The quick, BROWN fox -- don't jump over\tthe\n lazy dog!"], ["Café É the_quick"], ["  a  b a "])
    s.model("TextVectorization", "embedded", embedded, some, trains=False, k2=True)

    def vector(K):
        t = K.Input((), dtype="string")
        return K.Model(t, K.layers.TextVectorization(vocabulary=vocabulary)(t))

    s.model("TextVectorization", "vector", vector, flat)


def categories(s):
    x = integers(5, 3, high=4)

    def case(name, *inputs, k2=False, **options):
        s.layer("CategoryEncoding", name, lambda L: L.CategoryEncoding(num_tokens=4, **options), *(inputs or (x,)), k2=k2)

    case("multi_hot", k2=True)
    case("count", output_mode="count", k2=True)
    case("one_hot", integers(5, 1, high=4), output_mode="one_hot", k2=True)
    case("one_hot_rank3", output_mode="one_hot")
    case("beyond", integers(5, 3, high=7), output_mode="count")
    case("multi_hot_rank3", integers(2, 3, 4, high=4))
    case("count_rank3", integers(2, 3, 4, high=4), output_mode="count")

    def weighted(K):
        a, b = K.Input((3,), dtype="int32"), K.Input((3,))
        return K.Model([a, b], K.layers.CategoryEncoding(num_tokens=4, output_mode="count")(a, count_weights=b))

    s.model("CategoryEncoding", "weighted", weighted, x, normal(5, 3), trains=False)

    edges = fixed([[-5.0, 0.0, 0.1], [0.5, 1.0, 1e9], [np.inf, -np.inf, 0.0999], [0.2, 0.1, -0.0]])

    def bins(name, *inputs, k2=False, **options):
        make = lambda L: L.Discretization(bin_boundaries=[0.0, 0.1, 0.5, 1.0], **options)
        s.layer("Discretization", name, make, *(inputs or (edges,)), k2=k2, trains=False)

    bins("int", k2=True)
    bins("int_ids", integers(4, 3, low=-2, high=3))
    bins("one_hot", output_mode="one_hot")
    bins("multi_hot", output_mode="multi_hot", k2=True)
    bins("count", output_mode="count")
    bins("one_hot_column", normal(5, 1), output_mode="one_hot", k2=True)


def hashes(s):
    def case(name, x, k2=False, **options):
        s.layer("Hashing", name, lambda L: L.Hashing(**options), x, k2=k2)

    case("strings", random_strings(400, 2), num_bins=100_003, k2=True)
    case("salted", random_strings(200, 2), num_bins=100_003, salt=[133, 137], k2=True)
    case("salt", random_strings(100, 2), num_bins=97, salt=-5)
    case("masked", words(["a", ""], ["b", "a"], ["c", "d"]), num_bins=5, mask_value="a")
    case("integers", wide(200, 2), num_bins=100_003, k2=True)
    case("int32", integers(50, 2, low=-1000, high=1000), num_bins=1009)
    case("masked_integers", integers(10, 2, high=3), num_bins=9, mask_value=0)
    case("floats", normal(10, 2, scale=100), num_bins=9)
    case("dtype", integers(10, 2, high=30), num_bins=9, dtype="int32")
    case("one_hot", integers(10, 1, high=30), num_bins=9, output_mode="one_hot")
    case("multi_hot", integers(10, 3, high=30), num_bins=9, output_mode="multi_hot", k2=True)
    case("count", integers(10, 3, high=30), num_bins=9, output_mode="count")

    def cross(name, *inputs, k2=False, **options):
        s.layer("HashedCrossing", name, lambda L: L.HashedCrossing(**options), *inputs, k2=k2)

    cross("strings_integers", random_strings(150), wide(150, 1), num_bins=100_003, k2=True)
    cross("strings", random_strings(80), random_strings(80, longest=9), num_bins=100_003)
    cross("one_hot", integers(12, 1), integers(12, 1, high=3), num_bins=6, output_mode="one_hot", k2=True)


def spectrograms(s):
    hann = np.hanning(16).tolist()  # names of windows need SciPy; Keras makes the same numbers of them

    def stft(name, x, window=np.hamming(12).tolist(), **options):
        s.layer("STFTSpectrogram", name, lambda L: L.STFTSpectrogram(window=window, **options), x, draw="kernels" not in name, jit="first" in name)

    x = normal(2, 70, 2)
    stft("log", x, hann, frame_length=16)
    stft("magnitude", x, hann, frame_length=16, mode="magnitude", frame_step=5, padding="same")
    stft("psd", x, frame_length=12, mode="psd", expand_dims=True)
    stft("real", x, frame_length=12, fft_length=32, mode="real", periodic=True)
    stft("imag", x, frame_length=12, mode="imag", scaling="spectrum")
    stft("angle", x, None, frame_length=12, mode="angle", scaling=None)
    stft("stft", x, frame_length=12, mode="stft", expand_dims=True, frame_step=12)
    stft("channels_first", normal(2, 2, 70), hann, frame_length=16, data_format="channels_first")
    stft("channels_first_expanded", normal(2, 2, 70), hann, frame_length=16, data_format="channels_first", expand_dims=True, mode="magnitude")
    stft("any_length", normal(2, 70, 1).declare(None, 1), hann, frame_length=16)
    stft("kernels_hann", x, hann, frame_length=16)  # as they are drawn first
    stft("kernels_hamming", x, frame_length=12, scaling="spectrum", mode="stft")
    stft("kernels_blackman", x, np.blackman(12).tolist(), frame_length=12, scaling=None, mode="magnitude")
    stft("kernels_bartlett", x, np.bartlett(12).tolist(), frame_length=12, mode="psd")

    def mel(name, x, **options):
        s.layer("MelSpectrogram", name, lambda L: L.MelSpectrogram(**options), x)

    small = dict(fft_length=64, sequence_stride=20, sampling_rate=4000, num_mel_bins=12)
    mel("small", normal(2, 300), **small)
    mel("default", normal(1, 2400))
    mel("hamming", normal(2, 300), **small, window="hamming", sequence_length=50, max_freq=1500, min_freq=100)
    mel("odd", normal(2, 300), **dict(small, fft_length=75), sequence_length=51)
    mel("power", normal(2, 300), **small, power_to_db=False, mag_exp=1.5)
    mel("reference", normal(2, 300), **small, ref_power=0.01, top_db=20)
    mel("no_window", normal(2, 300), **small, window=None)
    mel("any_length", normal(2, 300).declare(None), **small)


TEXTS = ["The quick brown fox", "jumps over the lazy dog.", "The dog sleeps, the fox doesn't", "", "Über den Wolken: über allem!", "dog Dog DOG"]


def learned(s):
    """What adapt learns: testdata/adapt, each an .npz with x_i (batches) and what came of them. Read by TestAdapt."""

    def case(name, layer, batches, result, whole=False):
        file = Path("adapt") / (name + ".npz")
        if not s.wants(file):
            return
        layer.adapt(batches[0] if whole else iter(batches))
        arrays = {f"x_{i}": np.asarray(b) for i, b in enumerate(batches)}
        arrays.update({k: np.asarray(v) for k, v in result(layer).items()})
        config = {"class_name": type(layer).__name__, "config": layer.get_config()}
        meta = {"case": name, "class": "Adapt", "keras": keras.__version__, "framework": "keras", "tolerance": TOLERANCE, "model": config}
        write_npz(s.root / file, {"meta": pack(meta), **arrays})
        s.add(file, case=f"adapt/{name}", keras=keras.__version__, framework="keras", seed=seed_of("Adapt", name), tolerance=TOLERANCE,
              why="float32 sums in another order")

    L = keras.layers
    rng = np.random.default_rng(8)
    terms = lambda l: {"terms": np.array(l.get_vocabulary())}
    weighed = lambda l: {"terms": np.array(l.get_vocabulary()), "idf": l.idf_weights_const.numpy()}
    letters = rng.choice(list("abcdefghé中"), size=(40, 3))
    case("strings", L.StringLookup(), [letters], terms, whole=True)
    case("strings_batches", L.StringLookup(max_tokens=7, mask_token="", num_oov_indices=2), [letters, letters[:5, :1]], terms)
    case("strings_idf", L.StringLookup(output_mode="tf_idf"), [letters], weighed, whole=True)
    case("strings_vector", L.StringLookup(output_mode="tf_idf", max_tokens=20, pad_to_max_tokens=True), [letters[:, 0]], weighed, whole=True)
    ids = rng.integers(-5, 30, size=(50, 4))
    case("integers", L.IntegerLookup(), [ids], terms, whole=True)
    case("integers_batches", L.IntegerLookup(mask_token=0, max_tokens=12), [ids[:20], ids[20:]], terms)
    case("texts", L.TextVectorization(), [np.array(TEXTS)], terms, whole=True)
    case("texts_ngrams", L.TextVectorization(ngrams=2, max_tokens=14), [np.array(TEXTS)], terms, whole=True)
    case("texts_batches", L.TextVectorization(split="character"), [np.array(TEXTS)[:, None], np.array(TEXTS[:2])[:, None]], terms)
    case("texts_idf", L.TextVectorization(output_mode="tf_idf"), [np.array(TEXTS)], lambda l: weighed(l._lookup_layer), whole=True)
    bins = lambda l: {"boundaries": np.array(l.bin_boundaries, "float32")}
    for n, size, epsilon in ((4, 50, 0.01), (10, 1000, 0.01), (7, 5000, 0.003), (3, 2, 0.01), (5, 1234, 0.1)):
        case(f"bins_{n}_{size}", L.Discretization(num_bins=n, epsilon=epsilon), [rng.normal(size=size).astype("float32")], bins, whole=True)
    case("bins_batches", L.Discretization(num_bins=6), [rng.normal(size=(n, 2)).astype("float32") for n in (300, 7, 150)], bins)
    moments = lambda l: {"mean": l.adapt_mean.numpy(), "variance": l.adapt_variance.numpy()}
    x = (3 + rng.normal(size=(30, 4, 2)) * 7).astype("float32")
    case("moments", L.Normalization(), [x], moments, whole=True)
    case("moments_all", L.Normalization(axis=None), [x], moments, whole=True)
    case("moments_axes", L.Normalization(axis=(1, 2)), [x], moments, whole=True)
    case("moments_batches", L.Normalization(), [x[:7], x[7:8], x[8:]], moments)


def files(s):
    def text(K):
        layer = K.layers.TextVectorization()
        layer.adapt(TEXTS)
        L = K.layers
        return K.Sequential([K.Input((1,), dtype="string"), layer, L.Embedding(20, 4), L.GlobalAveragePooling1D(),
                             L.Dense(3, activation="softmax")], name="texts")

    def lookups(K):
        L = K.layers
        rng = np.random.default_rng(9)
        letters = rng.choice(list("abcdefghé中"), size=(40, 3))
        a, b, c = K.Input((1,), dtype="string"), K.Input((3,), dtype="int64"), K.Input((2,), dtype="string")
        made = [L.TextVectorization(output_mode="tf_idf", ngrams=2), L.IntegerLookup(output_mode="multi_hot", mask_token=0),
                L.StringLookup(output_mode="tf_idf") if K is keras else L.StringLookup(output_mode="count", max_tokens=20, pad_to_max_tokens=True), L.StringLookup(invert=True, mask_token="")]
        made[0].adapt(TEXTS)
        made[1].adapt(rng.integers(0, 9, size=(50, 4)))
        made[2].adapt(letters)
        made[3].adapt(letters)
        outs = [layer(t) for layer, t in zip(made, (a, b, c, b))]
        if K is keras:
            bins = L.Discretization(num_bins=4)
            bins.adapt(rng.normal(size=100).astype("float32"))
            outs.append(bins(K.layers.Rescaling(0.1)(b)))
        return K.Model([a, b, c], outs)

    some = words(["Über fox the quick"], ["the dog, sleeping"], ["doesn't"])
    drawn = (some, integers(3, 3, high=9), words(["a", "x"], ["中", "中"], ["b", "a"]))
    save(s, "texts", keras, text, (some,), kinds=("keras",))
    save(s, "lookups", keras, lookups, drawn, kinds=("keras",))

    name = "lookups_k2"  # tf-keras counts tables among the weights, so it takes a way of its own
    folder = Path("models")
    if not s.wants(folder / (name + ".npz")):
        return
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(seed_of(name) % 2**31)
    net = lookups(tf_keras)
    xs = [x.draw(np.random.default_rng(1)) for x in drawn]
    ys = flatten(net([tf.constant(x) for x in xs]))
    meta = {"case": name, "class": "File", "keras": tf_keras.__version__, "framework": "tf_keras", "tolerance": TOLERANCE,
            "model": json.loads(net.to_json()), "weights": [], "inputs": [input_name(t) for t in net.inputs],
            "outputs": list(net.output_names), "trains": False, "zeroed": [], "seed": seed_of(name)}
    arrays = {f"x_{i}": x for i, x in enumerate(xs)} | {f"y_{i}": np.asarray(y) for i, y in enumerate(ys)}
    write_npz(s.root / folder / (name + ".npz"), {"meta": pack(meta), **arrays})
    net.save(s.root / folder / (name + ".keras"))
    settle(s.root / folder / (name + ".keras"))
    for file in (name + ".npz", name + ".keras"):
        s.add(folder / file, case=f"models/{name}", keras=tf_keras.__version__, framework="tf_keras", seed=seed_of(name), tolerance=TOLERANCE,
              why="float32 sums in another order")
