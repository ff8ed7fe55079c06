"""PyTorch's files that are hostile, damaged or something else are refused before anything runs."""

import collections
import functools
import io
import os
import pickle
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.checkpoints.torch_file import read_torch_layout, read_torch_values
from basewise.checkpoints.torch_pickle import KNOWN, STORAGES
from basewise.errors import BasewiseError

VALUES = np.arange(1, 5, dtype=np.float32)


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.made = function, arguments

    def __reduce__(self):
        return self.made


EVIL = {
    "posix.system": lambda mark: Call(os.system, f"touch {mark}"),
    "builtins.eval": lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
    "builtins.getattr": lambda mark: Call(getattr, "", "join"),
    "functools.partial": lambda mark: Call(functools.partial, os.mkdir, str(mark)),
    "builtins.print": lambda mark: Call(print, "hello"),
    "collections.Counter": lambda mark: collections.Counter("a"),
    "basewise.checkpoints.torch_file.read_torch_layout": lambda mark: Call(
        sys.modules["basewise.checkpoints.torch_file"].read_torch_layout, str(mark)
    ),
}


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize("function", EVIL)
def test_any_other_name_is_refused_and_nothing_runs(
    tmp_path, torch_writer, function, protocol, capfd
):
    mark, path = tmp_path / "mark", tmp_path / "evil.bin"
    code = pickle.dumps(EVIL[function](mark), protocol)
    path.write_bytes(torch_writer.zip_bytes(code, {}))
    with pytest.raises(BasewiseError) as caught:
        read_torch_layout(path)
    said = str(caught.value).replace("__builtin__", "builtins")  # as protocol 2 says
    assert said.startswith(f"{path} asks for {function}, which is not a tensor of a state dict")
    assert len(said.splitlines()) == 1
    assert not mark.exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name",
    [
        "torch.nn.modules.linear.Linear",
        "torch._utils._rebuild_tensor_v3",
        "torch.storage._load_from_bytes",  # which unpickles what it is given
        "torch.hub.load",
        "torch.FloatStorage.__init__",
        "torch.FloatTensor",
        "numpy.core.multiarray._reconstruct",
        "collections.OrderedDict.fromkeys",
    ],
)
def test_pytorchs_other_names_are_refused(tmp_path, torch_writer, name):
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "a.bin"
    call = b"c" + module.encode() + b"\n" + attribute.encode() + b"\n)R."
    path.write_bytes(torch_writer.zip_bytes(b"\x80\x02" + call, {}))
    with pytest.raises(BasewiseError, match=f"asks for {name}, which is not a tensor"):
        read_torch_layout(path)


FLOATS = b"ctorch\nFloatStorage\n"
REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
PARAMETER = b"ctorch._utils\n_rebuild_parameter\n"
ORDERED = b"ccollections\nOrderedDict\n"
STATE = b"}X\x05\x00\x00\x00KINDSK\x01s"


def storage(key=b"0", count=b"K\x04", kind=FLOATS, tag=b"storage"):
    def text(word):
        return b"X" + len(word).to_bytes(4, "little") + word

    return b"(" + text(tag) + kind + text(key) + text(b"cpu") + count + b"tQ"


def tensor(held, first=b"K\x00", shape=b"K\x04\x85", strides=b"K\x01\x85"):
    return REBUILD + b"(" + held + first + shape + strides + b"\x89" + ORDERED + b")RtR"


def entry(code):
    return b"}X\x01\x00\x00\x00a" + code + b"s."


@pytest.mark.parametrize(
    ("code", "words"),
    [
        # what is described cannot be
        (entry(tensor(storage(count=b"K\x05"))), "another size than its bytes"),
        (entry(tensor(storage(count=b"J\xff\xff\xff\xff"))), "another size than its bytes"),
        (entry(tensor(storage(count=b"\x88"))), "another size than its bytes"),
        (entry(tensor(storage(kind=b"ctorch\nDoubleStorage\n"))), "another size than its bytes"),
        (entry(tensor(storage(key=b"1"))), "not in the archive"),
        (entry(tensor(storage(key=b"../data.pkl"))), "not in the archive"),
        (entry(tensor(storage(tag=b"module"))), "unknown type"),
        (entry(tensor(storage(kind=ORDERED))), "unknown type"),
        (entry(tensor(storage(kind=b"X\x02\x00\x00\x00os"))), "unknown type"),
        (entry(tensor(b"N")), "without a storage"),
        (entry(tensor(tensor(storage()))), "without a storage"),
        (entry(tensor(b"NQ")), "not described by five values"),
        (entry(tensor(storage(), shape=b"K\x05\x85")), "larger than its storage"),
        (entry(tensor(storage(), strides=b"K\x02\x85")), "larger than its storage"),
        (entry(tensor(storage(), first=b"K\x01")), "larger than its storage"),
        (entry(tensor(storage(), first=b"J\xff\xff\xff\xff")), "larger than its storage"),
        (entry(tensor(storage(), shape=b"J\xff\xff\xff\xff\x85")), "shape is not a tuple of"),
        (entry(tensor(storage(), shape=b"\x88\x85")), "shape is not a tuple of"),
        (entry(tensor(storage(), shape=b"]")), "shape is not a tuple of"),
        (entry(tensor(storage(), strides=b"N")), "strides is not a tuple of"),
        (entry(tensor(storage(), strides=b")")), "do not fit each other"),
        (entry(tensor(storage(), first=b"N")), "do not fit each other"),
        (
            entry(
                tensor(
                    storage(), b"K\x00", b"(" + b"K\x01" * 33 + b"t", b"(" + b"K\x01" * 33 + b"t"
                )
            ),
            "do not fit each other",
        ),
        # stride 0 makes 2^80 numbers of one
        (
            entry(
                tensor(storage(), shape=b"\x8a\x0b" + bytes(10) + b"\x01\x85", strides=b"K\x00\x85")
            ),
            "larger than its storage",
        ),
        (
            entry(
                tensor(
                    storage(),
                    shape=b"\x8a\x06" + bytes(5) + b"\x7fK\x00\x86",
                    strides=b"K\x00K\x00\x86",
                )
            ),
            "larger than its storage",
        ),
        # tricks with what stands for PyTorch's names
        (REBUILD + STATE + b"b.", "function with a state"),
        (REBUILD + b"N" + STATE + b"\x86b.", "function with a state"),
        (ORDERED + b"N" + STATE + b"\x86b.", "function with a state"),
        (FLOATS + b"N" + STATE + b"\x86b.", "truncated or damaged"),
        (FLOATS + b")R.", "truncated or damaged"),
        (ORDERED + b"K\x01\x85R.", "truncated or damaged"),
        (storage() + STATE + b"b.", "storage with a state"),
        (tensor(storage()) + STATE + b"b.", "tensor with a state"),
        (tensor(storage()) + b"K\x00K\x01s.", "truncated or damaged"),
        (tensor(storage()) + b"K\x01a.", "truncated or damaged"),
        (PARAMETER + b"(N\x88NtR.", "without a tensor"),
        (b"}" + b"K\x01" + b"\x85" + b"K\x01s.", "a key of type tuple"),
        # opcodes that no state dict has
        (b"(I1\ni__builtin__\nopen\n.", "damaged|opcode"),
        (b"\x82\x01.", "opcode 0x82"),
        (b"Ppersistent\n.", "opcode 0x50"),
        (b"\x8f.", "opcode 0x8f"),
        (ORDERED + b")\x81.", "opcode 0x81"),
        (b"\x97.", "opcode 0x97"),
        (b"B\x05\x00\x00\x00abcde.", "opcode 0x42"),
        (b"X\xff\xff\xff\xff.", "truncated or damaged"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f.", "truncated or damaged"),
        (b"r\xff\xff\xff\xff.", "truncated or damaged"),
        (b"a.", "truncated or damaged"),
        (b"}.more", "more bytes after"),
        (b"", "truncated or damaged"),
        # other things than state dicts
        (b"N.", "should hold a state dict; found NoneType"),
        (tensor(storage()) + b".", "should hold a state dict; found TorchArray"),
        (entry(b"K\x01"), "a should be a tensor; found int"),
        (entry(b"}"), r"a should be a tensor; found dict\. Save the model's state_dict\(\) alone"),
        (entry(storage()), "a should be a tensor; found segment"),
        (b"}K\x01" + tensor(storage()) + b"s.", "1 should be a tensor"),
    ],
)
def test_tricks_end_in_one_line_and_change_nothing(tmp_path, torch_writer, code, words):
    before = [*KNOWN.items()], {**STORAGES}
    path = tmp_path / "trick.bin"
    path.write_bytes(torch_writer.zip_bytes(b"\x80\x02" + code, {"0": VALUES.tobytes()}))
    with pytest.raises(BasewiseError, match=rf"trick\.bin.*({words})"):
        read_torch_layout(path)
    assert before == ([*KNOWN.items()], STORAGES)
    assert not any(hasattr(stand_in, "KINDS") for stand_in in KNOWN.values())


def test_a_deep_and_wide_pickle_costs_no_time(tmp_path, torch_writer):
    # forty tuples, each of the one before twice: a million million leaves, were they looked at
    code = b"\x80\x02)q\x00" + b"".join(
        b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(40)
    )
    path = tmp_path / "a.bin"
    for end in (b"h\x28.", b"}h\x28K\x01s.", entry(tensor(storage(), shape=b"h\x28"))):
        path.write_bytes(torch_writer.zip_bytes(code + end, {"0": VALUES.tobytes()}))
        with pytest.raises(BasewiseError):
            read_torch_layout(path)


def good(torch_writer) -> bytes:
    return torch_writer.bin_bytes({"a": VALUES, "b": VALUES[:2]})


def repack(data: bytes, change) -> bytes:
    """Return an archive whose entries (name, data) were changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name, held in change([(info.filename, old.read(info)) for info in old.infolist()]):
            new.writestr(name, held)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda entries: entries[1:], "0 entries data.pkl"),
        (lambda entries: [*entries, ("other/data.pkl", b"N.")], "2 entries data.pkl"),
        (lambda entries: [*entries, ("archive/constants.pkl", b"N.")], "a TorchScript program"),
        (lambda entries: [e for e in entries if "data/0" not in e[0]], "not in the archive"),
        (lambda entries: [(n, d + d) for n, d in entries], "byte order b'littlelittle'"),
        (lambda entries: [(f"../{n}", d) for n, d in entries], "0 entries data.pkl"),
    ],
)
def test_other_archives_are_refused(tmp_path, torch_writer, change, words):
    path = tmp_path / "a.bin"
    path.write_bytes(repack(good(torch_writer), change))
    with pytest.raises(BasewiseError, match=words):
        read_torch_layout(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_doubled_compressed_and_encrypted_entries_are_refused(tmp_path, torch_writer):
    path = tmp_path / "a.bin"
    data = good(torch_writer)
    path.write_bytes(repack(data, lambda entries: [*entries, entries[-1]]))
    with pytest.raises(BasewiseError, match="two entries of one name"):
        read_torch_layout(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"}" * 1000 + b".")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(BasewiseError, match="compressed or encrypted"):
        read_torch_layout(path)
    flags = data.index(b"PK\x01\x02") + 8  # of the first entry in the directory
    path.write_bytes(data[:flags] + b"\x01" + data[flags + 1 :])
    with pytest.raises(BasewiseError, match="compressed or encrypted"):
        read_torch_layout(path)


def directory(data: bytes) -> list[int]:
    """Where the entries of the central directory start."""
    starts = [data.index(b"PK\x01\x02")]
    while (following := data.find(b"PK\x01\x02", starts[-1] + 1)) > 0:
        starts.append(following)
    return starts


def test_overlapping_and_misplaced_entries_are_refused(tmp_path, torch_writer):
    path = tmp_path / "a.bin"
    data = good(torch_writer)
    _, first, second, *_ = directory(data)
    name = slice(46, 46 + len("archive/data/0"))
    assert data[first:][name] == b"archive/data/0"
    offset = data[first + 42 : first + 46]
    path.write_bytes(data[: second + 42] + offset + data[second + 46 :])
    with pytest.raises(BasewiseError, match=r"not where the archive says|larger|overlap"):
        read_torch_layout(path)
    beyond = struct.pack("<I", len(data) - 10)
    path.write_bytes(data[: first + 42] + beyond + data[first + 46 :])
    with pytest.raises(BasewiseError, match="truncated or damaged"):
        read_torch_layout(path)
    huge = struct.pack("<II", 1 << 31, 1 << 31)
    path.write_bytes(data[: first + 20] + huge + data[first + 28 :])
    with pytest.raises(BasewiseError, match="truncated or damaged"):
        read_torch_layout(path)
    longer = struct.pack("<II", 120, 120)  # into the entry after it
    path.write_bytes(data[: first + 20] + longer + data[first + 28 :])
    with pytest.raises(BasewiseError, match="overlap"):
        read_torch_layout(path)


def test_a_description_that_is_far_too_long_is_refused(tmp_path, torch_writer):
    path = tmp_path / "a.bin"
    path.write_bytes(torch_writer.zip_bytes(b"}" * (1 << 24) + b".", {}))
    with pytest.raises(BasewiseError, match=r"a description of 16777217 bytes"):
        read_torch_layout(path)


def test_changed_numbers_are_found_by_their_checksum(tmp_path, torch_writer):
    path = tmp_path / "a.bin"
    data = bytearray(good(torch_writer))
    data[data.index(VALUES.tobytes()) + 3] ^= 1
    path.write_bytes(data)
    layout = read_torch_layout(path)
    with pytest.raises(BasewiseError, match=r"changed since they were written \(CRC-32"):
        list(read_torch_values(path, layout.values()))
    crc = struct.pack("<I", zlib.crc32(VALUES.tobytes()))
    path.write_bytes(data.replace(crc, bytes(4)))  # as torch.save without checksums
    values = dict(
        enumerate(v for _, v in read_torch_values(path, read_torch_layout(path).values()))
    )
    assert values[0][0] != 1.0


def test_changed_numbers_beside_a_view_are_found_too(tmp_path, torch_writer):
    code = torch_writer.storage_code("0", "FloatStorage", 4)
    tensors = {"a": torch_writer.tensor_code(code, 0, (2,), (1,))}
    data = torch_writer.zip_bytes(torch_writer.state_dict_code(tensors), {"0": VALUES.tobytes()})
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    ((_, values),) = read_torch_values(path, read_torch_layout(path).values())
    np.testing.assert_array_equal(values, VALUES[:2])
    damaged = bytearray(data)
    damaged[data.index(VALUES.tobytes()) + 13] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BasewiseError, match="CRC-32"):
        list(read_torch_values(path, read_torch_layout(path).values()))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_damage_is_refused_or_changes_nothing(tmp_path, torch_writer, kind, data):
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    whole = write({"a": VALUES, "b": VALUES[:2]})
    damaged = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    is_cut = data.draw(st.booleans())
    if is_cut:
        damaged = damaged[:place]
    else:
        damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    try:
        layout = read_torch_layout(path)
        found = {id(array): values for array, values in read_torch_values(path, layout.values())}
    except BasewiseError:
        return
    assert not is_cut
    if kind == "bin" and set(layout) == {"a", "b"}:  # safetensors has no checksums
        np.testing.assert_array_equal(found[id(layout["a"])], VALUES)
        np.testing.assert_array_equal(found[id(layout["b"])], VALUES[:2])


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, torch_writer, kind, kept):
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    whole = write({"a": VALUES, "b": np.ones((30, 40), np.float32)})
    path = tmp_path / "short"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(BasewiseError, match=r"short is (truncated|no PyTorch checkpoint)"):
        read_torch_layout(path)


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_files_that_shrink_after_a_look_are_refused(tmp_path, torch_writer, kind):
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    path = tmp_path / "short"
    whole = write({"a": VALUES})
    path.write_bytes(whole)
    layout = read_torch_layout(path)
    path.write_bytes(whole[: layout["a"].offset + 7])
    with pytest.raises(BasewiseError, match="truncated or damaged; found an end too early"):
        list(read_torch_values(path, layout.values()))
    path.unlink()
    with pytest.raises(BasewiseError, match=r"short is truncated or damaged; found .*No such file"):
        list(read_torch_values(path, layout.values()))


def header(text: str, body: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text.encode() + body


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', bytes(4)), "damaged"),
        (header('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(8)), "damaged"),
        (header('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', bytes(8)), "damaged"),
        (header('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', bytes(4)), "damaged"),
        (
            header('{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}', bytes(4)),
            "numbers of type F8_E4M3",
        ),
        (b"\xff" * 7 + b"\x7f{", "damaged"),
        (header("{" * 3000), "damaged"),
        (header("{}trailing"), "damaged"),
        (
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
            "before PyTorch 1.6.*weights_only",
        ),
        (b"\x80\x04N.", "a bare pickle"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
            "Git LFS pointer.*git lfs",
        ),
        (b"<!DOCTYPE html>", "a web page"),
        (b"\x89HDF\r\n\x1a\n", "first bytes"),
        (b"PK\x03\x04", "damaged"),
        (b"", "first bytes b''"),
    ],
)
def test_other_files_are_named(tmp_path, content, words):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(BasewiseError, match=f"other .*{words}"):
        read_torch_layout(path)
    with pytest.raises(BasewiseError, match="does not exist"):
        read_torch_layout(tmp_path / "absent")
    with pytest.raises(BasewiseError, match="does not exist"):
        read_torch_layout(tmp_path)
