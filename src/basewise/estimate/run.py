"""The estimate of a whole configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from basewise.errors import BasewiseError
from basewise.estimate import disk
from basewise.estimate.costs import Cost, find_cost
from basewise.estimate.devices import Device, find_device, read_devices, read_throughput
from basewise.estimate.genomes import KnownGenome, find_genome
from basewise.estimate.jobs import count_jobs, list_not_estimated
from basewise.estimate.models import KnownModel, find_model
from basewise.estimate.rates import Duration, Work, find_duration, make_work
from basewise.estimate.shards import ShardCount, choose_shards, devices_of_a_job
from basewise.estimate.tiles import count_tiles
from basewise.intervals import read_bed
from basewise.sources import is_remote
from basewise.track import Track, find_dtype


@dataclass(frozen=True)
class Part:
    """One assembly and model.

    Attributes:
        durations: of one device, by its name.
        device_bytes: by device: what a shard's job holds on each, parameters included.
    """

    assembly: str
    model: str
    genome: KnownGenome
    known: KnownModel
    cost: Cost
    cost_source: str
    work: Work
    shards: ShardCount
    durations: Mapping[str, Duration]
    device_bytes: Mapping[str, int]
    shard_bytes: int
    result_bytes: int


@dataclass(frozen=True)
class Estimate:
    """All parts of a configuration.

    Attributes:
        jobs: by rule.
        not_estimated: chapters that the configuration has and nobody estimates.
        host_mb: what a shard's job asks for at its first attempt.
        devices: those that were asked about.
    """

    parts: Sequence[Part]
    jobs: Mapping[str, int]
    not_estimated: Sequence[str]
    devices: Sequence[Device]
    devices_per_job: Mapping[str, int]
    disk_bytes: Mapping[str, int]
    unknown_downloads: Sequence[str]

    @cached_property
    def flops(self) -> int:
        """Of all parts."""
        return sum(part.work.flops for part in self.parts)

    def seconds(self, device: str) -> float:
        """Return the seconds that one such device works for all parts."""
        return sum(part.durations[device].seconds for part in self.parts)


def estimate_run(
    config: Mapping,
    assemblies: Mapping[str, Mapping],
    *,
    devices: Sequence[str] = (),
    efficiency: float | None = None,
    chromsizes: Mapping[str, Path] | None = None,
    resources: Path = Path("resources"),
) -> Estimate:
    """Return what a configuration will take, without fetching anything.

    Args:
        config, assemblies: complete, as the workflow reads them.
        devices: names in resources/devices.tsv; none for the configuration's, or its platform's.
        efficiency: share of the peak; None for what was measured, or the table says.
        chromsizes: lengths of assemblies of which nothing is known.

    Raises:
        BasewiseError: an unknown device, an assembly or a model of which nothing is known.
    """
    known_devices = read_devices()
    chapter, tiling = config["segmentation"], config["tiling"]
    platform = chapter["platform"]
    asked = [find_device(name, platform, known_devices) for name in devices or (tiling["device"],)]
    for assembly in chromsizes or ():
        if assembly not in assemblies:
            raise BasewiseError(
                f"chrom sizes are given of '{assembly}', which the configuration does not name",
                hint=f"It names {', '.join(assemblies)}.",
            )
    genomes = {
        assembly: find_genome(
            assembly, row, resources=resources, chromsizes=(chromsizes or {}).get(assembly)
        )
        for assembly, row in assemblies.items()
        if row["models"]
    }
    parts = [
        _estimate_part(
            assembly,
            model,
            config,
            row,
            genome=genomes[assembly],
            devices=asked,
            efficiency=efficiency,
            resources=resources,
        )
        for assembly, row in assemblies.items()
        for model in row["models"]
    ]
    shards = {(part.assembly, part.model): part.shards.shards for part in parts}
    models = {part.model: part for part in parts}
    return Estimate(
        parts=parts,
        jobs=count_jobs(config, assemblies, shards),
        not_estimated=list_not_estimated(config, assemblies),
        devices=asked,
        devices_per_job={
            device.device: devices_of_a_job(config, device.platform) for device in asked
        },
        disk_bytes=_count_disk(parts, models, genomes, assemblies),
        unknown_downloads=[
            model for model, part in models.items() if part.known.download_bytes is None
        ],
    )


def _estimate_part(
    assembly: str,
    model: str,
    config: Mapping,
    row: Mapping,
    *,
    genome: KnownGenome,
    devices: Sequence[Device],
    efficiency: float | None,
    resources: Path,
) -> Part:
    tiling, chapter = config["tiling"], config["segmentation"]
    known = find_model(model, config, resources=resources)
    blacklist = resources / assembly / "blacklist.bed"
    is_excluded = tiling["skip_blacklist"] and row["blacklist"] and blacklist.is_file()
    count = count_tiles(
        genome,
        known.tile_spec,
        max_ambiguous_run_bp=tiling["max_ambiguous_run_bp"],
        exclude=read_bed(blacklist) if is_excluded else None,
    )
    cost, cost_source = find_cost(known.config, known.tile_spec)
    precision = chapter["precision"]
    work = make_work(count, cost, strands=chapter["strands"], precision=precision)
    throughput = read_throughput()
    durations = {
        device.device: find_duration(
            work,
            cost,
            device,
            throughput=throughput,
            bp_per_second=None if efficiency else tiling["bp_per_second"],
            devices_per_job=devices_of_a_job(config, device.platform),
            efficiency=efficiency,
        )
        for device in devices
    }
    tracks = [Track.from_dict(track) for track in known.config["tracks"]]
    written = [track for track in tracks if track.name in known.tracks]
    kept = {
        "n_tracks": len(known.tracks),
        "dtype": find_dtype(chapter["dtype"], written),
        "resolution_bp": known.tile_spec.resolution_bp,
    }
    return Part(
        assembly=assembly,
        model=model,
        genome=genome,
        known=known,
        cost=cost,
        cost_source=cost_source,
        work=work,
        shards=choose_shards(assembly, model, config, row),
        durations=durations,
        device_bytes={
            device.device: disk.checkpoint_bytes(cost.parameters)
            + cost.tile_bytes(precision) * _rows_at_once(device, chapter["batch_size"])
            for device in devices
        },
        shard_bytes=disk.shard_bytes(count.scorable_bp, **kept),
        result_bytes=disk.result_bytes(count.scorable_bp, **kept),
    )


def _rows_at_once(device: Device, batch_size: int) -> int:
    """Tiles in one program: the batch, or one after another on CPU."""
    return 1 if device.platform == "cpu" else batch_size


def _count_disk(
    parts: Sequence[Part],
    models: Mapping[str, Part],
    genomes: Mapping[str, KnownGenome],
    assemblies: Mapping[str, Mapping],
) -> dict[str, int]:
    sizes = {assembly: genome.size_bp for assembly, genome in genomes.items()}
    fetched = [size for name, size in sizes.items() if is_remote(assemblies[name]["fasta"])]
    downloads = sum(map(disk.genome_download_bytes, fetched))
    downloads += sum(part.known.download_bytes or 0 for part in models.values())
    return {
        "downloads": downloads,
        "genomes": sum(map(disk.genome_bytes, sizes.values())),
        "checkpoints": sum(disk.checkpoint_bytes(p.cost.parameters) for p in models.values()),
        "shards": sum(part.shard_bytes for part in parts),
        "results": sum(part.result_bytes for part in parts),
    }
