"""Joblib files give their arrays, or are refused before anything in them runs."""

import collections
import functools
import os
import pickle
import sys
import zlib

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.checkpoints.restricted import read_layout, read_values
from basewise.checkpoints.stand_ins import STAND_INS, StoredArray
from basewise.errors import BasewiseError

RNG = np.random.default_rng(3)
TREE = {
    "a": {"w": RNG.normal(size=(30, 50)).astype(np.float32), "b": np.arange(3, dtype=">f4")},
    "b": {"t": np.asfortranarray(RNG.normal(size=(4, 5))), "n": np.array(7, np.int32)},
}


def read_all(path):
    layout = read_layout(path)
    places = [(module, leaf) for module, leaves in layout.items() for leaf in leaves]
    values = {id(a): v for a, v in read_values(path, [layout[m][k] for m, k in places])}
    return {(m, k): (layout[m][k], values[id(layout[m][k])]) for m, k in places}


def assert_same(path, tree):
    read = read_all(path)
    assert list(read) == [(module, leaf) for module, leaves in tree.items() for leaf in leaves]
    for (module, leaf), (stored, values) in read.items():
        expected = np.asarray(tree[module][leaf])
        assert stored.shape == values.shape == expected.shape
        assert values.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("alignment", [None, 16, 64])
@pytest.mark.parametrize("compression", ["plain", "zlib", "gzip", "bz2", "xz", "lzma"])
def test_arrays_come_out_of_every_packing(tmp_path, joblib_bytes, compression, alignment):
    path = tmp_path / "a.joblib"
    path.write_bytes(joblib_bytes(TREE, compression, alignment))
    assert_same(path, TREE)


def test_joblib_and_these_tests_write_the_same(tmp_path, joblib_bytes):
    joblib = pytest.importorskip("joblib", reason="joblib is not installed: basewise needs none")
    path = tmp_path / "a.joblib"
    for compress in (0, ("zlib", 1), ("zlib", 9), ("gzip", 3), ("xz", 1)):
        for protocol in (2, 4, 5):
            joblib.dump(TREE, path, compress=compress, protocol=protocol)
            assert_same(path, TREE)
    path.write_bytes(joblib_bytes(TREE))
    read = joblib.load(path)
    for module, leaves in TREE.items():
        for leaf, values in leaves.items():
            np.testing.assert_array_equal(read[module][leaf], values)


@pytest.mark.parametrize("make", ["numpy", "jax"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_inside_the_pickle_are_read(tmp_path, make, protocol):
    convert = {"numpy": np.array, "jax": jnp.asarray}[make]
    values = {"w": RNG.normal(size=(3, 4)).astype(np.float32), "n": np.array(7, np.int32)}
    tree = {"a": {key: convert(value) for key, value in values.items()}}
    if make == "numpy":
        tree["a"]["s"] = np.float32(2.5)
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(tree, protocol))
    assert_same(tmp_path / "a.pickle", tree)


def test_old_names_of_numpy_are_known(tmp_path):
    data = pickle.dumps({"a": {"w": np.ones(3, np.float32)}}, 3)
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != data
    (tmp_path / "a.pickle").write_bytes(old)
    np.testing.assert_array_equal(read_all(tmp_path / "a.pickle")["a", "w"][1], np.ones(3))


def test_one_array_under_two_names(tmp_path, joblib_bytes):
    array = np.ones(4, np.float32)
    (tmp_path / "a.pickle").write_bytes(pickle.dumps({"a": {"v": array, "w": array}}))
    assert_same(tmp_path / "a.pickle", {"a": {"v": array, "w": array}})


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


EVIL = {
    "posix.system": lambda mark: Call(os.system, f"touch {mark}"),
    "builtins.eval": lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    "builtins.getattr": lambda mark: Call(getattr, "", "join"),
    "functools.partial": lambda mark: Call(functools.partial, open, str(mark), "w"),
    "numpy.load": lambda mark: Call(np.load, str(mark)),
    "numpy.save": lambda mark: Call(np.save, str(mark), 1),
    "collections.OrderedDict": lambda mark: collections.OrderedDict(a=1),
    "builtins.print": lambda mark: Call(print, "hello"),
    "basewise.checkpoints.compression.open_plain": lambda mark: Call(
        sys.modules["basewise.checkpoints.compression"].open_plain, str(mark)
    ),
}


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("function", EVIL)
def test_any_other_name_is_refused_and_nothing_runs(tmp_path, function, protocol, capfd):
    mark = tmp_path / "mark"
    path = tmp_path / "evil.joblib"
    path.write_bytes(pickle.dumps({"a": EVIL[function](mark)}, protocol))
    with pytest.raises(BasewiseError) as caught:
        read_layout(path)
    said = str(caught.value).replace("__builtin__", "builtins")  # as protocol 2 says
    assert said.startswith(f"{path} asks for {function}, which is not an array")
    assert len(str(caught.value).splitlines()) == 1
    assert not mark.exists()
    assert capfd.readouterr() == ("", "")


def test_nothing_runs_from_within_a_compressed_file(tmp_path):
    path = tmp_path / "evil.joblib"
    path.write_bytes(zlib.compress(pickle.dumps(Call(os.system, f"touch {tmp_path / 'mark'}"))))
    with pytest.raises(BasewiseError, match=r"posix\.system"):
        read_layout(path)
    assert not (tmp_path / "mark").exists()


def test_arrays_of_objects_are_refused(tmp_path, object_array_bytes):
    path = tmp_path / "a.joblib"
    path.write_bytes(object_array_bytes + pickle.dumps(np.array([Call(os.system, "true")])))
    with pytest.raises(BasewiseError, match=r"holds what is not read.*dtype 'O8'"):
        read_layout(path)
    path.write_bytes(pickle.dumps({"a": np.array([None], object)}))
    with pytest.raises(BasewiseError, match=r"dtype 'O8'"):
        read_layout(path)


NDARRAY, DTYPE = b"cnumpy\nndarray\n", b"cnumpy\ndtype\n"
WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n"
INLINE = b"cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    "code",
    [
        NDARRAY + b"(I5\ntR.",  # calling the class of arrays
        NDARRAY + b"}X\x01\x00\x00\x00aI1\nsb.",  # setting an attribute of it
        DTYPE + b"}X\x05\x00\x00\x00_codeI1\nsb.",
        DTYPE + b"N}X\x05\x00\x00\x00_codeI1\ns\x86b.",
        WRAPPER + b"}X\x06\x00\x00\x00streamI1\nsb.",
        WRAPPER + b")\x81}X\x08\x00\x00\x00subclassX\x02\x00\x00\x00ossb.",
        WRAPPER + b")\x81(lb.",
        INLINE + b"(X\x02\x00\x00\x00osI0\nI0\ntR.",
        b"cjax._src.array\n_reconstruct_array\n(" + DTYPE + b")))tR.",
        b"cnumpy.core.multiarray\nscalar\n(NNtR.",
        b"(I1\ni__builtin__\nopen\n.",  # INST
        b"\x82\x01.",  # an extension code
        b"Ppersistent\n.",
        b"cnumpy\nndarray.__class__\n.",
        b"cnumpy.ndarray\n__class__\n.",
        b"X\x05\x00\x00\x00numpyX\x11\x00\x00\x00ndarray.__class__\x93.",
        b"0.",
        b"\x80\xff.",
        b"r\xff\xff\xff\xff.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # eight exabytes
    ],
)
def test_tricks_with_opcodes_end_in_one_line(tmp_path, code):
    before = {name: dict(vars(s)) for name, s in STAND_INS.items() if isinstance(s, type)}
    path = tmp_path / "trick.joblib"
    path.write_bytes(b"\x80\x04" + code)
    with pytest.raises(BasewiseError, match=r"trick\.joblib"):
        read_layout(path)
    assert before == {name: dict(vars(s)) for name, s in STAND_INS.items() if isinstance(s, type)}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_files_are_refused_or_still_hold_only_arrays(tmp_path, joblib_bytes, data):
    compression = data.draw(st.sampled_from(["plain", "plain", "zlib", "gzip", "bz2", "xz"]))
    whole = joblib_bytes({"a": {"w": np.ones(4, np.float32)}}, compression)
    damaged = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = damaged[:place]
    else:
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "damaged.joblib"
    path.write_bytes(damaged)
    try:
        layout = read_layout(path)
    except BasewiseError:
        return
    if isinstance(layout, dict) and isinstance(layout.get("a"), dict):
        kinds = {type(leaf).__mro__[-2] for leaf in layout["a"].values()}
        assert kinds <= {StoredArray, int, str, type(None)}


@pytest.mark.parametrize("compression", ["plain", "zlib", "gzip", "bz2", "xz"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, joblib_bytes, compression, kept):
    whole = joblib_bytes(TREE, compression)
    path = tmp_path / "short.joblib"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(BasewiseError, match=r"short\.joblib is (truncated|not a joblib file)"):
        read_layout(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"),
        (b"<!DOCTYPE html>", "is not a joblib file"),
        (b"PK\x03\x04", "is not a joblib file"),
        (b"\x04\x22\x4d\x18....", "lz4"),
        (b"\x80\x04N.more", "more bytes after its end"),
    ],
)
def test_other_files_are_named(tmp_path, content, words):
    (tmp_path / "other.joblib").write_bytes(content)
    with pytest.raises(BasewiseError, match=words):
        read_layout(tmp_path / "other.joblib")
    with pytest.raises(BasewiseError, match="does not exist"):
        read_layout(tmp_path / "absent.joblib")
