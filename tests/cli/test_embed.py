"""``basewise embed``: files of every format, regions, and what is refused before any work."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr

import basewise
from basewise.checkpoints.store import save_checkpoint
from basewise.cli import main
from basewise.inference.embedding import sinks

TRUNK = {
    "alphabet_size": 75,
    "embed_dim": 8,
    "attention_heads": 2,
    "ffn_embed_dim": 12,
    "num_layers": 2,
    "max_positions": 30,
    "positional_embedding": None,
    "use_rotary_embedding": True,
}
CONFIG = {
    "name": "codons",
    "family": "nucleotide_transformer",
    "revision": "7",
    "source": "made by the tests",
    "licence": "MIT",
    "species": ["nothing"],
    "architecture": {"tokenizer": "v2_3mer", "trunk": TRUNK},
    "tile_spec": None,
    "tracks": [],
    "context_bp": 60,
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, draw_params):
    from basewise.models.families import build_language_model

    folder = tmp_path_factory.mktemp("checkpoint") / "codons"
    save_checkpoint(folder, CONFIG, draw_params(build_language_model(CONFIG).init))
    return folder


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("fasta") / "three.fa"
    chroms = {"a": 45, "b": 60, "c": 33}
    path.write_text(
        "".join(f">{c}\n{''.join(rng.choice(list('ACGT'), n))}\n" for c, n in chroms.items())
    )
    return path


@pytest.fixture
def embed(checkpoint, fasta, tmp_path):
    """A function (OUT, *arguments) -> exit status, and the path it wrote."""

    def run(out: str, *arguments: str):
        command = ["embed", "--checkpoint", str(checkpoint), "--fasta", str(fasta)]
        command += ["--batch-size", "2", "--out", str(tmp_path / out), *arguments]
        return main(command), tmp_path / out

    return run


def read_zarr(path):
    return {name: array[:] for name, array in zarr.open_group(path, mode="r").arrays()}


def test_the_npz_holds_what_python_gives(embed, checkpoint, fasta):
    status, out = embed("out.npz", "--layers", "1,2", "--attention", "2:1", "--logits")
    assert status == 0
    with np.load(out) as archive:
        given = dict(archive)
    texts = dict(zip("abc", fasta.read_text().split("\n")[1::2], strict=True))
    expected = basewise.load(checkpoint).embed(
        texts, layers=[1, 2], attention=[(2, 1)], logits=True
    )
    metadata = json.loads(str(given.pop("metadata")))
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(given[name], value)
    shapes = {name: value.shape for name, value in given.items()}
    assert shapes["tokens"] == (3, 21)
    assert shapes["embeddings_2"] == (3, 21, 8)
    assert shapes["attention_2_1"] == (3, 21, 21)
    assert shapes["logits"] == (3, 21, 75)
    assert given["chrom"].tolist() == given["name"].tolist() == ["a", "b", "c"]
    assert given["end"].tolist() == [45, 60, 33]
    assert metadata["model"] == "codons"
    assert metadata["licence"] == "MIT"
    assert metadata["layers"] == [1, 2]
    assert len(metadata["checkpoint_sha256"]) == 64


@pytest.mark.parametrize("block", [1, 1 << 28])
def test_zarr_and_parquet_hold_what_the_npz_holds(embed, monkeypatch, block):
    monkeypatch.setattr("basewise.inference.embedding.fields.BLOCK_BYTES", block)
    monkeypatch.setattr(sinks, "CHUNK_BYTES", 256)
    asked = ("--layers", "2", "--likelihood", "--pool", "mean")
    status, npz = embed("out.npz", *asked)
    assert status == 0
    with np.load(npz) as archive:
        expected = {name: value for name, value in archive.items() if name != "metadata"}
    status, store = embed("out.zarr", *asked)
    assert status == 0
    given = read_zarr(store)
    assert given.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(given[name], value)
    assert zarr.open_group(store, mode="r").attrs["model"] == "codons"
    status, table = embed("out.parquet", *asked)
    assert status == 0
    read = pq.read_table(table)
    assert read.column_names == [
        *("chrom", "start", "end", "strand", "name", "n_tokens", "embeddings_2"),
        *("log_likelihood", "n_scored_bp"),
    ]
    np.testing.assert_array_equal(
        np.stack(read["embeddings_2"].to_numpy()), expected["embeddings_2"]
    )
    np.testing.assert_array_equal(read["log_likelihood"], expected["log_likelihood"])
    assert read["name"].to_pylist() == ["a", "b", "c"]
    assert json.loads(read.schema.metadata[b"basewise"])["model"] == "codons"


def test_zarr_holds_tokens_in_chunks(embed, monkeypatch):
    monkeypatch.setattr(sinks, "CHUNK_BYTES", 1024)
    asked = ("--layers", "1,2", "--logits", "--attention", "1:0")
    _, npz = embed("out.npz", *asked)
    _, store = embed("out.zarr", *asked)
    given = read_zarr(store)
    with np.load(npz) as archive:
        for name in given:
            np.testing.assert_array_equal(given[name], archive[name])
    logits = zarr.open_group(store, mode="r")["logits"]
    assert np.prod(logits.chunks) * 4 <= 1024
    assert np.prod(logits.chunks) * 4 > 256


def test_regions_of_a_bed_file_have_strands_and_names(embed, tmp_path):
    bed = tmp_path / "regions.bed"
    bed.write_text("b\t10\t40\tmine\t0\t-\na\t0\t9\n\nc\t3\t33\t.\t5\t+\n")
    status, out = embed("bed.npz", "--bed", str(bed), "--layers", "2")
    assert status == 0
    regions = [arg for text in ("b:10-40", "a:0-9", "c:3-33") for arg in ("--region", text)]
    assert embed("named.npz", *regions, "--layers", "2")[0] == 0
    with np.load(out) as given, np.load(tmp_path / "named.npz") as named:
        assert given["strand"].tolist() == ["-", "+", "+"]
        assert given["name"].tolist() == ["mine", "a:0-9", "c:3-33"]
        np.testing.assert_array_equal(given["embeddings_2"][1:], named["embeddings_2"][1:])
        difference = given["embeddings_2"][0] - named["embeddings_2"][0]
        assert np.abs(difference).max() > 0.01


@pytest.mark.parametrize(
    ("bed", "message"),
    [
        ("a\t0\t9\na\t40\t46\n", "line 2: region a:40-46 is not inside a; found a length of 45"),
        ("z\t0\t9\n", "line 1: region z:0-9: the sequences have no z"),
        ("a\t5\t5\n", "line 1: region a:5-5 is not inside a"),
        ("a\t0\t9\tx\t0\tplus\n", "line 1: a strand is '+', '-' or '.'; found 'plus'"),
        ("a\tx\t9\n", "line 1 is not BED"),
        ("# nothing\n", "names no region"),
    ],
)
def test_a_bed_file_that_does_not_fit_is_named_with_its_line(embed, tmp_path, capsys, bed, message):
    path = tmp_path / "bad.bed"
    path.write_text(bed)
    refused(embed, capsys, message, "out.npz", "--bed", str(path), "--layers", "1")


@pytest.mark.parametrize(
    ("out", "arguments", "message"),
    [
        ("out.npy", ["--layers", "1"], "no suffix that names a format; found '.npy'"),
        ("out.npz", [], "nothing is asked for"),
        ("out.npz", ["--layers", "0"], "no such layer; found 0"),
        ("out.npz", ["--layers", "one"], "layers are whole numbers"),
        ("out.npz", ["--attention", "1"], "LAYER:HEAD"),
        ("out.npz", ["--attention", "1:2"], "no such attention head in layer 1; found 2"),
        ("out.npz", ["--layers", "1", "--pool", "median"], "unknown pool; found 'median'"),
        (
            "out.npz",
            ["--layers", "1", "--max-tokens", "15"],
            "a:0-45(+) (a) is too long for codons",
        ),
        ("out.npz", ["--layers", "1", "--region", "b:0-61"], "not inside b"),
        ("out.parquet", ["--layers", "1"], "Parquet holds one row per sequence"),
        ("out.parquet", ["--logits"], "Parquet holds one row per sequence"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    embed, capsys, monkeypatch, out, arguments, message
):
    def read(*_):
        raise AssertionError("parameters were read before all else was known to fit")

    monkeypatch.setattr("basewise.inference.embedding.files.load_embedder", read)
    refused(embed, capsys, message, out, *arguments)


def test_too_many_sequences_for_an_npz_are_told_of_zarr(embed, capsys, monkeypatch):
    monkeypatch.setattr(sinks, "NPZ_LIMIT_BYTES", 1000)
    message = "3 sequences are too many for one npz"
    assert "Write .zarr" in refused(embed, capsys, message, "out.npz", "--layers", "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nACGT\n>b\n>c\nACGT\n", "record 'b' holds no base"),
        (">a\nACGTACGT\nACGXAC\n", "record 'a', position 12 of the record: not a base; found 'X'"),
        (">a\nMKVLAAGIVGLLLAQWERT\n", "this looks like protein"),
    ],
)
def test_a_fasta_that_is_none(checkpoint, tmp_path, capsys, text, message):
    fasta = tmp_path / "bad.fa"
    fasta.write_text(text)
    command = ["embed", "--checkpoint", str(checkpoint), "--fasta", str(fasta), "--layers", "1"]
    assert main([*command, "--out", str(tmp_path / "out.npz")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_a_store_is_not_written_over(embed, capsys, tmp_path):
    (tmp_path / "out.zarr").mkdir()
    message = "is there already"
    assert embed("out.zarr", "--layers", "1")[0] == 1
    assert message in capsys.readouterr().err
    assert not list((tmp_path / "out.zarr").iterdir())


def test_a_failure_half_way_leaves_no_store(embed, capsys, monkeypatch, tmp_path):
    from basewise.inference.embedding import files

    def break_off(programs, plan, fields):
        from basewise.errors import BasewiseError
        from basewise.inference.embedding.fields import empty_arrays

        yield 0, empty_arrays(fields, 2)
        raise BasewiseError("broken half-way")

    monkeypatch.setattr(files, "run_plan", break_off)
    for out in ("out.npz", "out.zarr", "out.parquet"):
        refused(embed, capsys, "broken half-way", out, "--layers", "1", "--pool", "mean")


def test_a_model_without_vocabulary_head_says_so(tiny_checkpoint, fasta, tmp_path, capsys):
    command = ["embed", "--checkpoint", str(tiny_checkpoint), "--fasta", str(fasta)]
    assert main([*command, "--likelihood", "--out", str(tmp_path / "out.npz")]) == 1
    assert "tiny cannot give a likelihood; found no vocabulary head" in capsys.readouterr().err
    assert main([*command, "--layers", "2", "--out", str(tmp_path / "out.npz")]) == 0


def test_a_family_without_language_model_says_so(tiny_checkpoint, fasta, tmp_path, capsys):
    described = json.loads((tiny_checkpoint / "config.json").read_text())
    (tmp_path / "other").mkdir()
    described |= {"family": "segment_enformer", "name": "convolutions"}
    (tmp_path / "other/config.json").write_text(json.dumps(described))
    command = ["embed", "--checkpoint", str(tmp_path / "other"), "--fasta", str(fasta)]
    assert main([*command, "--layers", "1", "--out", str(tmp_path / "out.npz")]) == 1
    assert "convolutions has no language model; found family segment_enformer" in (
        capsys.readouterr().err
    )


def test_predict_of_a_language_model_points_here(checkpoint, fasta, tmp_path, capsys):
    command = ["predict", "--checkpoint", str(checkpoint), "--fasta", str(fasta)]
    assert main([*command, "--out", str(tmp_path / "out.npz")]) == 1
    assert "has no tracks" in capsys.readouterr().err


def refused(embed, capsys, message, out, *arguments) -> str:
    """Run a command that must end in one line with the message, and leave nothing."""
    status, path = embed(out, *arguments)
    errors = [line for line in capsys.readouterr().err.splitlines() if "basewise: " in line]
    assert status == 1
    assert len(errors) == 1
    assert message in errors[0]
    left = {entry.name for entry in path.parent.iterdir()} - {"bad.bed"}
    assert left == set()
    return errors[0]
