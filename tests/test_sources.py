"""What a configuration points at is looked at before anything runs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from basewise import sources
from basewise.checkpoints.lock import lock_checkpoints
from basewise.checkpoints.origin import Origin, SourceFile, write_origin
from basewise.errors import BasewiseError

ROW = dict.fromkeys(sources.FILE_COLUMNS)
KEPT = {"context_bp": None, "halo_bp": None}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def checkpoint(tmp_path, tiny_config) -> dict:
    """A configured model whose directory holds nothing but its config.json."""
    (tmp_path / "tiny").mkdir()
    config = {"format": 1, **tiny_config, "untrained_tracks": ["intron"]}
    (tmp_path / "tiny/config.json").write_text(json.dumps(config))
    return {"source": str(tmp_path / "tiny"), "tracks": ["exon"]}


def test_a_local_file_that_is_missing_is_named_with_its_neighbour(here):
    Path("genome.fa.gz").touch()
    with pytest.raises(BasewiseError, match=r"'x': the fasta file is missing.*'genome\.fa\.gz'"):
        sources.check_sources({"x": ROW | {"fasta": "genom.fa.gz"}}, {})


def test_remote_sources_are_not_looked_up():
    row = ROW | {"fasta": "ftp://host/genom.fa"}
    sources.check_sources({"x": row}, {"m": {"source": "hf://owner/name"}})


def test_a_checkpoint_directory_needs_its_config(tmp_path):
    folder = tmp_path / "trained"
    for source, hint in [(folder, "Give a URL"), (tmp_path / "traind", f"Did you mean '{folder}'")]:
        folder.mkdir(exist_ok=True)
        with pytest.raises(BasewiseError, match=r"checkpoint 'm': .*no config\.json") as caught:
            sources.check_sources({}, {"m": {"source": str(source)}})
        assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "format", "is_enough"),
    [
        (None, None, False),
        ("genes.bed.gz", "bed.gz", False),
        ("genes.gtf", "gtf", True),
        ("https://host/genes.gff.gz", "gff.gz", True),
        ("genes.gff3", "gff3", True),
    ],
)
def test_negatives_matched_by_gene_starts_need_genes(annotation, format, is_enough):
    row = ROW | {"peaks": "p.bed", "annotation": annotation, "annotation_format": format}
    negatives = {"random": {"match": ["gc"]}, "matched": {"match": ["gc", "tss"]}}
    config = {"peaks": {"negatives": negatives}}
    if is_enough:
        sources.check_gene_starts({"x": row}, config)
    else:
        with pytest.raises(BasewiseError, match=r"negatives/matched/match' asks for tss.*'x'"):
            sources.check_gene_starts({"x": row}, config)
    sources.check_gene_starts({"x": row | {"peaks": None}}, config)
    negatives["matched"]["match"] = ["gc"]
    sources.check_gene_starts({"x": row}, config)
    sources.check_gene_starts({"x": row}, {"peaks": None})


def test_an_assembly_does_not_share_a_folder_with_checkpoints(here):
    row = ROW | {"fasta": "ftp://host/genom.fa"}
    folder = here / "resources/toy/some_model"
    folder.mkdir(parents=True)
    sources.check_sources({"toy": row}, {})
    (folder / "config.json").touch()
    with pytest.raises(BasewiseError, match=r"'toy' needs another name.*'resources/toy'"):
        sources.check_sources({"toy": row}, {})


@pytest.mark.parametrize(
    ("tracks", "tiling", "words"),
    [
        (["exon", "exn"], {}, ["'checkpoints/m/tracks'", "'exn'", "'exon'"]),
        (["exon", "intron"], {}, ["'checkpoints/m/tracks'", "intron", "never trained"]),
        (["exon"], {"context_bp": 241}, ["'tiling'", "'m'", "multiple of 24", "241"]),
        (["exon"], {"halo_bp": 120}, ["'tiling'", "'m'", "halo_bp=120"]),
    ],
    ids=["unknown track", "untrained track", "context", "halo"],
)
def test_what_a_local_checkpoint_cannot_do_is_told(checkpoint, tracks, tiling, words):
    used = {"x": {"models": ["m"]}}
    sources.check_checkpoints(used, {"m": checkpoint}, KEPT)
    changed = {"m": checkpoint | {"tracks": tracks}}
    with pytest.raises(BasewiseError) as caught:
        sources.check_checkpoints(used, changed, KEPT | tiling)
    for word in words:
        assert word in str(caught.value)
    sources.check_checkpoints({"x": {"models": []}}, changed, KEPT | tiling)


def test_of_a_checkpoint_to_be_fetched_the_impossible_is_known():
    used, published = {"x": {"models": ["m"]}}, {"m": {"source": "hf://a/b", "tracks": ["y"]}}
    sources.check_checkpoints(used, published, {"context_bp": 2_000, "halo_bp": 999})
    with pytest.raises(BasewiseError, match=r"'tiling' fits no model.*halo_bp=1000"):
        sources.check_checkpoints(used, published, {"context_bp": 2_000, "halo_bp": 1_000})


@pytest.mark.parametrize(
    ("track", "words"),
    [("CTCF-bound", "was never trained: its values are noise"), ("exn", "Did you mean 'exon'?")],
)
def test_tracks_of_a_published_model_are_known_before_it_is_fetched(track, words):
    used, source = {"x": {"models": ["m"]}}, "hf://InstaDeepAI/segment_nt_multi_species"
    sources.check_checkpoints(used, {"m": {"source": source, "tracks": ["exon"]}}, KEPT)
    with pytest.raises(BasewiseError, match="'checkpoints/m/tracks'") as caught:
        sources.check_checkpoints(used, {"m": {"source": source, "tracks": [track]}}, KEPT)
    assert words in str(caught.value)


SOURCE, LOCK, FOLDER = "hf://a/b", "resources/checkpoints.lock", "resources/checkpoints/m"
FETCHED = Origin(SOURCE, "a" * 64, (SourceFile("x", 1, "b" * 64),), "a/b", "c" * 40)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"revision": "d" * 40}, f"found revision {'d' * 40} instead of {'c' * 40}"),
        ({"files": (SourceFile("x", 1, "d" * 64),)}, f"found another x, sha256 {'d' * 64}"),
        ({"files": ()}, "found no x"),
        ({"params_sha256": "d" * 64}, f"params.safetensors with sha256 {'d' * 64} instead"),
    ],
    ids=["revision", "file", "no file", "parameters"],
)
def test_a_fetched_checkpoint_is_compared_with_the_lock(here, changes, words):
    configured = {"m": {"source": SOURCE}}
    sources.check_lock(configured)
    write_origin(FOLDER, FETCHED)
    sources.check_lock(configured)
    lock_checkpoints([f"{FOLDER}/origin.json"], LOCK)
    sources.check_lock(configured)
    write_origin(FOLDER, replace(FETCHED, **changes))
    with pytest.raises(BasewiseError) as caught:
        sources.check_lock(configured)
    assert f"checkpoint 'm' in {FOLDER} is not what {LOCK} says; found" in str(caught.value)
    assert words in str(caught.value)
    assert f"Delete {FOLDER} to fetch what the lock says, or {LOCK} to" in str(caught.value)


def test_what_is_about_to_be_renewed_is_not_compared(here):
    write_origin(FOLDER, FETCHED)
    lock_checkpoints([f"{FOLDER}/origin.json"], LOCK)
    write_origin(FOLDER, replace(FETCHED, revision="d" * 40))
    sources.check_lock({"m": {"source": "hf://a/b@v2"}})  # the configuration has another source
    sources.check_lock({})
    write_origin(FOLDER, replace(FETCHED, revision="d" * 40, source="hf://a/b@v2"))
    sources.check_lock({"m": {"source": SOURCE}})  # what was fetched is of another source
    (Path(FOLDER) / "origin.json").unlink()
    sources.check_lock({"m": {"source": SOURCE}})


def test_outputs_cannot_go_into_a_file(here):
    sources.check_writable("results")
    Path("results").touch()
    with pytest.raises(BasewiseError, match="'results/hg38' cannot be written"):
        sources.check_writable("logs", "results/hg38")


def test_outputs_cannot_go_where_writing_is_forbidden(tmp_path, monkeypatch):
    monkeypatch.setattr(sources.os, "access", lambda path, mode: False)
    with pytest.raises(BasewiseError, match="no write permission"):
        sources.check_writable(str(tmp_path / "results"))
