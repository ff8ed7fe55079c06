"""Published files that are not what they should be end in one line, and leave nothing behind."""

import os
import pickle

import joblib
import numpy as np
import pytest

from basewise.cli import main


@pytest.fixture
def refused(tmp_path, capsys):
    """A function (source, model) -> the one line that the import ends with."""

    def run(source, model, *options):
        out = tmp_path / "out"
        arguments = ["checkpoint", "import", str(source), "--model", model, "--out", str(out)]
        assert main([*arguments, *options]) == 1
        shown = capsys.readouterr().err.splitlines()
        (line,) = [text for text in shown if text.startswith("basewise: ")]
        assert not list(out.glob("*"))
        return line

    return run


def change(path, edit):
    """Rewrite a joblib file whose content went through a function."""
    tree = joblib.load(path)  # written by these tests
    edit(tree)
    joblib.dump(tree, path)


NORM = "Enformer/~_stem/residual_conv_block/conv_block/batch_norm/~/mean_ema"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda tree: tree.pop(NORM),
            f"{NORM}|average expected (1, 24, 1), found nothing",
        ),
        (
            lambda tree: tree[NORM].update(average=np.ones((1, 23, 1), np.float32)),
            f"{NORM}|average expected (1, 24, 1), found (1, 23, 1)",
        ),
        (
            lambda tree: tree[NORM].pop("average"),
            f"{NORM}|counter should hold floats; found int32",
        ),
        (
            lambda tree: tree[NORM].update(average=np.full((1, 24, 1), np.nan, np.float32)),
            f"{NORM}|average holds values that are not finite",
        ),
        (
            lambda tree: tree.update({"Enformer/more/~/mean_ema": {"average": np.ones(2, "f4")}}),
            "Enformer/more/~/mean_ema|average expected nothing, found (2)",
        ),
        (lambda tree: tree.update({NORM: 3}), f"{NORM}| should be an array; found int"),
    ],
)
def test_statistics_that_do_not_fit(publish, tmp_path, refused, edit, words):
    source = publish("segment_enformer", "joblib")
    change(source / "jax_model/state.joblib", edit)
    (tmp_path / "o.json").write_text('{"features": ["a", "b", "c", "d", "e"], "context_bp": 256}')
    line = refused(source, "segment_enformer", "--config", str(tmp_path / "o.json"))
    assert words in line


def test_statistics_that_are_missing(publish, refused):
    source = publish("segment_borzoi", "joblib")
    (source / "jax_model/state.joblib").unlink()
    line = refused(source, "segment_borzoi")
    assert "state.joblib of segment_borzoi is missing; found none in " in line
    assert "jax_model/params.joblib and jax_model/state.joblib, or model.safetensors" in line
    assert "params.joblib is missing" not in line


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("file", ["params", "state"])
def test_a_file_that_asks_for_another_global_runs_nothing(publish, tmp_path, refused, file):
    source, mark = publish("segment_enformer", "joblib"), tmp_path / "mark"
    path = source / f"jax_model/{file}.joblib"
    path.write_bytes(pickle.dumps({"a": {"w": np.ones(3)}, "b": Evil(f"touch {mark}")}))
    line = refused(source, "segment_enformer")
    assert f"{file}.joblib asks for posix.system, which is not an array" in line
    assert not mark.exists()


@pytest.mark.parametrize(
    ("held", "named", "words"),
    [
        ("50M_multi_species_v2", "500M_human_ref", "positional_embedding is 'learned'"),
        ("500M_human_ref", "50M_multi_species_v2", "positional_embedding is None"),
        ("500M_human_ref", "1B_agro_nt", "token_dropout is False; found True. That fits 500M_"),
        ("1B_agro_nt", "500M_1000G", "token_dropout is True; found False. That fits 1B_agro_nt"),
        ("codon_nt", "50M_multi_species_v2", "k_for_kmers is not that of the tokenizer v2_6mer"),
        ("50M_multi_species_v2", "codon_nt", "k_for_kmers is not that of the tokenizer v2_3mer"),
        ("segment_nt", "500M_multi_species_v2", "found a segmentation head in it"),
        ("500M_multi_species_v2", "segment_nt", "found no segmentation head in it"),
        ("segment_enformer", "segment_borzoi", "found arrays of a segment_enformer"),
        ("segment_borzoi", "segment_enformer", "found arrays of a segment_borzoi"),
    ],
)
def test_the_files_of_another_model(publish, refused, held, named, words):
    assert words in refused(publish(held, "joblib"), named)


@pytest.mark.parametrize(
    ("held", "named"),
    [
        ("segment_enformer", "segment_borzoi"),
        ("segment_borzoi", "segment_enformer"),
        ("codon_nt", "segment_nt"),
        ("segment_nt", "500M_multi_species_v2"),
    ],
)
def test_the_torch_files_of_another_model(publish, refused, held, named):
    line = refused(publish(held, "safetensors"), named)
    assert "names are not those of a" in line or "segmentation head in it" in line


def test_a_pytree_where_params_and_state_belong(publish, refused):
    line = refused(publish("codon_nt", "joblib"), "segment_enformer")
    assert "the files of segment_enformer are missing" in line


@pytest.mark.parametrize("layout", ["safetensors", "bin"])
@pytest.mark.parametrize("end", [100, 5000, -1, -1000])
def test_truncated_torch_files(publish, refused, layout, end):
    source = publish("codon_nt", layout)
    (path,) = source.iterdir()
    path.write_bytes(path.read_bytes()[:end])
    line = refused(source, "codon_nt")
    assert path.name in line
    assert "truncated" in line or "damaged" in line


def test_a_flipped_bit_in_the_header_of_safetensors(publish, refused):
    source = publish("codon_nt", "safetensors")
    path = source / "model.safetensors"
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    for place in (7, 9, 60, size - 20):
        flipped = bytearray(data)
        flipped[place] ^= 16
        path.write_bytes(flipped)
        assert "model.safetensors" in refused(source, "codon_nt")


@pytest.mark.parametrize("layout", ["safetensors", "bin"])
@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda s: s.pop("lm_head.dense.bias"), "lm_head.dense.bias is missing"),
        (lambda s: s.update(other=np.ones(3, np.float32)), "other is unknown"),
        (
            lambda s: s.update({"lm_head.dense.bias": np.ones(3, np.float32)}),
            "lm_head_fc_1|b expected (24), found (3)",
        ),
        (
            lambda s: s.update({"lm_head.dense.bias": np.ones(24, np.int32)}),
            "lm_head.dense.bias should hold floats; found int32",
        ),
    ],
)
def test_torch_arrays_that_do_not_fit(
    publish, reference, torch_writer, tmp_path, refused, layout, edit, words
):
    source = publish("codon_nt", layout)
    state = torch_writer.to_torch(torch_writer.flat_names(reference("codon_nt").arrays))
    edit(state)
    write = {"bin": torch_writer.bin_bytes, "safetensors": torch_writer.safetensors_bytes}[layout]
    (path,) = source.iterdir()
    path.write_bytes(write(state))
    (tmp_path / "o.json").write_text('{"attention_heads": 3}')
    assert words in refused(source, "codon_nt", "--config", str(tmp_path / "o.json"))


def test_nothing_there(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    line = refused(tmp_path / "empty", "codon_nt")
    assert "the files of codon_nt are missing; found none in" in line
    assert "pytree_ckpt.joblib, or model.safetensors, or pytorch_model.bin" in line
    line = refused(tmp_path / "other.gz", "codon_nt")
    assert "the files of codon_nt are missing" in line
