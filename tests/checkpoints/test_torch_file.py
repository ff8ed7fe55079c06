"""PyTorch's files give their tensors: any storage, view and number; sharded; one at a time."""

import json
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from basewise.checkpoints.torch_file import read_torch_layout, read_torch_values, torch_files
from basewise.errors import BasewiseError

RNG = np.random.default_rng(5)


@pytest.fixture
def state(torch_writer):
    drawn = RNG.normal(size=(4, 6))
    return {
        "float32": drawn.astype(np.float32),
        "float64": drawn[:2].copy(),
        "float16": drawn.astype(np.float16),
        "bfloat16": drawn.astype(torch_writer.bfloat16),
        "int64": np.arange(-2, 3),
        "int32": np.arange(3, dtype=np.int32),
        "uint8": np.arange(250, 256, dtype=np.uint8),
        "bool": np.array([True, False, True]),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }


def read_all(path):
    layout = read_torch_layout(path)
    names = {id(array): name for name, array in layout.items()}
    found = {}
    for array, values in read_torch_values(path, layout.values()):
        assert array.shape == values.shape
        assert array.dtype == values.dtype
        assert values.flags.c_contiguous
        found[names[id(array)]] = values
    assert list(layout) == sorted(found, key=list(layout).index)
    return found


def assert_same(found, state):
    assert sorted(found) == sorted(state)
    for name, values in state.items():
        is_float = values.dtype.kind not in "iub"
        assert found[name].dtype == (np.float32 if is_float else values.dtype)
        np.testing.assert_array_equal(found[name], values.astype(found[name].dtype), name)


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_numbers_of_every_type_come_out(tmp_path, torch_writer, state, kind):
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    path = tmp_path / f"model.{kind}"
    path.write_bytes(write(state))
    assert_same(read_all(path), state)
    assert torch_files(path) == [path]
    assert list(read_torch_values(path, [])) == []


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_every_bfloat16_and_float16_is_widened_exactly(tmp_path, torch_writer, kind):
    halves = np.arange(1 << 16, dtype=np.uint16)
    state = {"b": halves.view(torch_writer.bfloat16), "h": halves.view(np.float16)}
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    (tmp_path / "a").write_bytes(write(state))
    found = read_all(tmp_path / "a")
    np.testing.assert_array_equal(found["b"].view(np.uint32), halves.astype(np.uint32) << 16)
    np.testing.assert_array_equal(found["h"], state["h"].astype(np.float32))


def write_views(torch_writer, path, views, storage, **extra):
    """Write tensors (first, shape, strides) by name, all on one storage."""
    code = torch_writer.storage_code("k", "FloatStorage", storage.size)
    tensors = {name: torch_writer.tensor_code(code, *view) for name, view in views.items()}
    pickled = torch_writer.state_dict_code(tensors)
    path.write_bytes(torch_writer.zip_bytes(pickled, {"k": storage.tobytes()}, **extra))


def test_tied_transposed_and_partial_views(tmp_path, torch_writer):
    storage = RNG.normal(size=24).astype(np.float32)
    views = {
        "tied": (0, (4, 6), (6, 1)),
        "also": (0, (4, 6), (6, 1)),
        "transposed": (0, (6, 4), (1, 6)),
        "part": (7, (2, 2), (6, 2)),
        "last": (23, (1,), (1,)),
        "scalar": (5, (), ()),
        "none": (24, (0, 2), (2, 1)),
        "any strides where one is all": (3, (1, 2), (99, 1)),
    }
    path = tmp_path / "a.bin"
    write_views(torch_writer, path, views, storage)
    found = read_all(path)
    table = storage.reshape(4, 6)
    np.testing.assert_array_equal(found["tied"], table)
    np.testing.assert_array_equal(found["also"], table)
    np.testing.assert_array_equal(found["transposed"], table.T)
    np.testing.assert_array_equal(found["part"], table[1:3, 1:5:2])
    np.testing.assert_array_equal(found["last"], storage[23:])
    assert found["scalar"] == storage[5]
    assert found["none"].shape == (0, 2)
    np.testing.assert_array_equal(found["any strides where one is all"], storage[3:5][None])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(0, 40),
    first=st.integers(-1, 45),
    axes=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=3),
)
def test_views_are_numpys_or_refused(tmp_path, torch_writer, size, first, axes):
    shape, strides = tuple(n for n, _ in axes), tuple(stride for _, stride in axes)
    storage = np.arange(size, dtype=np.float32)
    path = tmp_path / "a.bin"
    write_views(torch_writer, path, {"x": (first, shape, strides)}, storage)
    last = first + sum((n - 1) * stride for n, stride in axes)
    reaches = last < size if math.prod(shape) else first <= size
    if first < 0 or not reaches or math.prod(shape) > size:
        with pytest.raises(BasewiseError, match="larger than its storage"):
            read_torch_layout(path)
        return
    expected = np.zeros(shape, np.float32)
    for place in np.ndindex(shape):
        expected[place] = first + sum(i * s for i, s in zip(place, strides, strict=True))
    np.testing.assert_array_equal(read_all(path)["x"], expected)


def test_numbers_of_the_other_byte_order(tmp_path, torch_writer):
    path = tmp_path / "a.bin"
    view = {"x": (0, (3,), (1,))}
    values = np.array([1.5, -2.25, 3e9], np.float32)
    write_views(torch_writer, path, view, values.astype(">f4"), byteorder=b"big")
    np.testing.assert_array_equal(read_all(path)["x"], values)
    write_views(torch_writer, path, view, values, byteorder=b"middle")
    with pytest.raises(BasewiseError, match="byte order b'middle'"):
        read_torch_layout(path)


def test_parameters_and_plain_dicts(tmp_path, torch_writer):
    storage = torch_writer.storage_code("0", "FloatStorage", 2)
    tensor = torch_writer.tensor_code(storage, 0, (2,), (1,))
    hooks = torch_writer.ORDERED_DICT
    codes = {
        "parameter": b"ctorch._utils\n_rebuild_parameter\n" + tensor + b"\x88" + hooks + b"\x87R",
        "with_state": b"ctorch._utils\n_rebuild_parameter_with_state\n("
        + (tensor + b"\x88" + hooks + b"}" + torch_writer.text("note") + b"\x88stR"),
    }
    items = b"".join(torch_writer.text(name) + code + b"s" for name, code in codes.items())
    path = tmp_path / "a.bin"
    values = np.array([3, 4], np.float32)
    path.write_bytes(torch_writer.zip_bytes(b"\x80\x02}" + items + b".", {"0": values.tobytes()}))
    assert_same(read_all(path), dict.fromkeys(codes, values))


@pytest.mark.parametrize("kind", ["pytorch_model.bin", "model.safetensors"])
def test_shards_are_read_through_their_index(tmp_path, torch_writer, state, kind):
    stem, suffix = kind.split(".")
    write = torch_writer.bin_bytes if suffix == "bin" else torch_writer.safetensors_bytes
    names = list(state)
    shards = {f"{stem}-0000{i + 1}-of-00002.{suffix}": names[i::2] for i in range(2)}
    for shard, held in shards.items():
        (tmp_path / shard).write_bytes(write({name: state[name] for name in held}))
    index = tmp_path / f"{kind}.index.json"
    weight_map = {name: shard for shard, held in shards.items() for name in held}
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))
    assert_same(read_all(index), state)
    assert torch_files(index) == [index, *(tmp_path / shard for shard in sorted(shards))]

    index.write_text(json.dumps({"weight_map": weight_map | {"more": min(shards)}}))
    with pytest.raises(BasewiseError, match=r"do not belong together; found more not in the shard"):
        read_torch_layout(index)
    del weight_map["float32"]
    index.write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(BasewiseError, match=r"found float32 only in the shard"):
        read_torch_layout(index)
    (tmp_path / min(shards)).unlink()
    with pytest.raises(BasewiseError, match=r"-00001-of-00002\.\w+ does not exist"):
        read_torch_layout(index)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no weight_map"),
        ('{"weight_map": {}}', "no weight_map"),
        ('{"weight_map": {"a": 3}}', "name of a file beside it; found 3"),
        ('{"weight_map": {"a": "../b.bin"}}', "name of a file beside it"),
        ('{"weight_map": {"a": "/etc/passwd"}}', "name of a file beside it"),
        ('{"weight_map": {"a": ".."}}', "name of a file beside it"),
        ('{"weight_map": {"a": ""}}', "name of a file beside it"),
        ('{"weight_map": {"a": "b\\\\c"}}', "name of a file beside it"),
        ('{"weight_map": {"a": "m.index.json"}}', "name of a file beside it"),
    ],
)
def test_broken_indices_are_refused(tmp_path, content, words):
    index = tmp_path / "m.index.json"
    index.write_text(content)
    for read in (read_torch_layout, torch_files):
        with pytest.raises(BasewiseError, match=words):
            read(index)
    with pytest.raises(BasewiseError, match="does not exist"):
        read_torch_layout(tmp_path / "none.index.json")


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
def test_one_tensor_at_a_time_is_in_memory(tmp_path, torch_writer, kind):
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    path = tmp_path / "a"
    one = np.ones(1 << 18, np.float32)
    path.write_bytes(write({f"w{i}": one * i for i in range(16)}))
    layout = read_torch_layout(path)
    tracemalloc.start()
    total = sum(float(values[7]) for _, values in read_torch_values(path, layout.values()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == sum(range(16))
    assert peak < 3.5 * one.nbytes  # one being used, the next being read
