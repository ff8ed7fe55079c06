"""Checkpoints come back as they were saved, or are refused with the leaf that is wrong."""

import json
import re
import shutil

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from basewise.checkpoints import (
    choose_tracks,
    fetch_checkpoint,
    read_config,
    read_tile_spec,
    write_config,
)
from basewise.checkpoints.store import check_checkpoint, load_checkpoint, save_checkpoint
from basewise.errors import BasewiseError
from basewise.models import parameters
from basewise.models.zoo import ZOO

FC = "segmentation_head/~/fc|b"


@pytest.fixture
def checkpoint(tiny_checkpoint, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(tiny_checkpoint, tmp_path / "checkpoint")


def change_arrays(checkpoint, change):
    path = checkpoint / "params.safetensors"
    arrays = load_file(path)
    change(arrays)
    save_file(arrays, path)


def test_parameters_come_back_exactly(checkpoint, tmp_path):
    _, params, config = load_checkpoint(checkpoint)
    save_checkpoint(tmp_path / "again", config, params)
    _, again, _ = load_checkpoint(tmp_path / "again")
    jax.tree.map(np.testing.assert_array_equal, params, again)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_smaller_storage_comes_back_as_float32(checkpoint, tmp_path, dtype):
    _, params, config = load_checkpoint(checkpoint)
    save_checkpoint(tmp_path / "small", config, params, param_dtype=dtype)
    sizes = [(f / "params.safetensors").stat().st_size for f in (tmp_path / "small", checkpoint)]
    assert sizes[0] < 0.6 * sizes[1]
    _, small, _ = load_checkpoint(tmp_path / "small")
    for leaf, exact in zip(jax.tree.leaves(small), jax.tree.leaves(params), strict=True):
        assert leaf.dtype == np.float32
        np.testing.assert_allclose(leaf, exact, rtol=1e-2, atol=1e-3)


def test_names_on_disk_are_the_published_ones(checkpoint):
    names = set(load_file(checkpoint / "params.safetensors"))
    assert "nucleotide_transformer/attention_layer_1/~/self_attention/query|w" in names
    assert "nucleotide_transformer/~/embed|embeddings" in names
    assert FC in names


def test_every_layer_is_stacked_in_its_place(checkpoint):
    flat = load_file(checkpoint / "params.safetensors")
    _, params, _ = load_checkpoint(checkpoint)
    stacked = params["layers"]["nucleotide_transformer/attention_layer_*/~/fc1"]["w"]
    for layer in range(2):
        name = f"nucleotide_transformer/attention_layer_{layer}/~/fc1|w"
        np.testing.assert_array_equal(stacked[layer], flat[name])
    np.testing.assert_array_equal(parameters.flatten(params)[FC], flat[FC])


@pytest.mark.parametrize("check", [load_checkpoint, check_checkpoint])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.pop(FC), f"{FC} expected (36), found nothing"),
        (lambda a: a.update({"extra|w": np.zeros(2)}), "extra|w expected nothing, found (2)"),
        (lambda a: a.update({FC: np.zeros(35, np.float32)}), f"{FC} expected (36), found (35)"),
    ],
)
def test_other_arrays_are_refused_by_name_and_shape(checkpoint, change, message, check):
    change_arrays(checkpoint, change)
    with pytest.raises(BasewiseError, match=re.escape(message)):
        check(checkpoint)


@pytest.mark.parametrize("check", [load_checkpoint, check_checkpoint])
def test_a_truncated_file_is_refused(checkpoint, check):
    path = checkpoint / "params.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BasewiseError, match=r"params\.safetensors is truncated"):
        check(checkpoint)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("tracks"), "lacks keys.*no tracks"),
        (lambda c: c.update(format=99), "format this version does not read.*found 99"),
        (lambda c: c.update(family="segment_ntt"), "unknown model family.*segment_nt"),
        (
            lambda c: c["architecture"]["trunk"].update(num_layer=3),
            "unknown key architecture/trunk/num_layer.*num_layers",
        ),
        (lambda c: c["tile_spec"].update(halo_bp=120), "less than half of context_bp"),
    ],
)
def test_a_wrong_config_is_refused_by_key(checkpoint, change, message):
    config = json.loads((checkpoint / "config.json").read_text())
    change(config)
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(BasewiseError, match=message):
        load_checkpoint(checkpoint)


def test_broken_json_is_refused_with_its_line(checkpoint):
    (checkpoint / "config.json").write_text('{\n"format": 1,\n')
    with pytest.raises(BasewiseError, match=r"config\.json line 3 is not JSON"):
        read_config(checkpoint)


def test_geometry_can_be_changed_where_a_run_asks_for_it(checkpoint):
    assert read_tile_spec(checkpoint).halo_bp == 30
    assert read_tile_spec(checkpoint, context_bp=480).halo_bp == 60
    with pytest.raises(BasewiseError, match="multiple of 24"):
        read_tile_spec(checkpoint, context_bp=250)


def test_tracks_are_those_that_were_trained(checkpoint):
    config = read_config(checkpoint)
    assert choose_tracks(config) == ["exon", "intron", "splice_donor"]
    assert choose_tracks(config, ["splice_donor"]) == ["splice_donor"]
    multi = ZOO["segment_nt_multi_species"].to_config()
    assert "CTCF-bound" not in choose_tracks(multi)
    assert len(choose_tracks(multi)) == 7
    with pytest.raises(BasewiseError, match=r"CTCF-bound.*never trained.*protein_coding_gene"):
        choose_tracks(multi, ["exon", "CTCF-bound"])
    with pytest.raises(BasewiseError, match="has no track 'exons'"):
        choose_tracks(config, ["exons"])


def test_a_directory_is_fetched_and_checked(checkpoint, tmp_path):
    fetch_checkpoint(str(checkpoint), tmp_path / "fetched")
    jax.tree.map(
        np.testing.assert_array_equal,
        load_checkpoint(tmp_path / "fetched")[1],
        load_checkpoint(checkpoint)[1],
    )


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (lambda c: None, {"checksum": "sha256:" + "0" * 64}, "sha256"),
        (lambda c: (c / "params.safetensors").unlink(), {}, r"params\.safetensors"),
        (lambda c: change_arrays(c, lambda a: a.pop(FC)), {}, "found nothing"),
    ],
)
def test_a_failed_fetch_leaves_nothing(checkpoint, tmp_path, damage, options, message):
    damage(checkpoint)
    target = tmp_path / "fetched"
    with pytest.raises(BasewiseError, match=message):
        fetch_checkpoint(str(checkpoint), target, **options)
    assert not list(target.glob("*.json"))
    assert not list(target.glob("*.safetensors"))


def test_sources_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(BasewiseError, match="does not exist"):
        fetch_checkpoint(str(tmp_path / "nowhere"), tmp_path / "out")
    with pytest.raises(BasewiseError, match="is written hf://OWNER/NAME"):
        fetch_checkpoint("hf://segment_nt", tmp_path / "out")


@pytest.mark.parametrize("check", [load_checkpoint, check_checkpoint])
def test_a_flipped_bit_is_noticed(checkpoint, check):
    path = checkpoint / "params.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(BasewiseError, match=r"params\.safetensors is not the file .* damaged"):
        check(checkpoint)


def test_a_language_model_has_no_geometry_and_no_tracks(tmp_path):
    config = {**ZOO["codon_nt"].to_config(), "revision": None}
    write_config(tmp_path, config)
    with pytest.raises(BasewiseError, match="codon_nt is a language model and has no tracks"):
        read_tile_spec(tmp_path)
    with pytest.raises(BasewiseError, match=r"no tracks\. Use basewise embed"):
        choose_tracks(read_config(tmp_path), ["exon"])
