"""What published files do not tell and is said beside them: overrides, config.json, shards."""

import json
import logging

import numpy as np
import pytest

from basewise.checkpoints import read_config, read_tile_spec
from basewise.cli import main
from basewise.tokenizers import TOKENIZERS


def trunk_of(checkpoint):
    return read_config(checkpoint)["architecture"]["trunk"]


def refused(capsys, source, model, out, *options):
    """Return the one line that the import ends with; nothing is left behind."""
    arguments = ["checkpoint", "import", str(source), "--model", model, "--out", str(out)]
    assert main([*arguments, *map(str, options)]) == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("basewise: ")]
    assert not list(out.glob("*"))
    return line


def test_unknown_overrides_are_ignored_with_one_warning(publish, bring, caplog):
    overrides = {"layer_norm_eps": 1e-12, "model_name": "x", "alphabet_sizes": 3}
    with caplog.at_level(logging.WARNING):
        checkpoint = bring(publish("codon_nt", "joblib"), "codon_nt", overrides)
    warnings = [r.getMessage() for r in caplog.records if "ignored" in r.getMessage()]
    assert len(warnings) == 1
    assert "ignored model_name, alphabet_sizes" in warnings[0]
    assert trunk_of(checkpoint)["layer_norm_eps"] == 1e-12


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"attention_heads": "2"}', "attention_heads has a wrong type; found '2'. It is a whole"),
        ('{"attention_heads": true}', "attention_heads has a wrong type; found True"),
        ('{"context_bp": 3.5}', "context_bp has a wrong type; found 3.5"),
        ('{"features": "exon"}', "features has a wrong type; found 'exon'. It is a list of names"),
        ('{"layer_norm_eps": null}', "layer_norm_eps has a wrong type; found None. It is a number"),
        ('{"a": 1,\n', "line 2 is not JSON"),
        ("[]", "is not a JSON object; found list"),
        ('{"num_layers": 4}', "num_layers should be 4, but the number of attention_layer_* makes"),
        ('{"attention_heads": 5}', "embed_dim must be a multiple of attention_heads"),
        ('{"context_bp": 0}', "context_bp must be at least 1, as max_positions is 2048; found 0"),
        ('{"pad_token_id": 1, "use_rotary_embedding": false, "key_size": 4}', "should be 12"),
    ],
)
def test_overrides_that_cannot_be(publish, tmp_path, capsys, text, words):
    (tmp_path / "o.json").write_text(text)
    source, out = publish("codon_nt", "joblib"), tmp_path / "out"
    assert words in refused(capsys, source, "codon_nt", out, "--config", tmp_path / "o.json")
    line = refused(capsys, source, "codon_nt", out, "--config", tmp_path / "none.json")
    assert "none.json does not exist" in line


def test_learned_positions_bound_the_context(publish, bring, tmp_path, capsys):
    source = publish("500M_1000G", "joblib")
    (tmp_path / "o.json").write_text('{"context_bp": 240}')
    options = ("--config", tmp_path / "o.json")
    line = refused(capsys, source, "500M_1000G", tmp_path / "out", *options)
    assert "context_bp must be at least 1 and at most 234, as max_positions is 40" in line
    assert read_config(bring(source, "500M_1000G"))["context_bp"] == 234
    assert read_config(bring(source, "500M_1000G", {"context_bp": 120}))["context_bp"] == 120


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_attention_heads": 8}, "num_attention_heads should be 8, but Enformer/"),
        ({"num_downsamples": 5}, "num_downsamples should be 5, but the number of"),
        ({"features": ["a"]}, "1 features at 16 bp per bin need 32 outputs; found 160"),
        ({"nucl_per_token": 32, "features": ["a"]}, "need 64 outputs; found 160"),
        ({"context_bp": 200}, "context_bp must be a multiple of 64 for this model; found 200"),
        ({"target_length": "10"}, "target_length has a wrong type"),
        ({"gamma_norm_axis": "both"}, "unknown gamma_norm_axis"),
    ],
)
def test_overrides_that_contradict_a_one_hot_model(
    publish, reference, tmp_path, capsys, change, words
):
    overrides = tmp_path / "o.json"
    overrides.write_text(json.dumps(reference("segment_enformer").overrides() | change))
    source, out = publish("segment_enformer", "joblib"), tmp_path / "out"
    assert words in refused(capsys, source, "segment_enformer", out, "--config", overrides)


def test_a_one_hot_model_tells_most_of_itself(publish, bring, tmp_path, capsys):
    """Only features and context are not in the arrays of an Enformer."""
    source = publish("segment_enformer", "joblib")
    line = refused(capsys, source, "segment_enformer", tmp_path / "none")
    assert "14 features at 16 bp per bin need 448 outputs; found 160" in line
    names = [f"f{i}" for i in range(5)]
    checkpoint = bring(source, "segment_enformer", {"features": names, "context_bp": 256})
    config = read_config(checkpoint)
    expected = {
        "embed_dim": 48,
        "num_transformer_layers": 2,
        "num_attention_heads": 4,
        "attention_dim_key": 6,
        "num_downsamples": 4,
        "dim_divisible_by": 8,
    }
    assert {key: config["architecture"]["trunk"][key] for key in expected} == expected
    assert config["architecture"]["head_embed_dimension"] == 48
    assert config["tile_spec"]["context_bp"] == config["context_bp"] == 256
    assert config["untrained_tracks"] == []


def test_borzoi_predicts_the_centre_that_target_length_says(publish, bring, reference, tmp_path):
    overrides = reference("segment_borzoi").overrides()
    spec = read_config(bring(publish("segment_borzoi", "joblib"), "segment_borzoi", overrides))[
        "tile_spec"
    ]
    assert (spec["context_bp"], spec["margin_bp"]) == (512, 128)
    assert spec["alphabet"] == "onehot"


def test_borzoi_does_not_predict_more_than_it_reads(publish, reference, tmp_path, capsys):
    overrides = tmp_path / "o.json"
    overrides.write_text(json.dumps(reference("segment_borzoi").overrides() | {"context_bp": 128}))
    line = refused(
        capsys,
        publish("segment_borzoi", "joblib"),
        "segment_borzoi",
        tmp_path / "out",
        "--config",
        overrides,
    )
    assert "context_bp must be 256, what this model predicts of a window" in line


HF = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 40,
    "max_position_embeddings": 42,
    "position_embedding_type": "absolute",
    "token_dropout": True,
    "layer_norm_eps": 1e-12,
    "vocab_size": 4105,
    "model_type": "esm",
}


def test_config_json_beside_torch_weights_is_read(publish, bring, caplog):
    source = publish("500M_human_ref", "safetensors")
    (source / "config.json").write_text(json.dumps(HF))
    checkpoint = bring(source, "500M_human_ref")
    trunk = trunk_of(checkpoint)
    assert (trunk["attention_heads"], trunk["key_size"], trunk["max_positions"]) == (4, 6, 40)
    assert trunk["layer_norm_eps"] == 1e-5
    assert "says layer_norm_eps 1e-12" in caplog.text
    files = [file["path"] for file in read_config(checkpoint)["files"]]
    assert files == ["model.safetensors", "config.json"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_size": 32}, "embed_dim should be 32, but nucleotide_transformer/~/embed"),
        ({"num_hidden_layers": 4}, "num_layers should be 4, but the number of"),
        ({"max_position_embeddings": 64}, "max_positions should be 62, but"),
        ({"num_attention_heads": "4"}, "num_attention_heads has a wrong type"),
        ({"position_embedding_type": "alibi"}, "unknown position_embedding_type; found 'alibi'"),
        ({"position_embedding_type": "rotary"}, "its positional_embedding is 'learned'"),
        ({"token_dropout": False}, "token_dropout is True; found False. That fits 1B_agro_nt"),
    ],
)
def test_a_config_json_of_another_model(publish, tmp_path, capsys, change, words):
    source = publish("500M_human_ref", "safetensors")
    (source / "config.json").write_text(json.dumps(HF | change))
    assert words in refused(capsys, source, "500M_human_ref", tmp_path / "out")


def test_torch_weights_alone_do_not_tell_the_heads(publish, bring, tmp_path, capsys):
    source = publish("codon_nt", "bin")
    line = refused(capsys, source, "codon_nt", tmp_path / "none")
    assert "nothing tells the number of attention heads" in line
    assert "with 24 columns for all heads together" in line
    trunk = trunk_of(bring(source, "codon_nt", {"attention_heads": 3}))
    assert trunk["key_size"] == 8
    assert trunk["layer_norm_eps"] == 1e-5


def test_shards_are_read_through_their_index(publish, bring, torch_writer, reference):
    source = publish("50M_multi_species_v2", "safetensors")
    whole = bring(source, "50M_multi_species_v2", {"attention_heads": 3})
    before = (whole / "params.safetensors").read_bytes()
    (source / "model.safetensors").unlink()
    state = torch_writer.to_torch(
        torch_writer.flat_names(reference("50M_multi_species_v2").arrays), with_unused=True
    )
    names, index = sorted(state), {}
    for number, part in enumerate((names[::2], names[1::2])):
        file = f"model-0000{number + 1}-of-00002.safetensors"
        (source / file).write_bytes(torch_writer.safetensors_bytes({n: state[n] for n in part}))
        index |= dict.fromkeys(part, file)
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    checkpoint = bring(source, "50M_multi_species_v2", {"attention_heads": 3})
    assert (checkpoint / "params.safetensors").read_bytes() == before
    paths = [file["path"] for file in read_config(checkpoint)["files"]]
    assert paths[0] == "model.safetensors.index.json"
    assert len(paths) == 3


def test_of_several_sets_the_preferred_one_is_taken_or_the_named_one(publish, bring, tmp_path):
    jax_files, torch_file = publish("codon_nt", "joblib"), publish("codon_nt", "safetensors")
    (torch_file / "model.safetensors").rename(jax_files / "model.safetensors")
    assert len(read_config(bring(jax_files, "codon_nt"))["files"]) == 2
    named = bring(jax_files / "model.safetensors", "codon_nt", {"attention_heads": 3})
    assert [f["path"] for f in read_config(named)["files"]] == ["model.safetensors"]
    (jax_files / "jax_model/hyperparams.json").unlink()
    left = bring(jax_files, "codon_nt", {"attention_heads": 3})
    assert [f["path"] for f in read_config(left)["files"]] == ["model.safetensors"]


@pytest.mark.parametrize("model", ["segment_nt", "segment_enformer", "segment_borzoi"])
def test_predict_says_of_an_imported_model_what_the_reference_says(
    publish, bring, reference, published_writer, tmp_path, model
):
    """One window, from FASTA to probabilities, by the command line."""
    given = reference(model)
    checkpoint = bring(publish(model, "joblib"), model, given.overrides())
    tokenizer = TOKENIZERS[{"segment_nt": "v2_6mer"}.get(model, "single_nt")]
    bases = published_writer.spell(given.arrays["i:tokens"][0], tokenizer)
    logits = given.arrays["o:logits"][0]
    (tmp_path / "one.fa").write_text(f">c\n{bases}\n")
    margin, first = (len(bases) - len(logits)) // 2, 0
    if margin:  # what a window keeps where its neighbours are predicted by others
        first = read_tile_spec(checkpoint).halo_bp - margin
        logits = logits[first : len(logits) - first]
    region = f"c:{margin + first}-{margin + first + len(logits)}"
    arguments = ["--fasta", str(tmp_path / "one.fa"), "--out", str(tmp_path / "one.npz")]
    command = ["predict", "--checkpoint", str(checkpoint), "--region", region, *arguments]
    assert main(command) == 0
    values = np.load(tmp_path / "one.npz")["values"][0]
    probs = 1 / (1 + np.exp(logits[..., 0] - logits[..., 1].astype(np.float64)))
    assert values.shape == probs.shape
    scored = ~np.isnan(values)
    assert scored.all() or "N" in bases
    np.testing.assert_allclose(values[scored], probs[scored], atol=2e-4)


def test_predict_warns_of_another_species(publish, bring, reference, tmp_path, caplog):
    checkpoint = bring(publish("segment_nt", "joblib"), "segment_nt", {"context_bp": 96})
    (tmp_path / "one.fa").write_text(">c\n" + "ACGTTG" * 16 + "\n")
    command = ["predict", "--checkpoint", str(checkpoint), "--fasta", str(tmp_path / "one.fa")]
    for species, n_warnings in (("hg38", 0), ("Danio rerio", 1)):
        caplog.clear()
        out = ["--out", str(tmp_path / "one.npz"), "--species", species]
        assert main([*command, *out]) == 0
        warnings = [r.getMessage() for r in caplog.records if "was trained on" in r.getMessage()]
        assert len(warnings) == n_warnings
    assert warnings[0].startswith("segment_nt was trained on human, not on zebrafish")
