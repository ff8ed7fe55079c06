"""Published checkpoints, written here in small, become ours: the same numbers, or one line."""

import json
import logging
import os
import pickle
import re

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

import basewise
from basewise.checkpoints import read_config
from basewise.checkpoints.published import import_checkpoint
from basewise.checkpoints.published.names import normalise_name
from basewise.checkpoints.store import load_checkpoint
from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.genome.checksum import verify_checksum
from basewise.models.zoo import ZOO

TRUNK = "dcnuc_v2_500M_multi_species"


def to_old_names(name):
    name = re.sub(r"(attention_layer_\d+/~/)self_attention/", r"\1mha/", name)
    name = name.replace("self_attention_layer_norm", "mha_layer_norm")
    return name.replace("roberta_lm_head", "esm_roberta_lm_head")


NAMES = {
    "published": lambda name: name,
    "old": to_old_names,
    "any prefix": lambda name: name.replace(TRUNK, "abc").replace("u_net_head/", "abc_1/"),
    "one prefix": lambda name: "x/" + name.partition("/")[2],
}


@pytest.mark.parametrize(
    ("names", "compression"), [*zip(NAMES, ["plain", "zlib", "gzip", "plain"], strict=True)]
)
def test_an_imported_model_equals_the_reference(tmp_path, publish, golden, names, compression):
    arrays = {NAMES[names](name): array for name, array in golden["arrays"].items()}
    assert len(arrays) == len(golden["arrays"])
    source = publish(tmp_path / "hub", arrays, golden["hyperparams"], compression)
    out = tmp_path / "out"
    assert (
        main(["checkpoint", "import", str(source), "--model", "segment_nt", "--out", str(out)]) == 0
    )
    model, params, _ = load_checkpoint(out)
    with jax.default_matmul_precision("highest"):
        logits = jax.jit(model.logits)(params, golden["tokens"])
    scale = max(1.0, np.abs(golden["logits"]).max())
    np.testing.assert_allclose(logits, golden["logits"], rtol=0, atol=2e-5 * scale)


def test_an_imported_model_annotates(tmp_path, publish, published, random_bases):
    source = publish(tmp_path / "hub", **published)
    import_checkpoint(source, "segment_nt_multi_species", tmp_path / "out")
    annotator = basewise.load(tmp_path / "out")
    # Seven gene elements were trained for this model; its regulatory channels are noise.
    trained = list(ZOO["segment_nt_multi_species"].trained_tracks)
    assert [track.name for track in annotator.tracks] == trained
    assert set(trained) < set(published["hyperparams"]["features"])
    values = annotator.predict(random_bases(1, 480))
    assert values.shape == (1, 480, 7)
    assert 0 < np.nanmin(values) < np.nanmax(values) < 1


def test_the_bytes_depend_on_the_numbers_only(tmp_path, publish, published):
    arrays, hyperparams = published["arrays"], published["hyperparams"]
    backwards = {to_old_names(name): arrays[name] for name in reversed(list(arrays))}
    double = {name: array.astype(">f8") for name, array in arrays.items()}
    fortran = {name: np.asfortranarray(array) for name, array in arrays.items()}
    hashes = set()
    for number, given in enumerate([arrays, backwards, double, fortran]):
        source = publish(tmp_path / f"hub{number}", given, hyperparams, "zlib", alignment=None)
        import_checkpoint(source, "segment_nt", tmp_path / "out")
        hashes.add(verify_checksum(tmp_path / "out" / "params.safetensors", None))
    assert len(hashes) == 1
    stored = load_file(tmp_path / "out" / "params.safetensors")
    assert set(stored) == {normalise_name(name, "segment_nt") for name in arrays}
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[normalise_name(name, "segment_nt")], array)
        assert stored[normalise_name(name, "segment_nt")].dtype == np.float32


def test_jax_arrays_in_a_bare_pickle_import(tmp_path, publish, published):
    source = publish(tmp_path / "hub", **published)
    import_checkpoint(source, "segment_nt", tmp_path / "a")
    tree = {}
    for name, array in published["arrays"].items():
        module, _, leaf = name.partition("|")
        tree.setdefault(module, {})[leaf] = jax.numpy.asarray(array)
    (source / "jax_model" / "pytree_ckpt.joblib").write_bytes(pickle.dumps(tree))
    import_checkpoint(source, "segment_nt", tmp_path / "b")
    first, second = (tmp_path / out / "params.safetensors" for out in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_origin_and_licence_are_written_and_said(tmp_path, publish, published, caplog):
    source = publish(tmp_path / "models--x" / "snapshots" / ("ab" * 20), **published)
    with caplog.at_level(logging.WARNING):
        import_checkpoint(source, "segment_nt", tmp_path / "out")
    (warning,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert "hf://InstaDeepAI/segment_nt" in warning
    assert "CC-BY-NC-SA-4.0" in warning
    config = read_config(tmp_path / "out")
    assert config["name"] == "segment_nt"
    assert config["source"] == "hf://InstaDeepAI/segment_nt"
    assert config["licence"] == "CC-BY-NC-SA-4.0"
    assert config["revision"] == "ab" * 20
    assert config["architecture"]["trunk"]["layer_norm_eps"] == 1e-5
    assert config["architecture"]["trunk"]["num_layers"] == 2
    assert config["files"] == [
        {
            "path": f"jax_model/{name}",
            "bytes": (source / "jax_model" / name).stat().st_size,
            "sha256": verify_checksum(source / "jax_model" / name, None),
        }
        for name in ("pytree_ckpt.joblib", "hyperparams.json")
    ]


@pytest.mark.parametrize(
    "given", [["jax_model"], ["jax_model/pytree_ckpt.joblib"], ["jax_model/hyperparams.json"]]
)
def test_folders_and_files_may_be_given(tmp_path, publish, published, given):
    source = publish(tmp_path / "hub", **published)
    import_checkpoint([source / path for path in given], "segment_nt", tmp_path / "a")
    moved = tmp_path / "elsewhere" / "hyperparams.json"
    moved.parent.mkdir()
    (source / "jax_model" / "hyperparams.json").rename(moved)
    weights = source / "jax_model" / "pytree_ckpt.joblib"
    arguments = [str(weights), str(moved), "--model", "segment_nt", "--revision", "v1"]
    assert main(["checkpoint", "import", *arguments, "--out", str(tmp_path / "b")]) == 0
    assert read_config(tmp_path / "b")["revision"] == "v1"
    with pytest.raises(BasewiseError, match=r"hyperparams\.json of segment_nt is missing"):
        import_checkpoint(weights, "segment_nt", tmp_path / "c")


def fails(tmp_path, publish, given, message, model="segment_nt"):
    source = publish(tmp_path / "hub", given["arrays"], given["hyperparams"])
    with pytest.raises(BasewiseError, match=message) as caught:
        import_checkpoint(source, model, tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize(
    "key", ["k_for_kmers", "embed_dim", "masking_prob", "features", "rescaling_factor"]
)
def test_a_missing_hyperparameter_is_named(tmp_path, publish, published, key):
    del published["hyperparams"][key]
    fails(tmp_path, publish, published, rf"hub/jax_model/hyperparams\.json lacks keys.*no {key}")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("num_layers", 3, r"num_layers should be 3, but .*attention_layer.* makes it 2"),
        ("embed_dim", 16, r"embed_dim should be 16, but .*embed\|embeddings makes it 8"),
        ("ffn_embed_dim", 13, r"ffn_embed_dim should be 13, but .*fc2\|w makes it 12"),
        ("key_dim", 6, r"attention_heads \* key_size should be 12, but .*query\|w makes it 8"),
        ("use_glu_in_ffn", False, r"use_glu_in_ffn should be False, but .*fc1\|w makes it True"),
        ("add_bias_ffn", True, r"add_bias_ffn should be True, but .*fc1\|b makes it False"),
        ("features", ["exon"], r"len\(features\).* should be 12, but .*fc\|b makes it 168"),
        ("k_for_kmers", 3, r"k_for_kmers is not that of the tokenizer v2_6mer \(6\); found 3"),
        ("positional_embedding", "learned", r"its positional_embedding is None; found 'learned'"),
        ("num_layers", "2", r"num_layers has a wrong type; found '2'"),
        ("num_layers", True, r"num_layers has a wrong type; found True"),
        ("ffn_activation_name", "swash", r"unknown ffn_activation_name; found 'swash'"),
    ],
)
def test_contradictions_name_both_sides(tmp_path, publish, published, key, value, message):
    published["hyperparams"][key] = value
    fails(tmp_path, publish, published, message)


def drop(arrays, part):
    return {name: array for name, array in arrays.items() if part not in name}


LAST = f"{TRUNK}/attention_layer_1/~/fc2|w"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: drop(a, "u_net_head"), "not that of segment_nt; found no segmentation head"),
        (lambda a: drop(a, "layer_1/~/fc2"), r"not those of its hyperparams.json: .*layer_1/~/fc2"),
        (lambda a: a | {f"{TRUNK}/~/more|w": np.ones(2, np.float32)}, r"nothing, found \(2\)"),
        (
            lambda a: a | {LAST: np.ones((12, 9), np.float32)},
            r"expected \(12, 8\), found \(12, 9\)",
        ),
        (
            lambda a: a | {"y/~/fc|b": a["u_net_head/~/fc|b"]},
            r"two arrays for .*u_net_head/~/fc.*y/",
        ),
        (lambda a: a | {LAST: a[LAST].astype(np.int32)}, "should hold floats; found int32"),
        (lambda a: a | {LAST: a[LAST] * np.nan}, "values that are not finite"),
        (
            lambda a: a | {f"{TRUNK}/~/embed|embeddings": np.ones((4105, 8), np.float32)},
            r"alphabet_size should be 4107, but .*embed\|embeddings makes it 4105",
        ),
    ],
)
def test_other_arrays_are_refused(tmp_path, publish, published, change, message):
    published["arrays"] = change(published["arrays"])
    fails(tmp_path, publish, published, message)


def test_unknown_models_are_refused(tmp_path, publish, published):
    message = "found 'segment_mt'. Did you mean 'segment_nt"
    fails(tmp_path, publish, published, message, "segment_mt")


def test_the_file_of_another_model_is_known_by_its_hash(tmp_path, publish, published, monkeypatch):
    from basewise.checkpoints.published import importer as module

    monkeypatch.setattr(module, "verify_checksum", lambda *_: "be6e88df" + "0" * 56)
    message = "is not that of segment_nt_multi_species; found the one of segment_nt"
    fails(tmp_path, publish, published, message, "segment_nt_multi_species")


@pytest.mark.parametrize("tree", [[], {"a": 1}, {"a": {"b": "c"}}, {"a": {"b": {"c": 1}}}, None])
def test_other_structures_are_refused(tmp_path, publish, published, tree):
    source = publish(tmp_path / "hub", **published)
    (source / "jax_model" / "pytree_ckpt.joblib").write_bytes(pickle.dumps(tree))
    with pytest.raises(BasewiseError, match=r"should be an array|no segmentation head"):
        import_checkpoint(source, "segment_nt", tmp_path / "out")


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_file_that_wants_more_than_arrays_runs_nothing(tmp_path, publish, published, capsys):
    source = publish(tmp_path / "hub", **published)
    mark = tmp_path / "mark"
    tree = {"a": {"w": np.ones(3)}, "b": Evil(f"touch {mark}")}
    (source / "jax_model" / "pytree_ckpt.joblib").write_bytes(pickle.dumps(tree))
    out = tmp_path / "out"
    assert (
        main(["checkpoint", "import", str(source), "--model", "segment_nt", "--out", str(out)]) == 1
    )
    assert "asks for posix.system, which is not an array" in capsys.readouterr().err
    assert not mark.exists()
    assert not out.exists()


def test_a_failed_import_leaves_the_earlier_one(tmp_path, publish, published):
    source = publish(tmp_path / "hub", **published)
    import_checkpoint(source, "segment_nt", tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(before) == {"config.json", "params.safetensors"}
    for name, content in (("hyperparams.json", "{\n"), ("pytree_ckpt.joblib", "\x80\x04")):
        (source / "jax_model" / name).write_text(content)
        with pytest.raises(BasewiseError):
            import_checkpoint(source, "segment_nt", tmp_path / "out")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (source / "jax_model" / "hyperparams.json").write_text(json.dumps([]))
    fresh = publish(tmp_path / "fresh", **published)
    (fresh / "jax_model" / "hyperparams.json").write_text(json.dumps([]))
    with pytest.raises(BasewiseError, match="is not a JSON object; found list"):
        import_checkpoint(fresh, "segment_nt", tmp_path / "out")
