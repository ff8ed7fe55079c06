"""Every trunk of the zoo under an adapter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.models.binding.model import build_binding_model
from basewise.models.binding.trunks import TRUNKS, build_dna_trunk

ENFORMER = {"embed_dim": 12, "num_transformer_layers": 2, "num_attention_heads": 2}
ENFORMER |= {"attention_dim_key": 4, "num_downsamples": 3, "dim_divisible_by": 2}
ENFORMER |= {"target_length": 4, "final_pointwise": True}
BORZOI = {"int_embed_dim": 6, "res_tower_embed_dim_init": 8, "embed_dim": 12}
BORZOI |= {"num_transformer_layers": 2, "num_attention_heads": 2, "attention_dim_key": 4}
BORZOI |= {"num_rel_pos_features": 4, "num_downsamples": 3, "dim_divisible_by": 2}
BORZOI |= {"final_conv_block_embed_dim": 10, "separable_channels": 6, "target_length": 16}
NT = {"alphabet_size": 4107, "embed_dim": 8, "attention_heads": 2, "ffn_embed_dim": 12}
NT |= {"num_layers": 2, "max_positions": 64, "positional_embedding": None}
NT |= {"use_rotary_embedding": True, "lm_head": False}
CASES = {
    "enformer": ({"trunk": ENFORMER}, 64, 4, 8, 24),
    "segment_enformer": ({"trunk": ENFORMER | {"final_pointwise": False}}, 64, 8, 8, 12),
    "borzoi": ({"trunk": BORZOI}, 64, 16, 2, 10),
    "segment_borzoi": ({"trunk": BORZOI, "features": ["exon"]}, 64, 16, 2, 10),
    "nucleotide_transformer": ({"trunk": NT, "tokenizer": "kmer6"}, 60, 10, 6, 8),
    "segment_nt": ({"trunk": NT, "tokenizer": "kmer6", "features": ["exon"]}, 60, 10, 6, 8),
}


def adapter_of(trunk_dim):
    return {"trunk_dim": trunk_dim, "protein_dim": 5, "context_dim": 3, "latent_heads": 2}


def bases_of(length, seed=0):
    letters = np.frombuffer(b"ACGT", np.uint8)
    return np.random.default_rng(seed).choice(letters, (2, length))


def test_every_family_has_a_case():
    assert set(CASES) == set(TRUNKS)


@pytest.mark.parametrize("family", CASES)
def test_trunks_embed_bins(family, tokenizer_name):
    architecture, length, n_bins, bp_per_bin, width = CASES[family]
    architecture = tokenizer_name(architecture)
    trunk = build_dna_trunk({"family": family, "architecture": architecture})
    assert (trunk.family, trunk.embed_dim, trunk.bp_per_bin) == (family, width, bp_per_bin)
    assert trunk.n_bins(length) == n_bins
    params = jax.eval_shape(trunk.init, jax.random.key(0))
    embedding = jax.eval_shape(trunk.embed, params, trunk.encode(bases_of(length)))
    assert embedding.shape == (2, n_bins, width)
    assert embedding.dtype == jnp.float32


@pytest.fixture
def tokenizer_name():
    """A function that puts the name of the tokenizer over 6-mers into an architecture."""
    from basewise.tokenizers import TOKENIZERS

    name = next(name for name, tokenizer in TOKENIZERS.items() if tokenizer.k == 6)

    def put(architecture):
        return architecture | {"tokenizer": name} if "tokenizer" in architecture else architecture

    return put


@pytest.mark.parametrize("family", ["enformer", "borzoi", "nucleotide_transformer"])
def test_rematerialisation_changes_no_gradient(family, tokenizer_name, draw_params):
    architecture, length, *_ = CASES[family]
    config = {"family": family, "architecture": tokenizer_name(architecture)}
    plain, lean = (build_dna_trunk(config, rematerialise=flag) for flag in (False, True))
    params = draw_params(plain.init)
    inputs = plain.encode(bases_of(length))

    def slopes(trunk):
        loss = lambda p: (trunk.embed(p, inputs) ** 2).sum()  # noqa: E731
        return jax.jit(jax.grad(loss))(params)

    programs = [str(jax.make_jaxpr(trunk.embed)(params, inputs)) for trunk in (plain, lean)]
    assert programs[0].count("remat") < programs[1].count("remat")
    expected, found = slopes(plain), slopes(lean)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected
    )


def test_fresh_one_hot_trunks_begin_as_published():
    trunk = build_dna_trunk({"family": "enformer", "architecture": {"trunk": ENFORMER}})
    params = jax.jit(trunk.init)(jax.random.key(0))
    pool = params["edges"]["Enformer/~_stem/attention_pool/~/conv2_d"]["w"][0, 0]
    np.testing.assert_array_equal(pool, 2 * np.eye(6))
    out = params["layers"]["Enformer/~_transformer_attention/layer_*/attention/~/attn_o"]
    assert not np.any(out["w"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"family": "enformr", "architecture": {"trunk": ENFORMER}}, "Did you mean 'enformer'"),
        ({"family": "enformer", "architecture": {}}, "missing key trunk/architecture/trunk"),
        ({"family": "enformer", "architecture": {"trunk": {}}}, "missing key architecture/trunk/"),
        (
            {"family": "segment_nt", "architecture": {"trunk": NT, "tokenizer": "kmer"}},
            "unknown architecture/tokenizer",
        ),
        (
            {"family": "enformer", "architecture": {"trunk": ENFORMER}, "start": "calibrate"},
            "unknown start.*Did you mean 'calibrated'",
        ),
    ],
)
def test_unknown_trunks(config, message):
    with pytest.raises(BasewiseError, match=message):
        build_dna_trunk(config)


@pytest.mark.parametrize("family", ["enformer", "borzoi"])
def test_calibrated_trunks_tell_bins_apart(family):
    architecture, length, *_ = CASES[family]
    described = {"family": family, "architecture": architecture}
    bases = bases_of(4 * length, seed=1)
    spread = {}
    for start in ("drawn", "calibrated"):
        trunk = build_dna_trunk(described | {"start": start})
        params = jax.jit(trunk.init)(jax.random.key(3))
        values = np.asarray(trunk.embed(params, trunk.encode(bases)))
        spread[start] = values.std(axis=(0, 1)).mean() / np.abs(values.mean(axis=(0, 1))).mean()
        averages = [
            np.asarray(leaves["average"])
            for module, leaves in params["edges"].items()
            if module.endswith("var_ema")
        ]
        assert all((average > 0).all() for average in averages)
        assert any((average != 1).any() for average in averages) is (start == "calibrated")
    assert spread["calibrated"] > 1.5 * spread["drawn"]


def test_a_trunk_of_tokens_has_nothing_to_calibrate(tokenizer_name):
    architecture = tokenizer_name(CASES["nucleotide_transformer"][0])
    described = {"family": "nucleotide_transformer", "architecture": architecture}
    rng = jax.random.key(0)
    drawn = build_dna_trunk(described).init(rng)
    started = build_dna_trunk(described | {"start": "calibrated"}).init(rng)
    assert all(jax.tree.leaves(jax.tree.map(np.array_equal, drawn, started)))


def test_windows_that_a_trunk_does_not_read():
    trunk = build_dna_trunk({"family": "enformer", "architecture": {"trunk": ENFORMER}})
    with pytest.raises(BasewiseError, match="whole bins of 8 bp; found 63 bp"):
        trunk.n_bins(63)
    with pytest.raises(BasewiseError, match="keeps 4 bins; found 3 bins"):
        trunk.n_bins(24)


def test_adapter_of_another_trunk():
    architecture = {"trunk": {"family": "enformer", "architecture": {"trunk": ENFORMER}}}
    with pytest.raises(BasewiseError, match=r"trunk_dim should be 24, .*; found 12"):
        build_binding_model({**architecture, "adapter": adapter_of(12)})
    with pytest.raises(BasewiseError, match="missing key architecture/adapter"):
        build_binding_model(architecture)


def test_heads_that_the_model_lacks():
    architecture = {
        "trunk": {"family": "enformer", "architecture": {"trunk": ENFORMER}},
        "adapter": adapter_of(24) | {"finetune_output_heads": {"human": 3}},
    }
    model = build_binding_model(architecture)
    params = jax.eval_shape(model.init, jax.random.key(0))
    assert set(params) == {"edges", "layers", "adapter", "heads"}
    codes = model.trunk.encode(bases_of(64))
    shape = jax.eval_shape(lambda p: model.predict_head(p, codes, "human"), params).shape
    assert shape == (2, 4, 3)
    with pytest.raises(BasewiseError, match="no such head; found 'humn'"):
        model.predict_head(params, codes, "humn")
