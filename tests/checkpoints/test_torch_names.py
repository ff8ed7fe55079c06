"""Every family's parameters survive the way to PyTorch's names and layout, and back."""

import json
import re

import numpy as np
import pytest

from basewise.checkpoints.torch_file import read_torch_layout, read_torch_values
from basewise.checkpoints.torch_names import map_names
from basewise.checkpoints.torch_tables import AS_IT_IS, CONV, CONV_TRANSPOSE, LINEAR
from basewise.errors import BasewiseError

CASES = {
    "v1": "nucleotide_transformer",
    "agro": "nucleotide_transformer",
    "v2": "nucleotide_transformer",
    "codon": "nucleotide_transformer",
    "segment": "segment_nt",
    "enformer": "segment_enformer",
    "borzoi": "segment_borzoi",
}
N_ARRAYS = {"v1": 58, "agro": 58, "v2": 51, "codon": 51, "segment": 59}
N_ARRAYS |= {"enformer": 96 + 16, "borzoi": 98 + 18}


@pytest.fixture(scope="module")
def golden(shared, torch_writer):
    """A function (case) -> arrays by our flat names."""

    def read(case):
        with np.load(shared / f"goldens/golden_nt_{case}.npz") as npz:
            flat = torch_writer.flat_names(npz)
        assert len(flat) == N_ARRAYS[case]
        return flat

    return read


def read_all(path, family, expected=None):
    """Return {our name: values} as an importer reads them, and checks the announced shapes."""
    layout = read_torch_layout(path)
    mapped = map_names(layout, family, expected=expected, where=str(path))
    names = {id(layout[name]): name for name in mapped}
    flat = {}
    for array, values in read_torch_values(path, [layout[name] for name in mapped]):
        ours, transform = mapped[names[id(array)]]
        flat[ours] = transform(values)
        assert flat[ours].shape == transform.shape(array.shape)
    return flat


def assert_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("kind", ["bin", "safetensors"])
@pytest.mark.parametrize("case", CASES)
def test_published_names_and_layouts_come_back(golden, torch_writer, tmp_path, case, kind):
    expected = golden(case)
    state = torch_writer.to_torch(expected, with_unused=True)
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[kind]
    path = tmp_path / f"model.{kind}"
    path.write_bytes(write(state))
    assert_same(read_all(path, CASES[case], expected), expected)
    assert_same(read_all(path, CASES[case]), expected)


FULL_SIZE = {
    "nt_v1": "nucleotide_transformer",
    "agro_nt": "nucleotide_transformer",
    "nt_v2": "nucleotide_transformer",
    "codon_nt": "nucleotide_transformer",
    "segment_nt": "segment_nt",
    "segment_enformer": "segment_enformer",
    "segment_borzoi": "segment_borzoi",
}


@pytest.mark.parametrize("tree", FULL_SIZE)
def test_every_name_of_the_published_trees_is_known(shared, torch_writer, tree):
    models = json.loads((shared / f"spec/param_tree_{tree}.json").read_text())["models"]
    for model in models.values():
        arrays = {
            f"{kind}:{key}": np.zeros((1,) * len(shape), np.float32)
            for kind, part in (("p", "params"), ("s", "state"))
            for key, shape, _ in model.get(part, ())
        }
        flat = torch_writer.flat_names(arrays)
        state = torch_writer.to_torch(flat)
        mapped = map_names(state, FULL_SIZE[tree], expected=flat)
        assert {ours for ours, _ in mapped.values()} == set(flat)
        assert len(mapped) == model["num_arrays"] + model.get("num_state_arrays", 0) // 3


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("prefix", ["module.", "model.esm_trunk.", "enformer."])
def test_any_prefix_is_passed_over(golden, torch_writer, case, prefix):
    expected = golden(case)
    state = torch_writer.to_torch(expected)
    mapped = map_names([prefix + name for name in state], CASES[case], expected=expected)
    plain = map_names(state, CASES[case], expected=expected)
    assert mapped == {prefix + name: to for name, to in plain.items()}


@pytest.mark.parametrize("case", ["enformer", "borzoi"])
def test_heads_that_the_model_has_not_are_left_out(golden, torch_writer, case):
    flat = golden(case)
    trunk = {name for name in flat if not re.search("~_heads|~_final_pointwise", name)}
    assert len(flat) - len(trunk) == {"enformer": 10, "borzoi": 2}[case]
    state = torch_writer.to_torch(flat)
    mapped = map_names(state, CASES[case], expected=trunk)
    assert {ours for ours, _ in mapped.values()} == trunk
    without = {name for name, (ours, _) in map_names(state, CASES[case]).items() if ours in trunk}
    assert map_names(without, CASES[case], expected=trunk) == mapped
    with pytest.raises(BasewiseError, match="is missing"):
        map_names(without, CASES[case], expected=flat)


def test_positions_that_the_model_has_not_are_left_out(golden, torch_writer):
    flat = golden("v2")
    state = torch_writer.to_torch(flat)
    unused = "esm.embeddings.position_embeddings.weight"
    mapped = map_names([*state, unused], "nucleotide_transformer", expected=flat)
    assert unused not in mapped
    assert len(mapped) == len(flat)


def test_modules_saved_twice_are_read_once(golden, torch_writer):
    flat = golden("enformer")
    state = torch_writer.to_torch(flat)
    twins = {
        re.sub(f"^{module}", f"_trunk.{number}", name): name
        for number, module in (
            (1, "stem"),
            (2, "conv_tower"),
            (4, "transformer"),
            (6, "final_pointwise"),
        )
        for name in state
        if name.startswith(f"{module}.")
    }
    once = map_names(state, "segment_enformer", expected=flat)
    assert map_names([*state, *twins], "segment_enformer", expected=flat) == once
    left = [name for name in state if name not in twins.values()]  # what safetensors keeps
    mapped = map_names([*left, *twins], "segment_enformer", expected=flat)
    assert {twins.get(name, name): to for name, to in mapped.items()} == once


def test_gamma_and_beta_are_weight_and_bias(golden, torch_writer):
    flat = golden("agro")
    state = torch_writer.to_torch(flat)
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): name
        for name in state
    }
    assert sum(new != old for new, old in renamed.items()) == 12
    mapped = map_names(renamed, "nucleotide_transformer", expected=flat)
    plain = map_names(state, "nucleotide_transformer", expected=flat)
    assert {renamed[name]: to for name, to in mapped.items()} == plain


@pytest.mark.parametrize("case", CASES)
def test_differences_are_listed_by_the_names_in_the_file(golden, torch_writer, case):
    flat = golden(case)
    state = torch_writer.to_torch(flat)
    for gone in list(state)[:: max(1, len(state) // 7)]:
        with pytest.raises(BasewiseError) as caught:
            map_names([*set(state) - {gone}, "esm.more.weight"], CASES[case], expected=flat)
        said = str(caught.value)
        assert said.startswith("the checkpoint: the names are not those of a " + CASES[case])
        assert "esm.more.weight is unknown" in said
        assert f" {gone.removeprefix('esm.').removeprefix('unet.')} is missing" in said
    with pytest.raises(BasewiseError, match=r"here: .*none of them is known|here: .*is unknown"):
        map_names(["a", "b.weight"], CASES[case], where="here")
    with pytest.raises(BasewiseError, match="none of them is known"):
        map_names([], CASES[case])


def test_other_differences():
    names = ["esm.encoder.layer.0.LayerNorm.weight", "encoder.layer.0.LayerNorm.weight"]
    with pytest.raises(BasewiseError, match=r"means the same as encoder\.layer\.0\.LayerNorm\."):
        map_names(names, "segment_nt")
    with pytest.raises(BasewiseError, match=r"LayerNorm\.weight is not of this model"):
        map_names(names[:1], "segment_nt", expected=[])
    with pytest.raises(BasewiseError, match="Did you mean 'segment_nt'"):
        map_names(names, "segmentnt")
    with pytest.raises(BasewiseError, match=r"layer\.7\.fc\.weight is unknown"):
        map_names(["esm.encoder.layer.7.fc.weight"], "segment_nt")
    with pytest.raises(BasewiseError, match=r"layer\.99999999999\..* is unknown"):  # and no table
        map_names(["esm.encoder.layer.99999999999.LayerNorm.weight"], "segment_nt")


@pytest.mark.parametrize("length", [1, 2, 7])
def test_transposed_convolutions_are_turned_into_correlations(length):
    rng = np.random.default_rng(length)
    w = rng.normal(size=(3, 5, 3))  # in, out, k
    x = rng.normal(size=(3, length))
    full = np.zeros((5, length + 2))  # each input spreads over three outputs; padding 1 cuts two
    for n in range(length):
        for tap in range(3):
            full[:, n + tap] += x[:, n] @ w[:, :, tap]
    ours = CONV_TRANSPOSE(w)  # k, out, in
    padded = np.pad(x, ((0, 0), (1, 1)))
    found = sum(ours[tap] @ padded[:, tap : tap + length] for tap in range(3))
    np.testing.assert_allclose(found, full[:, 1:-1], atol=1e-12)


def test_arrays_of_other_kinds_of_layers_are_refused():
    assert LINEAR.shape((5, 3)) == LINEAR.shape((5, 3, 1)) == (3, 5)
    assert AS_IT_IS.shape(()) == ()
    for transform, shape in ((LINEAR, (5, 3, 2)), (LINEAR, (5,)), (CONV, (5, 3))):
        with pytest.raises(BasewiseError, match="axes; found"):
            transform.shape(shape)
