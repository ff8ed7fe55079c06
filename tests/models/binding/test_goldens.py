"""Trunk and adapter against the reference's activations and predictions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from basewise.checkpoints.torch_names import map_names
from basewise.models import parameters
from basewise.models.enformer import Enformer, crop, cropped_length
from basewise.models.one_hot_config import EnformerConfig
from basewise.models.positional import enformer_positions
from basewise.training.binding_losses import outputs_loss, pearson

TRACKS = (
    "track_default",
    "track_film",
    "track_squeeze_excite",
    "track_corrloss_selfattn",
    "track_no_hypergrid",
    "track_joint_depth2_pad",
    "track_one_seq_many_tf",
)
BINARIES = ("binary_film", "binary_se_aux", "binary_mse_aux_fourier256")
# What the reference does not do as it says: its own wrong numbers, behind a switch of ours.
AS_IT_IS = {
    "track_squeeze_excite_upstream_asis": {"legacy_inverted_squeeze_mask": True},
    "binary_se_aux_upstream_asis": {"legacy_inverted_squeeze_mask": True},
}
VARIANTS = (*TRACKS, *BINARIES)
ACTIVATION, PREDICTION = {"rtol": 1e-4, "atol": 1e-5}, {"rtol": 1e-5, "atol": 1e-6}


def assert_close(value, expected, *, rtol, atol):
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=atol * max(1.0, _largest(expected)))


def _largest(values) -> float:
    return float(np.abs(values).max())


def inputs_of(golden):
    arrays = golden.arrays
    return [arrays[f"in/{name}"] for name in ("aa_embed", "aa_mask", "contextual_embed")]


def peaks_of(golden):
    return golden.arrays["in/peaks_nr"][:, 0] if golden.model.config.binary_target else None


def run(golden):
    """Everything between the reference's embedding and the outputs, and they."""

    @jax.jit
    def look(params):
        embeddings = golden.arrays["act/enformer.embeddings"]
        adapter, inputs = golden.model.adapter, inputs_of(golden)
        return adapter.inspect(params, embeddings, *inputs, peaks_nr=peaks_of(golden))

    return look(golden.params["adapter"])


@pytest.mark.parametrize("name", [*VARIANTS, *AS_IT_IS])
def test_adapter_equals_the_reference(load_golden, name):
    golden = load_golden(name, **AS_IT_IS.get(name, {}))
    expected = golden.take("act/")
    taps = run(golden)
    meant = {"normed": "norm_seq_embed", "interactions": "filip.raw_interactions"}
    meant |= {"pooled": "filip"}
    if golden.model.config.conditions_both_sides:
        meant |= {"dna": "cond_genetic", "protein": "cond_protein"}
    for number in range(golden.model.config.genome_self_attn_depth):
        meant[f"self_{number}"] = f"genome_self_attns.{number}"
    for number in range(golden.model.config.joint_cross_attn_depth):
        meant[f"dna_{number}"] = f"joint_cross_attns.{number}.0"
        meant[f"protein_{number}"] = f"joint_cross_attns.{number}.1"
    for ours, theirs in meant.items():
        assert_close(taps[ours], expected[theirs], **ACTIVATION)
    assert_close(taps["latent"], expected["logits"], **ACTIVATION)
    output = "logit" if golden.model.config.binary_target else "track"
    assert_close(taps[output], golden.arrays["out/pred"], **PREDICTION)
    if "aux.pred" in expected:
        assert_close(taps["read_value"], expected["aux.pred"], **PREDICTION)
    total, parts = outputs_loss(golden.model.config, taps, golden.batch())
    expected = golden.take("out/")
    np.testing.assert_allclose(parts["loss"], expected["loss"], rtol=1e-5)
    if golden.model.config.aux_read_value_loss:
        np.testing.assert_allclose(parts["aux_loss"], expected["aux_loss"], rtol=1e-5)
        np.testing.assert_allclose(total, expected["total_loss"], rtol=1e-5)
    if "corr_coef" in expected:
        correlation = pearson(taps["track"], golden.batch().target).mean()
        np.testing.assert_allclose(correlation, expected["corr_coef"], atol=1e-4)


@pytest.mark.parametrize("name", ["track_default", "track_joint_depth2_pad", "binary_se_aux"])
def test_whole_model_equals_the_reference(load_golden, name):
    """Lengths that are no whole number of bins among them: the last position stands alone."""
    golden = load_golden(name)
    params = golden.params

    @jax.jit
    def run_all(params):
        embeddings = golden.embed(params)
        return embeddings, golden.model.adapter.apply(
            params["adapter"], embeddings, *inputs_of(golden)
        )

    embeddings, outputs = run_all(params)
    assert_close(embeddings, golden.arrays["act/enformer.embeddings"], **ACTIVATION)
    output = "logit" if golden.model.config.binary_target else "track"
    assert_close(outputs[output], golden.arrays["out/pred"], **PREDICTION)


@pytest.mark.parametrize("name", VARIANTS)
def test_pooling_of_old_weights_is_behind_a_switch(load_golden, name):
    golden = load_golden(name, legacy_double_log_n=True)
    taps = run(golden)
    assert_close(taps["pooled"], golden.arrays["act_legacy_lae/filip"], **ACTIVATION)
    output = "logit" if golden.model.config.binary_target else "track"
    assert_close(taps[output], golden.arrays["out_legacy_lae/pred"], **PREDICTION)


@pytest.mark.parametrize("name", AS_IT_IS)
def test_squeeze_averages_residues_unless_told_otherwise(load_golden, name):
    """The reference as it stands averages the padding; without the switch we must differ."""
    golden = load_golden(name)
    taps = run(golden)
    output = "logit" if golden.model.config.binary_target else "track"
    difference = _largest(taps[output] - golden.arrays["out/pred"])
    assert difference > 1e-4
    meant = load_golden(name.removesuffix("_upstream_asis"))
    np.testing.assert_array_equal(taps[output], run(meant)[output])
    assert np.isfinite(taps["protein"]).all()


@pytest.fixture
def trunk(shared, manifest, describe_variant):
    """The trunk alone: (arrays, its config, its parameters with the heads of both species)."""
    with np.load(shared / "goldens" / "golden_tf_bind_enformer_trunk.npz") as archive:
        arrays = dict(archive)
    described = describe_variant(manifest["variants"]["enformer_trunk"])
    sizes = described["trunk"]["architecture"]["trunk"]
    sizes |= {"species_heads": True, "num_human_output_heads": 3, "num_mouse_output_heads": 2}
    config = EnformerConfig(**sizes)
    skeleton = jax.eval_shape(Enformer(config).init, jax.random.key(0))
    weights = {k.removeprefix("w/"): v for k, v in arrays.items() if k.startswith("w/")}
    names = map_names(weights, "enformer", expected=parameters.flatten(skeleton))
    flat = {ours: turn(weights[name]) for name, (ours, turn) in names.items()}
    return arrays, config, parameters.unflatten(flat, skeleton)


def test_trunk_equals_the_reference(trunk):
    arrays, config, params = trunk
    model = Enformer(config)
    tower = jax.jit(model.embed)(params, arrays["in/seq"])
    assert_close(tower, arrays["act/transformer.1"], **ACTIVATION)
    embedding = model.finish(params, tower)
    assert_close(embedding, arrays["act/embeddings"], **ACTIVATION)
    for name, values in model.species(params, embedding).items():
        assert_close(values, arrays[f"out/{name.removesuffix('_head')}"], **PREDICTION)


def test_trunk_reads_codes_and_rows_alike(trunk):
    """Codes 0-3, and 4 for N; the published pad of -1 is a row of 0.25."""
    arrays, config, params = trunk
    model = Enformer(dataclasses.replace(config, target_length=-1))
    indices = arrays["in/seq_indices"]
    rows = np.where((indices == -1)[..., None], 0.25, np.eye(5, 4)[indices.clip(0)])
    rows = rows.astype(np.float32)
    embedding = model.finish(params, jax.jit(model.embed)(params, rows))
    expected = arrays["out/embeddings_from_indices_uncropped"]
    assert_close(embedding, expected, **ACTIVATION)
    codes = np.where(indices < 0, 4, indices).astype(np.uint8)
    assert (codes == 4).any()
    rows = np.eye(5, 4, dtype=np.float32)[codes]
    embed = jax.jit(model.embed)
    np.testing.assert_array_equal(embed(params, codes), embed(params, rows))


def test_crops_equal_the_reference(shared):
    with np.load(shared / "goldens" / "golden_tf_bind_enformer_trunk.npz") as arrays:
        table = arrays["out/crop_table"]
    for length, target, kept in table:
        assert cropped_length(length, target) == kept
        assert crop(jnp.zeros((1, length, 1)), target).shape[1] == kept


def test_positions_equal_the_reference(shared):
    with np.load(shared / "goldens" / "golden_tf_bind_enformer_trunk.npz") as arrays:
        for n_bins in (16, 32):
            np.testing.assert_allclose(
                enformer_positions(n_bins, 12), arrays[f"out/posembed_{n_bins}_12"], atol=1e-5
            )
        table = enformer_positions(1536, 192)[::97]
        np.testing.assert_allclose(table, arrays["out/posembed_1536_192"], atol=3e-3)
        gammas = enformer_positions(1536, 192, "positions")[::97, 64:96]
        np.testing.assert_allclose(gammas, arrays["ref/tf_gammas_rows_0_step97"], atol=3e-3)
