"""Enformer and Borzoi against the reference's own inputs, parameters, statistics and outputs."""

import jax
import numpy as np
import pytest

from basewise.models import parameters
from basewise.models.borzoi import Borzoi
from basewise.models.enformer import Enformer
from basewise.models.one_hot_config import BorzoiConfig, EnformerConfig
from basewise.models.one_hot_segmenter import OneHotSegmenter
from basewise.models.positional import borzoi_positions, enformer_positions
from basewise.models.relative_attention import shear
from basewise.tokenizers import TOKENIZERS, one_hot_codes

TOLERANCE = 2e-5


@pytest.fixture(autouse=True)
def exact_matmuls():
    with jax.default_matmul_precision("highest"):
        yield


def codes_of(tokens):
    """The codes of ids of the reference's vocabulary of single nucleotides."""
    single = TOKENIZERS["single_nt"].tokenize("ATCGN")
    letters = np.zeros(single.max() + 1, np.uint8)
    letters[single] = np.frombuffer(b"ATCGN", np.uint8)
    return one_hot_codes(letters[tokens])


def build(case, published, kind, config_kind, **branches):
    config = {
        key: value
        for key, value in case["config"].items()
        if key in config_kind.__dataclass_fields__
    }
    trunk = kind(config_kind(**config, **branches))
    names = ("nucl_per_token", "head_embed_dimension")
    n_features = len(case["config"]["features"])
    model = OneHotSegmenter(trunk, n_features, *(case["config"][name] for name in names))
    skeleton = jax.eval_shape(model.init, jax.random.key(0))
    flat = parameters.flatten(skeleton)
    assert {k: v.shape for k, v in flat.items()} == {k: v.shape for k, v in published.items()}
    return model, parameters.unflatten(dict(published), skeleton)


def assert_close(value, expected):
    atol = TOLERANCE * max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(value, expected, rtol=0, atol=atol)


def test_enformer_equals_the_reference(load_golden, manifest):
    arrays, published = load_golden("enformer")
    branches = {"final_pointwise": True, "species_heads": True}
    model, params = build(manifest["enformer"], published, Enformer, EnformerConfig, **branches)
    codes = codes_of(arrays["i:tokens"])
    assert (codes == 4).any(), "the case should read N"
    tower = jax.jit(model.trunk.embed)(params, codes)
    assert_close(tower, arrays["o:embedding_transformer_tower"])
    embedding = model.trunk.finish(params, tower)
    assert_close(embedding, arrays["o:embedding"])
    for name, tracks in model.trunk.species(params, embedding).items():
        assert_close(tracks, arrays[f"o:{name}"])
    assert_close(jax.jit(model.logits)(params, codes), arrays["o:logits"])


def test_borzoi_equals_the_reference(load_golden, manifest):
    arrays, published = load_golden("borzoi")
    model, params = build(manifest["borzoi"], published, Borzoi, BorzoiConfig, species_heads=True)
    codes = codes_of(arrays["i:tokens"])
    embedding = jax.jit(model.trunk.embed)(params, codes)
    assert_close(embedding, arrays["o:embedding"])
    assert_close(model.trunk.species(params, embedding)["human_head"], arrays["o:human_head"])
    assert_close(jax.jit(model.logits)(params, codes), arrays["o:logits"])


@pytest.mark.parametrize(
    ("case", "kind", "config_kind"),
    [("enformer", Enformer, EnformerConfig), ("borzoi", Borzoi, BorzoiConfig)],
)
def test_segmentation_needs_no_other_branch(load_golden, manifest, case, kind, config_kind):
    arrays, published = load_golden(case)
    skipped = ("Enformer/~_final_pointwise/", "Enformer/~_heads/", "Borzoi/~_heads/")
    needed = {name: value for name, value in published.items() if not name.startswith(skipped)}
    assert len(needed) < len(published)
    model, params = build(manifest[case], needed, kind, config_kind)
    logits = jax.jit(model.logits)(params, codes_of(arrays["i:tokens"]))
    assert_close(logits, arrays["o:logits"])


@pytest.mark.parametrize("case", ["enformer", "borzoi"])
def test_bfloat16_stays_near_float32(load_golden, manifest, case):
    kind, config_kind = {"enformer": (Enformer, EnformerConfig), "borzoi": (Borzoi, BorzoiConfig)}[
        case
    ]
    arrays, published = load_golden(case)
    branches = {"species_heads": True}
    if case == "enformer":
        branches["final_pointwise"] = True
    model, params = build(manifest[case], published, kind, config_kind, **branches)
    half_trunk = kind(model.trunk.config, jax.numpy.bfloat16)
    half = OneHotSegmenter(
        half_trunk, model.n_features, model.bp_per_bin, model.head_channels, jax.numpy.bfloat16
    )
    expected = arrays["o:logits"]
    error = np.asarray(jax.jit(half.logits)(params, codes_of(arrays["i:tokens"]))) - expected
    relative = np.sqrt((error**2).mean() / (expected**2).mean())
    assert 0 < relative < 0.1


@pytest.mark.parametrize(("n_bins", "n_features"), [(16, 12), (64, 24), (96, 192)])
def test_enformer_positions_equal_the_reference(load_golden, n_bins, n_features):
    arrays, _ = load_golden("positional")
    expected = arrays[f"enformer_pos_L{n_bins}_F{n_features}"]
    np.testing.assert_allclose(enformer_positions(n_bins, n_features), expected, atol=1e-6)


def test_full_length_enformer_positions_equal_the_reference(load_golden):
    """The gamma densities cancel: only the published order of operations comes this close."""
    arrays, _ = load_golden("positional")
    rows = arrays["enformer_pos_L1536_F192_rows"]
    table = jax.jit(lambda: enformer_positions(1536, 192) + 0)()
    np.testing.assert_allclose(table[rows], arrays["enformer_pos_L1536_F192"], atol=1e-6)


def test_gamma_features_can_be_normalised_over_positions():
    """As in the published tables of the original: each feature has its maximum of 1 somewhere."""
    by_position = enformer_positions(64, 24, "positions")[:, 8:12]
    np.testing.assert_allclose(by_position.max(axis=0), 1.0)
    by_feature = enformer_positions(64, 24)[:, 8:12]
    np.testing.assert_allclose(by_feature.max(axis=1), 1.0)
    assert (by_feature.max(axis=0) == 1.0).sum() == 4
    assert (by_position[63] < 0.01).all()


@pytest.mark.parametrize(("n_bins", "n_features"), [(16, 8), (64, 32)])
def test_borzoi_positions_equal_the_reference(load_golden, n_bins, n_features):
    arrays, _ = load_golden("positional")
    expected = arrays[f"borzoi_pos_L{n_bins}_F{n_features}"]
    np.testing.assert_array_equal(borzoi_positions(n_bins, n_features), expected)


def test_full_length_borzoi_positions_equal_the_reference(load_golden):
    arrays, _ = load_golden("positional")
    table = borzoi_positions(4096, 32)
    widths = arrays["borzoi_pos_L4096_F32_center_widths"]
    np.testing.assert_array_equal(table[4095:, :16].sum(axis=0), widths)
    sums = arrays["borzoi_pos_L4096_F32_colsum_first16"]
    np.testing.assert_array_equal(table[:, :16].sum(axis=0), sums)
    np.testing.assert_array_equal(
        table[:, 16:], table[:, :16] * np.sign(np.arange(-4095, 4096))[:, None]
    )


def test_the_relative_shift_equals_the_reference(load_golden):
    arrays, _ = load_golden("positional")
    given = shear(jax.numpy.asarray(arrays["relshift_in"]), 5)
    np.testing.assert_array_equal(given, arrays["relshift_out"])
