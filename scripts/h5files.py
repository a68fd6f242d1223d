#!/usr/bin/env python3
"""Makes testdata/hdf5: small HDF5 files written by real h5py, and beside each
what h5py and NumPy read out of it (NAME.json).

    "$(scripts/venv.sh)/bin/python" scripts/h5files.py [FOLDER]

Deterministic: fixed seeds, no times in the files. NAME.json lists every object
with its attributes; numbers are given as SHA-256 of their little-endian
float32, float64 and int64 bytes (cut to 16 digits), and the first few in clear.
"""
import hashlib
import json
import os
import sys

import h5py
import numpy as np

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "testdata", "hdf5")
LATEST = dict(libver="latest")
rng = np.random.default_rng(7)


def digest(a, dtype):
    with np.errstate(over="ignore"):  # float64 beyond float32 is an infinity
        return hashlib.sha256(np.ascontiguousarray(a).astype(dtype).tobytes()).hexdigest()[:16]


def text(v):
    return v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else str(v)


def describe(value, tid, bf16=False):
    """What a reader must find in an array of HDF5 type tid."""
    out = {}
    cls = tid.get_class()
    if cls == h5py.h5t.STRING:
        out["type"] = "string" if tid.is_variable_str() else f"string[{tid.get_size()}]"
        out["strings"] = [text(v) for v in np.asarray(value).reshape(-1)]
        return out
    if cls in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
        a = np.asarray(value)
        base = tid.get_super() if cls == h5py.h5t.ENUM else tid
        big = "big-endian " if base.get_order() == h5py.h5t.ORDER_BE and tid.get_size() > 1 else ""
        out["type"] = "bool" if a.dtype == bool else big + a.dtype.newbyteorder("=").name
    elif cls == h5py.h5t.OPAQUE:
        out["type"] = f"opaque[{tid.get_size()}]"
        out["raw"] = hashlib.sha256(np.asarray(value).tobytes()).hexdigest()[:16]
        if not bf16:
            return out
        a = (np.frombuffer(np.asarray(value).tobytes(), "<u2").astype("<u4") << 16).view("<f4")
    else:
        out["other"] = True
        return out
    out["f32"], out["f64"] = digest(a, "<f4"), digest(a, "<f8")
    if a.dtype.kind in "iub" and not (a.dtype.kind == "u" and (a > 2**63 - 1).any()):
        out["i64"] = digest(a, "<i8")
    out["first"] = [float(v) for v in a.reshape(-1)[:6] if np.isfinite(v)]
    return out


def attributes(obj):
    out = []
    for name in sorted(obj.attrs, key=lambda s: s.encode()):
        aid = h5py.h5a.open(obj.id, name.encode())
        if aid.get_space().get_simple_extent_type() == h5py.h5s.NULL:
            out.append({"name": name, "shape": [], "null": True})
            continue
        shape = list(aid.shape)
        item = {"name": name, "shape": shape}
        tid = aid.get_type()
        if tid.get_class() not in (h5py.h5t.COMPOUND, h5py.h5t.REFERENCE, h5py.h5t.ARRAY, h5py.h5t.VLEN):
            item |= describe(obj.attrs[name], tid)
        else:
            item["other"] = True
        out.append(item)
    return out


def read_back(path):
    """All that h5py finds in a file."""
    objects = []
    seen = set()

    def visit(name, obj):
        item = {"path": name, "attrs": attributes(obj)}
        objects.append(item)
        if isinstance(obj, h5py.Group):
            item["group"] = True
            item["names"] = list(obj)
            key = h5py.h5o.get_info(obj.id).addr
            if key in seen:
                return
            seen.add(key)
            for i, k in enumerate(obj):
                if len(obj) > 1000 and i % 100:
                    continue  # one in a hundred will do
                sub = name.rstrip("/") + "/" + k
                kind = obj.get(k, getlink=True)
                if not isinstance(kind, h5py.HardLink):
                    objects.append({"path": sub, "refused": True})
                    continue
                child = obj[k]
                if isinstance(child, h5py.Datatype):
                    objects.append({"path": sub, "refused": True})
                    continue
                visit(sub, child)
            return
        item["shape"] = None if obj.shape is None else list(obj.shape)
        if obj.is_virtual or obj.external or "lzf" in (obj.compression or "") or obj.scaleoffset is not None:
            item["refused"] = True
            return
        if obj.shape is None:
            return
        tid = obj.id.get_type()
        bf16 = obj.attrs.get("dtype") == "bfloat16"
        if tid.get_class() in (h5py.h5t.COMPOUND, h5py.h5t.REFERENCE, h5py.h5t.ARRAY, h5py.h5t.VLEN, h5py.h5t.BITFIELD):
            item["other"] = True
        else:
            item |= describe(obj[()], tid, bf16)

    with h5py.File(path, "r") as f:
        visit("/", f)
    return objects


def dump(path):
    objects = read_back(path)
    with open(path[:-3] + ".json", "w") as out:
        out.write('{"objects": [\n')
        out.write(",\n".join(json.dumps(o) for o in objects))
        out.write("\n]}\n")


def create(path, libver="earliest", sizes=None, userblock_size=0):
    """A new file; made with the low-level interface, which can leave out times."""
    fcpl = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    fcpl.set_obj_track_times(False)
    if sizes:
        fcpl.set_sizes(*sizes)
    if userblock_size:
        fcpl.set_userblock(userblock_size)
    bounds = {"earliest": h5py.h5f.LIBVER_EARLIEST, "v108": h5py.h5f.LIBVER_V18, "v110": h5py.h5f.LIBVER_V110, "latest": h5py.h5f.LIBVER_LATEST}
    fapl = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    fapl.set_libver_bounds(bounds[libver], bounds[libver] if libver[0] == "v" else h5py.h5f.LIBVER_LATEST)
    return h5py.File(h5py.h5f.create(path.encode(), h5py.h5f.ACC_TRUNC, fcpl, fapl))


def group(f, name, track_order=False):
    gcpl = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
    gcpl.set_obj_track_times(False)
    if track_order:
        order = h5py.h5p.CRT_ORDER_TRACKED | h5py.h5p.CRT_ORDER_INDEXED
        gcpl.set_link_creation_order(order)
        gcpl.set_attr_creation_order(order)
    return h5py.Group(h5py.h5g.create(f.id, name.encode(), gcpl=gcpl))


def dataset_plist():
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_obj_track_times(False)
    return dcpl


def f4(*shape):
    return rng.standard_normal(shape).astype("<f4")


def attrs_file(f):
    a = f.attrs
    a["text"] = "plain"
    a["unicode"] = "naïve – 模型"
    a["ascii_vlen"] = np.bytes_("config")  # fixed-length scalar
    a.create("vlen_ascii", "x" * 700, dtype=h5py.string_dtype("ascii"))
    a.create("vlen_list", ["a", "", "ccc"], dtype=h5py.string_dtype())
    a["fixed_list"] = np.array([b"dense", b"dense_1", b"c"], "S7")
    a["fixed_unicode"] = np.array("é".encode(), h5py.string_dtype("utf-8", 4))
    a["int"] = 3
    a["i1"] = np.int8(-5)
    a["u8"] = np.array([1, 2**63 + 5], "<u8")
    a["be_i2"] = np.array([-2, 300], ">i2")
    a["be_f8"] = np.array([1.5, -1e300], ">f8")
    a["float"] = 0.1
    a["f2"] = np.array([[1, 2.5], [-3, 6e-8]], "<f2")
    a["true"] = True
    a["bools"] = np.array([True, False, True])
    a["empty_list"] = np.array([], "<f8")
    a["null"] = h5py.Empty("f4")
    a.create("enum", 2, dtype=h5py.enum_dtype({"RED": 0, "GREEN": 2}, "i2"))
    a["compound"] = np.array((1, 2.0), [("a", "<i4"), ("b", "<f4")])
    f["big"] = f4(3)
    f["big"].attrs["config"] = "{" + "k" * 5000 + "}"
    group(f, "g").attrs["weight_names"] = [b"kernel:0", b"bias:0"]


def space_padded(f):
    tid = h5py.h5t.C_S1.copy()
    tid.set_size(6)
    for name, pad in (("nullterm", h5py.h5t.STR_NULLTERM), ("nullpad", h5py.h5t.STR_NULLPAD)):
        t = tid.copy()
        t.set_strpad(pad)
        d = h5py.h5d.create(f.id, name.encode(), t, h5py.h5s.create_simple((2,)), dataset_plist())
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"ab", b"cdefg"], "S6"), mtype=t)


def types_file(f):
    for code in "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8".split():
        for order in "<>":
            if code in ("i1", "u1") and order == ">":
                continue
            dt = np.dtype(order + code)
            if dt.kind == "f":
                a = (rng.standard_normal((3, 5)) * 3).astype(dt)
                a[0, 0], a[0, 1], a[0, 2] = np.inf, -0.0, np.nan
                if code == "f2":
                    a[1, :3] = [6e-8, 65504, 6.1e-5]
            else:
                info = np.iinfo(dt)
                a = rng.integers(info.min, info.max, (3, 5), dtype=dt.newbyteorder("="), endpoint=True).astype(dt)
                a[0, 0], a[0, 1] = info.min, info.max
            f[("big_" if order == ">" else "") + code] = a
    f["bool"] = rng.integers(0, 2, (4, 3)).astype(bool)
    f["enum"] = np.array([0, 2, 0], h5py.enum_dtype({"A": 0, "B": 2}, "u2"))
    f["scalar"] = np.float32(1.25)
    f["scalar_int"] = np.int64(-7)
    f["empty"] = np.zeros((0, 4), "<f4")
    f["null"] = h5py.Empty("f8")
    bf = (f4(4, 3).view("<u4") >> 16).astype("<u2")
    f["bfloat16"] = bf.view("V2")
    f["bfloat16"].attrs["dtype"] = "bfloat16"
    f["opaque2"] = bf.view("V2")
    f["opaque5"] = np.frombuffer(b"abcdefghij", "V5")
    f["vlen_strings"] = ["one", "zwei – 二", ""]
    f["fixed_strings"] = np.array([[b"ab", b"cde"], [b"", b"f"]], "S3")
    f.create_dataset("string", data="scalar text")
    f["compound"] = np.zeros(3, [("a", "<i4"), ("b", "<f4")])
    f["complex"] = np.zeros(2, "<c8")
    f.create_dataset("vlen", (2,), dtype=h5py.vlen_dtype("i4"))
    f.create_dataset("ref", (1,), dtype=h5py.ref_dtype)
    f["array"] = np.zeros(2, [("x", "<f4", (3,))])
    space_padded(f)


def layouts_file(f, maxshape=False):
    """Every layout and filter; with maxshape None where chunked if asked."""

    def make(name, data, **kw):
        if maxshape and "chunks" in kw:
            kw["maxshape"] = (None,) + data.shape[1:]
        f.create_dataset(name, data=data, **kw)

    dcpl = dataset_plist()
    dcpl.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5, 3)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, f4(5, 3))
    f["contiguous"] = f4(7, 9)
    make("chunked", f4(10, 7), chunks=(4, 3))
    make("chunk_is_all", f4(6, 5), chunks=(6, 5))
    make("three_d", f4(5, 6, 7), chunks=(2, 4, 3))
    make("gzip", f4(20, 11), chunks=(8, 4), compression="gzip")
    make("gzip9", np.zeros((64, 64), "<f4"), chunks=(64, 64), compression="gzip", compression_opts=9)
    make("shuffle", f4(20, 11), chunks=(8, 4), shuffle=True)
    make("gzip_shuffle", f4(20, 11), chunks=(8, 4), shuffle=True, compression="gzip")
    make("fletcher32", f4(20, 11), chunks=(8, 4), fletcher32=True)
    make("fletcher_odd", rng.integers(0, 255, (13, 3)).astype("u1"), chunks=(5, 3), fletcher32=True)
    make("all_filters", rng.integers(-9, 9, (21, 5)).astype(">i4"), chunks=(8, 4), shuffle=True, compression="gzip", fletcher32=True)
    make("chunked_f2", f4(9, 4).astype("<f2"), chunks=(4, 4), compression="gzip")
    make("chunked_strings", np.array(["a%d" % i for i in range(9)], object), chunks=(4,), dtype=h5py.string_dtype())
    if maxshape:
        d = f.create_dataset("holes", (24, 10), "<f4", chunks=(5, 4), maxshape=(None, 10), fillvalue=2.5)
    else:
        d = f.create_dataset("holes", (24, 10), "<f4", chunks=(5, 4), fillvalue=2.5)
    d[6:8, 2:9] = f4(2, 7)
    d[23, 9] = 9
    f.create_dataset("never_written", (4, 4), ">f8", fillvalue=-1.25)
    f.create_dataset("never_written_chunks", (4, 4), "<i2", chunks=(2, 2), fillvalue=7)
    f.create_dataset("lzf", data=f4(10, 10), chunks=(5, 5), compression="lzf")
    f.create_dataset("scaleoffset", data=np.arange(20), chunks=(5,), scaleoffset=0)


def skipped_filter(f):
    """A chunk whose filter mask says that deflate was skipped."""
    d = f.create_dataset("mask", (4, 4), "<f4", chunks=(2, 4), compression="gzip")
    d[:2] = f4(2, 4)
    d.id.write_direct_chunk((2, 0), f4(2, 4).tobytes(), filter_mask=1)


def indexes_file(f):
    """Every chunk index of libver='latest'."""
    layouts_file(f)
    dcpl = dataset_plist()
    dcpl.set_chunk((3, 4))
    dcpl.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(f.id, b"implicit", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((8, 9)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, f4(8, 9))
    d = h5py.h5d.create(f.id, b"implicit_max", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((5, 6), (9, 20)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, f4(5, 6))
    f.create_dataset("single_gzip", data=f4(30, 4), chunks=(30, 4), compression="gzip")
    f.create_dataset("fixed", data=f4(9, 10), chunks=(2, 3))
    f.create_dataset("fixed_max", data=f4(9, 10), chunks=(2, 3), maxshape=(20, 31))
    f.create_dataset("extensible", data=f4(300), chunks=(2,), maxshape=(None,))
    f.create_dataset("extensible_gzip", data=f4(90, 3), chunks=(2, 2), maxshape=(None, 3), compression="gzip")
    f.create_dataset("extensible_second", data=f4(3, 40), chunks=(2, 2), maxshape=(3, None))
    f.create_dataset("extensible_mid", data=f4(4, 30, 5), chunks=(2, 1, 2), maxshape=(8, None, 9))
    f.create_dataset("btree2", data=f4(30, 20), chunks=(3, 2), maxshape=(None, None))
    f.create_dataset("btree2_deep", data=rng.integers(0, 99, (60, 50)).astype("i1"), chunks=(1, 2), maxshape=(None, None))
    f.create_dataset("btree2_gzip", data=f4(12, 20), chunks=(3, 2), maxshape=(None, None), compression="gzip", shuffle=True)
    skipped_filter(f)
    # Chunks over the edge stored without filters.
    dcpl = dataset_plist()
    dcpl.set_chunk((4, 4))
    dcpl.set_deflate(4)
    try:
        dcpl.set_chunk_opts(h5py.h5d.CHUNK_DONT_FILTER_PARTIAL_CHUNKS)
    except AttributeError:
        return
    d = h5py.h5d.create(f.id, b"raw_edges", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((9, 10)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, f4(9, 10))


def paged_file(f):
    """Array indexes large enough for pages, most of them never written."""
    d = f.create_dataset("fixed_paged", (3000,), "i1", chunks=(1,), fillvalue=3)
    d[5], d[1500], d[2999] = 1, 2, 4
    d = f.create_dataset("fixed_paged_gzip", (2500,), "i1", chunks=(1,), compression="gzip")
    d[2499] = 5
    d = f.create_dataset("extensible_paged", (400000,), "i1", chunks=(1,), maxshape=(None,), fillvalue=9)
    for i in (0, 3, 4, 100, 5000, 131071, 135000, 200000, 390000, 399999):
        d[i] = i % 100
    d = f.create_dataset("extensible_paged_gzip", (300000,), "i1", chunks=(1,), maxshape=(None,), compression="gzip")
    for i in (1, 140000, 299999):
        d[i] = i % 100


def many_links(f):
    """3,000 links to three datasets, and to a subgroup."""
    for i in range(3):
        f[f"d{i}"] = np.int8(i)
    g = group(f, "many")
    for i in range(3000):
        g[f"weight_{i * 7919 % 3000:04d}_{'x' * (i % 23)}"] = f[f"d{i % 3}"]
    f["again"] = g


def many_attrs(f):
    g = group(f, "g")
    for i in range(200):
        g.attrs[f"attr_{i * 61 % 200:03d}"] = i if i % 3 else "v" * (i + 1)
    d = f.create_dataset("d", data=f4(3))
    for i in range(30):
        d.attrs[f"a{i}"] = f4(i % 5)


def huge_attrs(f):
    """Attributes over 64 KB, which only dense storage holds."""
    f.attrs["config"] = np.bytes_(b"c" * 70000)
    f.attrs["other"] = np.bytes_(b"o" * 5000)
    for i in range(12):
        f.attrs[f"small{i}"] = np.bytes_(b"s" * (300 * i + 1))


def split_names(f):
    """Keras's way of storing lists that are too large for one attribute."""
    names = [f"layer_{i:04d}_{'n' * 50}".encode() for i in range(1200)]
    data = np.asarray(names)
    parts = 1
    while any(p.nbytes > 64512 for p in np.array_split(data, parts)):
        parts += 1
    for i, p in enumerate(np.array_split(data, parts)):
        f.attrs[f"layer_names{i}"] = p


def ordered(f):
    g = group(f, "ordered", track_order=True)
    for name in ("zeta", "alpha", "mid", "beta"):
        g[name] = np.float32(1)
    big = group(f, "ordered_dense", track_order=True)
    for i in range(40):
        big[f"k{i * 17 % 40:02d}"] = np.int32(i)
    h = group(f, "attrs", track_order=True)
    for i in range(12):
        h.attrs[f"z{11 - i}"] = i


def links_file(f):
    f["real"] = f4(2)
    f["soft"] = h5py.SoftLink("/real")
    f["dangling"] = h5py.SoftLink("/nowhere")
    f["external"] = h5py.ExternalLink("other.h5", "/x")
    f.create_dataset("external_data", (4,), "<f4", external=[("never.bin", 0, 16)])
    space = h5py.h5s.create_simple((4,))
    dcpl = dataset_plist()
    dcpl.set_virtual(space, b"never.h5", b"d", space)
    h5py.h5d.create(f.id, b"virtual", h5py.h5t.IEEE_F32LE, space, dcpl)
    group(f, "sub")["hard"] = f["real"]


def committed(f):
    f["committed"] = np.dtype("<f4")
    f.create_dataset("of_committed", data=f4(3), dtype=f["committed"])
    f.attrs.create("of_committed", 2.5, dtype=f["committed"])

def simple(f):
    f.attrs["keras_version"] = "3.15.1"
    group(f, "a")
    group(f, "a/b")
    f["a/b/c"] = f4(3, 4)
    f["a/d"] = np.arange(5)
    f["a/gz"] = np.zeros(0)
    f.create_dataset("a/chunked", data=f4(9), chunks=(2,))


def main():
    os.makedirs(OUT, exist_ok=True)
    for name in sorted(os.listdir(OUT)):
        if name.endswith((".h5", ".json")):
            os.remove(os.path.join(OUT, name))
    made = []

    def make(name, fill, **kw):
        path = os.path.join(OUT, name + ".h5")
        with create(path, **kw) as f:
            fill(f)
        made.append(path)

    make("attrs", attrs_file)
    make("attrs_latest", attrs_file, **LATEST)
    make("types", types_file)
    make("types_latest", types_file, **LATEST)
    make("layouts", layouts_file)
    make("layouts_unlimited", lambda f: layouts_file(f, True))
    make("layouts_v108", layouts_file, libver="v108")
    make("layouts_v110", lambda f: layouts_file(f, True), libver="v110")
    make("indexes_latest", indexes_file, **LATEST)
    make("paged_latest", paged_file, **LATEST)
    make("mask", skipped_filter)
    make("many_links", many_links)
    make("many_links_latest", many_links, **LATEST)
    make("many_attrs", many_attrs)
    make("many_attrs_latest", many_attrs, **LATEST)
    make("huge_attrs_latest", huge_attrs, **LATEST)
    make("split_names", split_names)
    make("split_names_latest", split_names, **LATEST)
    make("ordered", ordered)
    make("ordered_latest", ordered, **LATEST)
    make("links", links_file)
    make("links_latest", links_file, **LATEST)
    make("userblock", simple, userblock_size=512)
    make("userblock_latest", simple, userblock_size=2048, **LATEST)
    make("sizes4", simple, sizes=(4, 4))
    make("sizes84", simple, sizes=(8, 4))
    make("committed", committed)
    for path in made:
        if "userblock" in path:
            with open(path, "r+b") as raw:  # a user block's contents are anyone's
                raw.write(b"#!/bin/sh\necho this is a user block\n")
        dump(path)
    total = sum(os.path.getsize(os.path.join(OUT, n)) for n in os.listdir(OUT))
    for p in made:
        print(f"{os.path.getsize(p):8d}  {os.path.basename(p)}")
    print(f"{total:8d}  in all, h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}")


if __name__ == "__main__":
    main()
