"""What a run takes: hg38 by the command line, the toy genome to the tile, and what nobody knows."""

import json
import time
from pathlib import Path

import pytest

from basewise.checkpoints import read_tile_spec
from basewise.checkpoints.config import FORMAT
from basewise.cli import main
from basewise.errors import BasewiseError
from basewise.estimate import disk
from basewise.estimate.costs import count_cost, find_cost, look_up_cost
from basewise.estimate.devices import Measured, find_device, read_devices, read_throughput
from basewise.estimate.genomes import KnownGenome, find_genome
from basewise.estimate.project import read_project
from basewise.estimate.rates import find_duration, make_work
from basewise.estimate.report import to_dict, to_lines, to_rows
from basewise.estimate.run import estimate_run
from basewise.estimate.tiles import TileCount, count_tiles
from basewise.genome.index import index_genome
from basewise.intervals import read_bed, read_chromsizes
from basewise.models.zoo import ZOO
from basewise.tiling import TileSpec, plan_shards, read_tiles

ROOT = Path(__file__).resolve().parents[2]
TOY = ROOT / "resources/toy/segment_nt_toy"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The default configuration, read in an empty directory."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    return read_project(["config/config.yaml"])


@pytest.fixture(scope="module")
def toy_genome(tmp_path_factory) -> Path:
    """resources/ with a genome of gaps, short contigs and N, indexed as the workflow does it."""
    folder = tmp_path_factory.mktemp("resources") / "made"
    folder.mkdir()
    chroms = {
        "long": "ACGT" * 4000 + "N" * 300 + "ACGTT" * 2000 + "N" * 20 + "GATC" * 900,
        "edges": "N" * 500 + "ACCGT" * 1200 + "N" * 500,
        "short": "ACGT" * 200,
        "tiny": "ACGT" * 5,
    }
    lines = (f">{name}\n{bases}\n" for name, bases in chroms.items())
    (folder / "genome.fa").write_text("".join(lines))
    names = ("genome.fa", "genome.fa.fai", "chrom.sizes", "gaps.bed")
    index_genome(*(folder / name for name in names))
    return folder.parent


def count(genome, run=100):
    return count_tiles(genome, read_tile_spec(TOY), max_ambiguous_run_bp=run)


@pytest.mark.parametrize("max_run", [0, 100, 1000])
def test_with_known_gaps_tiles_are_those_that_are_planned(toy_genome, tmp_path, max_run):
    plan_shards(
        toy_genome / "made/genome.fa",
        read_tile_spec(TOY),
        outputs=[tmp_path / "tiles.bed"],
        regions=tmp_path / "regions.bed",
        unscored=tmp_path / "unscored.bed.gz",
        max_ambiguous_run_bp=max_run,
    )
    tiles = read_tiles(tmp_path / "tiles.bed")
    known = find_genome("made", {}, resources=toy_genome)
    found = count(known, max_run)
    assert found.tiles == len(tiles) > 10
    assert found.scorable_bp == sum(tile.core_bp for tile in tiles)
    assert found.read_bp == sum(tile.context_bp for tile in tiles)


def test_without_gaps_every_base_may_be_scored(toy_genome):
    known = find_genome("made", {}, resources=toy_genome)
    blind = KnownGenome(known.chromsizes, None, "lengths alone")
    assert count(blind).scorable_bp > count(known).scorable_bp
    assert count(blind).scorable_bp == sum(s for s in known.chromsizes.values() if s >= 96)


def test_hg38_is_estimated_from_what_ships(project):
    began = time.process_time()
    estimate = estimate_run(*project)
    assert time.process_time() - began < 5  # where nothing else is at work
    (part,) = estimate.parts
    sizes = read_chromsizes(ROOT / "resources/chromsizes/hg38.tsv")
    assert part.work.count.scorable_bp == sum(sizes.values())
    long = {chrom: size for chrom, size in sizes.items() if size >= 30_000}
    assert sizes.keys() - long.keys() == {"chrM"}  # two windows of half the context
    assert part.work.count.tiles == sum(-(-size // 25_000) for size in long.values()) + 2
    assert part.work.count.read_bp == 30_000 * (part.work.count.tiles - 1)
    assert part.work.flops == part.cost.flops * (part.work.count.tiles - 1)
    assert estimate.jobs["predict_shard"] == part.shards.shards > 1
    assert estimate.jobs["merge_track"] == 14
    assert "lock_checkpoints" not in estimate.jobs
    assert estimate.disk_bytes["checkpoints"] == 4 * ZOO["segment_nt"].parameters
    assert not Path("resources").exists()
    assert not Path("results").exists()


def test_minutes_of_shards_are_near_the_target(project):
    config, assemblies = project
    for minutes in (3, 40):
        tiling = {**config["tiling"], "target_minutes_per_shard": minutes}
        (row, _) = to_rows(estimate_run({**config, "tiling": tiling}, assemblies))
        assert 0.8 * minutes <= row["minutes_per_shard"] <= minutes


def test_totals_add_up(project):
    config, assemblies = project
    rows = {**assemblies, "mm39": {**assemblies["hg38"], "assembly": "mm39"}}
    estimate = estimate_run(config, rows, devices=["H200", "a100"])
    table = to_rows(estimate)
    for device in ("H200", "A100"):
        *parts, total = [row for row in table if row["device"] == device]
        assert len(parts) == 2
        assert total["assembly"] == "total"
        for key in ("scorable_bp", "tiles", "shards", "flops", "device_hours"):
            assert total[key] == pytest.approx(sum(part[key] for part in parts))
        assert total["device_hours"] * 3600 == pytest.approx(estimate.seconds(device))
        assert total["disk_bytes"] == sum(estimate.disk_bytes.values())
    assert estimate.jobs["predict_shard"] == total["shards"]
    assert estimate.jobs["get_checkpoint"] == 1
    text = "\n".join(to_lines(estimate))
    assert "assumed" in text
    assert "resources/chromsizes/mm39.tsv, without its gaps" in text


def test_signals_are_estimated_as_they_are_stored(project, tmp_path):
    """A shard keeps them as float32, whatever the configuration says."""
    config, assemblies = project
    found = {}
    for highest in (1.0, 100.0):
        described = ZOO["segment_nt"].to_config() | {"format": FORMAT, "revision": "1"}
        for track in described["tracks"]:
            track["value_range"] = [0.0, highest]
        source = tmp_path / f"to_{highest:g}"
        source.mkdir()
        (source / "config.json").write_text(json.dumps(described))
        chapter = {**config["checkpoints"]["segment_nt"], "source": str(source)}
        (part,) = estimate_run({**config, "checkpoints": {"segment_nt": chapter}}, assemblies).parts
        found[highest] = part.shard_bytes
    shares = disk.SHARD_BYTES_PER_VALUE
    assert found[100.0] / found[1.0] == pytest.approx(shares["float32"] / shares["uint8"])


def test_both_strands_cost_twice(project):
    config, assemblies = project
    both = {**config, "segmentation": {**config["segmentation"], "strands": "both"}}
    one, two = (estimate_run(c, assemblies) for c in (config, both))
    assert two.flops == 2 * one.flops
    assert two.seconds("A100") == pytest.approx(2 * one.seconds("A100"))


def test_chapters_that_nobody_estimates_are_listed(project):
    config, assemblies = project
    config = {**config, "embedding": {"checkpoint": "segment_nt"}}
    rows = {"hg38": {**assemblies["hg38"], "embedding_regions": "records"}}
    assert to_dict(estimate_run(config, rows))["not_estimated"] == ["embedding"]


def test_an_assembly_that_is_only_embedded_has_no_parts(project):
    config, assemblies = project
    config = {**config, "embedding": {"checkpoint": "segment_nt"}}
    rows = {"mine": {**assemblies["hg38"], "models": [], "embedding_regions": "records"}}
    estimate = estimate_run(config, rows)
    assert not estimate.parts
    assert list(to_lines(estimate))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "H300"], ["'H300'", "resources/devices.tsv", "Did you mean"]),
        (["--chromsizes", "hg38"], ["ASSEMBLY=FILE", "'hg38'"]),
        (["--chromsizes", "hg39=config/assemblies.tsv"], ["'hg39'", "hg38"]),
        (["--config", "config/other.yaml"], ["config/other.yaml"]),
        (["--directory", "nowhere"], ["'nowhere'"]),
    ],
)
def test_what_is_not_there_is_named(project, capsys, arguments, words):
    assert main(["estimate", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert all(word in line for word in words), line


def test_an_unknown_assembly_says_how_to_give_its_lengths(project, tmp_path, capsys):
    table = tmp_path / "mine.tsv"
    table.write_text("assembly\tfasta\nmine\thttps://example.org/mine.fa.gz\n")
    over = tmp_path / "over.yaml"
    over.write_text(f"assemblies: {table}\n")
    command = ["estimate", "--config", "config/config.yaml", str(over)]
    assert main(command) == 1
    assert "--chromsizes mine=FILE" in capsys.readouterr().err
    (tmp_path / "sizes").write_text("a\t1000000\nb\t50000\n")
    assert main([*command, "--chromsizes", f"mine={tmp_path / 'sizes'}", "--json"]) == 0
    given = json.loads(capsys.readouterr().out)
    assert given["parts"][0]["scorable_bp"] == 1_050_000
    assert given["parts"][0]["shards"] == 64
    assert "unknown" in given["parts"][0]["shards_source"]


def test_the_table_of_a_run_is_tab_separated(project, capsys):
    assert main(["estimate", "--tsv"]) == 0
    header, *rows = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert header[:3] == ["assembly", "model", "device"]
    assert [row[0] for row in rows] == ["hg38", "total"]
    assert {len(row) for row in rows} == {len(header)}


def test_measured_rates_are_of_one_device_and_strand():
    row = Measured("m", "CPU-core", 2, "both", "float32", 100.0, "here")
    assert row.forward_bp_per_s() == 100.0
    spec = read_tile_spec(TOY)
    counted = TileCount(1000, 1, 3072)
    config = {**json.loads((TOY / "config.json").read_text()), "name": "m"}
    cost, _ = find_cost(config, spec)
    device = read_devices()["CPU-core"]
    for strands, rate in (("forward", 100.0), ("both", 50.0)):
        work = make_work(counted, cost, strands=strands, precision="float32")
        measured = find_duration(work, cost, device, throughput=[row])
        assert measured.seconds == pytest.approx(1000 / rate)
        assert "here" in measured.source
        told = find_duration(work, cost, device, throughput=[row], bp_per_second=20)
        assert told.seconds == 50
        told = find_duration(work, cost, device, bp_per_second=20, devices_per_job=4)
        assert told.seconds == 200  # of one device: the rate is that of a job with four
        share = find_duration(work, cost, device, throughput=[row], efficiency=0.5)
        assert share.seconds == pytest.approx(work.flops / (0.5 * device.peak_flops("float32")))
        assert "50%" in share.source


def test_measurements_name_their_file_and_a_listed_device():
    for row in read_throughput():
        assert (ROOT / row.source).is_file()
        assert row.device in read_devices()
        assert f"{row.bp_per_s:,.0f} bp/s" in (ROOT / row.source).read_text()


def test_devices_are_found_in_any_case_or_by_platform():
    devices = read_devices()
    assert find_device("tpu-V5E", "gpu", devices).device == "TPU-v5e"
    assert find_device(None, "gpu", devices).platform == "gpu"
    assert find_device(None, "auto", devices).platform == "cpu"
    with pytest.raises(BasewiseError, match="'A200'"):
        find_device("A200", "gpu", devices)


@pytest.mark.parametrize(
    "name",
    [
        "segment_nt",
        pytest.param("segment_enformer", marks=pytest.mark.slow),
        pytest.param("segment_borzoi", marks=pytest.mark.slow),
    ],
)
def test_the_table_of_costs_is_what_the_programs_say(name):
    config, spec = ZOO[name].to_config(), ZOO[name].tile_spec
    assert look_up_cost(config, spec) == count_cost(config, spec)


def test_another_context_or_architecture_is_not_looked_up():
    config, spec = ZOO["segment_nt"].to_config(), ZOO["segment_nt"].tile_spec
    assert look_up_cost(config, spec) is not None
    assert look_up_cost(config, spec.resized(context_bp=3000)) is None
    trunk = {**config["architecture"]["trunk"], "num_layers": 2}
    changed = {**config, "architecture": {**config["architecture"], "trunk": trunk}}
    assert look_up_cost(changed, spec) is None


def test_a_program_is_traced_apart_and_says_what_is_wrong():
    config = json.loads((TOY / "config.json").read_text())
    cost, source = find_cost(config, read_tile_spec(TOY))
    assert cost.flops > 0
    assert "program" in source
    with pytest.raises(BasewiseError, match=r"cannot be counted; found .*no_such_family"):
        find_cost({**config, "family": "no_such_family"}, TileSpec(96, halo_bp=12))


def test_yeast_took_what_the_shares_say():
    """The shares are rounded from this very run, so this only guards the arithmetic."""
    shards = disk.shard_bytes(12_157_105, 5, dtype="uint8")
    results = disk.result_bytes(12_157_105, 5, dtype="uint8")
    assert shards == pytest.approx(12.85e6, rel=0.05)
    assert results == pytest.approx(29.6e6 + 0.48e6, rel=0.05)


def test_gaps_of_the_shipped_hg38_would_be_used_once_they_are_there(project, tmp_path):
    config, assemblies = project
    folder = tmp_path / "resources/hg38"
    folder.mkdir(parents=True)
    (folder / "chrom.sizes").write_text("chr1\t1000000\n")
    (folder / "gaps.bed").write_text("chr1\t0\t400000\n")
    (part,) = estimate_run(config, assemblies).parts
    assert part.work.count.scorable_bp == 600_000
    assert read_bed(folder / "gaps.bed")["chr1"].tolist() == [[0, 400_000]]
