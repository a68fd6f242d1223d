"""Strings and categories: lookups, text, bins, hashes. Strings and ids are equal, not close."""
import numpy as np

from .common import Spec, fixed, integers, normal

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
