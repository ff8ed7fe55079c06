"""The command line, command by command."""

import json
import subprocess
import sys

import numpy as np
import pyBigWig
import pytest
import yaml

import basewise
from basewise.cli import main, predict
from basewise.cli.predict import parse_region
from basewise.cli.train import read_settings
from basewise.errors import BasewiseError
from basewise.genome import Genome


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    rng = np.random.default_rng(5)
    path = tmp_path_factory.mktemp("fasta") / "two.fa"
    chroms = {"a": 600, "b": 240}
    path.write_text(
        "".join(f">{c}\n{''.join(rng.choice(list('ACGT'), n))}\n" for c, n in chroms.items())
    )
    return path


def test_models_lists_the_zoo(capsys):
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "segment_nt_multi_species" in shown
    assert "562492595" in shown
    assert "CC-BY-NC-SA-4.0" in shown
    assert main(["models", "--tsv"]) == 0
    header, first = capsys.readouterr().out.splitlines()[:2]
    assert len(header.split("\t")) == len(first.split("\t"))


def test_checkpoint_show_tells_what_it_is(capsys, tiny_checkpoint):
    assert main(["checkpoint", "show", str(tiny_checkpoint), "--arrays"]) == 0
    shown = capsys.readouterr().out
    described, end = json.JSONDecoder().raw_decode(shown)
    arrays = shown[end:]
    assert described["name"] == "tiny"
    assert "segmentation_head/~/fc|b\t(36,)" in arrays


def test_a_broken_checkpoint_is_one_line_and_exit_1(capsys, tmp_path):
    assert main(["checkpoint", "show", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("basewise: ")
    assert "is not a checkpoint; found no config.json" in error
    assert error.count("\n") == 1


def test_predict_writes_what_the_python_face_returns(tiny_checkpoint, fasta, tmp_path):
    out = tmp_path / "out.npz"
    command = ["predict", "--checkpoint", str(tiny_checkpoint), "--fasta", str(fasta)]
    assert main([*command, "--out", str(out)]) == 0
    given = np.load(out)
    assert given["values"].dtype == np.float32
    assert given["chrom"].tolist() == ["a", "b"]
    assert given["start"].tolist() == [0, 0]
    assert given["end"].tolist() == [600, 240]
    assert given["track_names"].tolist() == ["exon", "intron", "splice_donor"]
    genome = Genome(fasta)
    texts = [genome.read(c, 0, n).tobytes().decode() for c, n in genome.chromsizes.items()]
    np.testing.assert_array_equal(given["values"], basewise.load(tiny_checkpoint).predict(texts))


def test_predict_regions_from_the_command_line_and_from_bed(tiny_checkpoint, fasta, tmp_path):
    bed = tmp_path / "regions.bed"
    bed.write_text("a\t100\t150\tfirst\nb\t10\t40\tsecond\n")
    command = ["predict", "--checkpoint", str(tiny_checkpoint), "--fasta", str(fasta)]
    regions = ["--region", "a:100-150", "--region", "b:10-40"]
    assert main([*command, "--bed", str(bed), "--out", str(tmp_path / "bed.npz")]) == 0
    assert main([*command, *regions, "--out", str(tmp_path / "named.npz")]) == 0
    assert main([*command, "--out", str(tmp_path / "whole.npz")]) == 0
    given, named, whole = (
        np.load(tmp_path / f"{name}.npz")["values"] for name in ("bed", "named", "whole")
    )
    np.testing.assert_array_equal(given, named)
    assert given.shape == (2, 50, 3)
    assert np.isnan(given[1, 30:]).all()
    np.testing.assert_allclose(given[1, :30], whole[1, 10:40], atol=1e-5)


def test_predict_into_a_directory_writes_bigwigs(tiny_checkpoint, fasta, tmp_path):
    out = tmp_path / "tracks"
    command = ["predict", "--checkpoint", str(tiny_checkpoint), "--fasta", str(fasta)]
    assert main([*command, "--tracks", "exon", "--region", "a:100-300", "--out", str(out)]) == 0
    found = sorted(path.name for path in out.iterdir())
    assert found == ["exon.bw", "unscored.bed.gz", "unscored.bed.gz.tbi"]
    with pyBigWig.open(str(out / "exon.bw")) as bigwig:
        values = np.array(bigwig.values("a", 0, 600))
    assert np.isfinite(values[100:300]).all()
    assert np.isnan(values[:100]).all()
    assert np.isnan(values[300:]).all()


@pytest.mark.parametrize("out", ["out.npz", "folder"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fasta", "missing.fa"], "missing.fa"),
        (["--region", "a:5"], "a region is CHROM:START-END"),
        (["--region", "z:0-5"], "have no z"),
        (["--region", "a:0-601"], "not inside a"),
        (["--tracks", "exons"], "no track 'exons'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tiny_checkpoint, fasta, tmp_path, capsys, arguments, message, out
):
    command = ["predict", "--fasta", str(fasta), "--checkpoint", str(tiny_checkpoint)]
    assert main([*command, "--out", str(tmp_path / out), *arguments]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if "basewise: " in line]
    assert len(errors) == 1
    assert message in errors[0]
    assert not list(tmp_path.iterdir())


def test_an_array_that_no_memory_holds_is_refused_before_it_is_computed(
    tiny_checkpoint, fasta, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(predict, "MOST_NPZ_BYTES", 4000)
    command = ["predict", "--fasta", str(fasta), "--checkpoint", str(tiny_checkpoint)]
    few = ["--region", "a:0-300", "--region", "a:0-9", "--tracks", "exon"]  # 2 x 300 values
    assert main([*command, *few, "--out", str(tmp_path / "few.npz")]) == 0
    monkeypatch.setattr("basewise.inference.annotate.load", None)
    assert main([*command, "--out", str(tmp_path / "all.npz")]) == 1
    assert "Name a directory for bigWigs" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["few.npz"]


@pytest.mark.parametrize("out", ["out.npz", "folder"])
def test_a_device_that_is_not_there_ends_it_too(tiny_checkpoint, fasta, tmp_path, out):
    # A process of its own: the platform can be chosen once only.
    command = [sys.executable, "-m", "basewise.cli", "predict", "--fasta", str(fasta)]
    options = ["--checkpoint", str(tiny_checkpoint), "--out", str(tmp_path / out)]
    done = subprocess.run([*command, *options, "--platform", "tpu"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "asks for a TPU, and JAX sees none" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["a", "a:1-1", "a:9-3", ":1-5", "a:x-5", "a:-5-9"])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(BasewiseError, match="CHROM:START-END"):
        parse_region(text)


def test_regions_may_have_commas_and_odd_names():
    assert parse_region("chr1:1,000-2,000") == ("chr1", 1000, 2000)
    assert parse_region("HLA:A*01:5-9") == ("HLA:A*01", 5, 9)


def test_train_segmentation_writes_a_checkpoint_that_predicts(tmp_path, capsys):
    assert main(["--quiet", "toy", "genome", "--seed", "7", "--out", str(tmp_path)]) == 0
    settings = {
        "name": "small",
        "species": "toy",
        "genome": str(tmp_path / "toy.fa"),
        "annotation": str(tmp_path / "toy.gtf"),
        "elements": ["exon", "intron"],
        "train_chroms": ["chr1", "chr2"],
        "validation_chroms": ["chr3"],
        "context_bp": 240,
        "halo_bp": 24,
        "trunk": {
            "embed_dim": 16,
            "attention_heads": 2,
            "ffn_embed_dim": 16,
            "num_layers": 1,
        },
        "training": {"steps": 60, "batch_size": 16, "learning_rate": 0.01, "report_every": 30},
    }
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(settings))
    out = tmp_path / "small"
    assert main(["train", "segmentation", "--config", str(config), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [30, 60]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert basewise.load(out).predict("ACGT" * 60).shape == (1, 240, 2)

    settings["initial"] = str(out)
    settings["training"] |= {"steps": 2, "report_every": 2, "learning_rate": 1e-5}
    config.write_text(yaml.safe_dump(settings))
    further = tmp_path / "further"
    assert main(["train", "segmentation", "--config", str(config), "--out", str(further)]) == 0
    went_on = json.loads((further / "metrics.jsonl").read_text())
    assert went_on["loss"] < rows[0]["loss"], "it started afresh"
    settings["elements"] = ["exon"]
    config.write_text(yaml.safe_dump(settings))
    assert main(["train", "segmentation", "--config", str(config), "--out", str(further)]) == 1
    assert "has another architecture" in capsys.readouterr().err

    settings |= {"elements": ["exon", "intron"], "initial": None}
    settings["validation_chroms"] = ["chr1"]
    config.write_text(yaml.safe_dump(settings))
    assert main(["train", "segmentation", "--config", str(config), "--out", str(out)]) == 1
    assert "must not overlap; found chr1" in capsys.readouterr().err
    settings["stepps"] = 1
    config.write_text(yaml.safe_dump(settings))
    assert main(["train", "segmentation", "--config", str(config), "--out", str(out)]) == 1
    assert "unknown key training config/stepps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [a\nspecies: b", "line 2 is not YAML"), ("- a\n- b", "keys and values; found list")],
)
def test_a_training_config_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "train.yaml").write_text(text)
    with pytest.raises(BasewiseError, match=message):
        read_settings(tmp_path / "train.yaml")


def test_importing_basewise_is_quick():
    code = "import sys, basewise; print([m for m in ('jax', 'numpy', 'numba') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "module",
    ["intervals", "genome", "labels", "tiling", "tracks.merge", "calling", "evaluation",
     "checkpoints", "provenance", "toy"],
)  # fmt: skip
def test_planning_and_merging_run_without_jax(module):
    code = f"import sys; sys.modules['jax'] = None; import basewise.{module}"
    subprocess.run([sys.executable, "-c", code], check=True)
