"""The number of shards: as told, as fixed, by time; fixed once, whatever the configuration says."""

import json
from pathlib import Path

import pytest

from basewise.errors import BasewiseError
from basewise.estimate.project import read_project
from basewise.estimate.report import to_rows
from basewise.estimate.run import estimate_run
from basewise.estimate.shards import (
    check_shards,
    choose_shards,
    explain_shards,
    fix_shards,
    place_of,
    read_fixed,
)

ROOT = Path(__file__).resolve().parents[2]
PLACE = place_of("hg38", "segment_nt")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    return read_project(["config/config.yaml"])


def tiled(config: dict, **keys) -> dict:
    return {**config, "tiling": {**config["tiling"], **keys}}


def choose(project, **keys):
    config, assemblies = project
    return choose_shards("hg38", "segment_nt", tiled(config, **keys), assemblies["hg38"])


def test_a_number_that_is_told_is_taken(project):
    fix_shards(PLACE, 9)
    assert choose(project, shards=5).shards == 5


def test_shards_last_as_long_as_they_should(project):
    bp_per_second = 3_088_286_401 / 3600 / 10  # ten hours for the genome
    for minutes, shards in ((60, 10), (6, 100), (100_000, 1)):
        chosen = choose(project, bp_per_second=bp_per_second, target_minutes_per_shard=minutes)
        assert chosen.shards == shards
        assert "tiling/bp_per_second" in chosen.reason


def test_several_devices_of_a_job_make_fewer_shards(project):
    config, assemblies = project
    config = tiled(config, target_minutes_per_shard=1)
    four = {**config, "segmentation": {**config["segmentation"], "devices_per_job": 4}}
    one, less = (choose_shards("hg38", "segment_nt", c, assemblies["hg38"]) for c in (config, four))
    assert one.shards > 100
    assert less.shards == pytest.approx(one.shards / 4, abs=1)


@pytest.mark.parametrize("platform", ["gpu", "cpu"])
def test_a_rate_that_is_told_is_that_of_a_job_as_its_log_says(project, platform):
    """With all its cards or threads; a shard takes as long as it should; so says the estimate."""
    config, assemblies = project
    config = tiled(config, bp_per_second=10_000, target_minutes_per_shard=10)
    place = {"platform": platform, "devices_per_job": 4}
    config = {**config, "segmentation": {**config["segmentation"], **place}}
    chosen = choose_shards("hg38", "segment_nt", config, assemblies["hg38"])
    assert chosen.shards == -(-3_088_286_401 // (10_000 * 600))
    estimate = estimate_run(config, assemblies)
    row, _ = to_rows(estimate)
    assert row["minutes_per_shard"] == pytest.approx(10, rel=0.01)


def test_there_are_no_more_shards_than_tiles(project):
    assert choose(project, bp_per_second=1).shards == 100_000
    config, assemblies = project
    row = {**assemblies["hg38"], "include": ["chr21"]}
    few = choose_shards("hg38", "segment_nt", tiled(config, bp_per_second=1), row)
    assert few.shards == -(-46_709_983 // 25_000)


def test_a_fixed_number_outlives_the_configuration(project):
    config, assemblies = project
    now = choose(project).shards
    fix_shards(PLACE, now)
    fix_shards(PLACE, now + 5)
    assert read_fixed(PLACE) == now
    changed = tiled(config, target_minutes_per_shard=1)
    assert choose(project, target_minutes_per_shard=1).shards == now
    assert explain_shards(assemblies, config) == []
    (line,) = explain_shards(assemblies, changed)
    assert str(PLACE) in line
    assert "delete" in line
    assert explain_shards(assemblies, tiled(changed, shards=3)) == []


def test_nothing_is_fixed_where_the_number_is_told():
    fix_shards("nowhere/shards.json", 0)
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("text", ["", "{}", '{"shards": "3"}', '{"shards": 0}', "[]"])
def test_a_broken_file_says_what_belongs_there(project, text):
    config, assemblies = project
    PLACE.parent.mkdir(parents=True)
    PLACE.write_text(text)
    with pytest.raises(BasewiseError, match=r'shards\.json does not tell .* \{"shards": N\}'):
        check_shards(assemblies, config)


def test_an_unknown_device_is_refused_before_any_job(project):
    config, assemblies = project
    with pytest.raises(BasewiseError, match="'Cray-1'"):
        check_shards(assemblies, tiled(config, device="Cray-1"))


def test_what_was_fetched_changes_no_number(project, tmp_path):
    """Jobs look again while the run goes on, and must find the same."""
    before = choose(project)
    folder = tmp_path / "resources/hg38"
    folder.mkdir(parents=True)
    (folder / "chrom.sizes").write_text("chr1\t1000\n")
    assert choose(project) == before


def test_a_local_fasta_is_sized_by_its_index_or_its_bytes(project, tmp_path):
    config, assemblies = project
    fasta = tmp_path / "mine.fa"
    fasta.write_text(">a\n" + ("ACGT" * 15 + "\n") * 1000)
    row = {**assemblies["hg38"], "fasta": str(fasta), "include": []}
    config = tiled(config, bp_per_second=100, target_minutes_per_shard=1)
    assert choose_shards("mine", "segment_nt", config, row).shards == 3  # of 60,000 bp, 3 tiles
    (tmp_path / "mine.fa.fai").write_text("a\t6000\t3\t60\t61\n")
    assert choose_shards("mine", "segment_nt", config, row).shards == 1


def test_an_assembly_nobody_knows_has_a_number_of_its_own(project):
    config, assemblies = project
    row = {**assemblies["hg38"], "fasta": "https://example.org/x.fa"}
    chosen = choose_shards("x", "segment_nt", config, row)
    assert chosen.shards == 64
    assert "unknown" in chosen.reason


def test_the_number_is_written_whole(tmp_path):
    fix_shards(tmp_path / "a/b/shards.json", 7)
    assert json.loads((tmp_path / "a/b/shards.json").read_text()) == {"shards": 7}
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["shards.json"]
