"""What made a directory of results: inputs, versions, devices, throughput."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from basewise import __version__
from basewise.atomic import atomic_path
from basewise.checkpoints import hash_checkpoint, read_config
from basewise.tracks.shard import ShardReader

CHECKPOINT_FIELDS = ("name", "family", "revision", "source", "licence", "species")


def write_provenance(
    output: str | os.PathLike,
    *,
    config: Mapping,
    genome_record: str | os.PathLike,
    checkpoint: str | os.PathLike,
    shards: Sequence[str | os.PathLike],
) -> None:
    """Write ``provenance.json`` of one assembly and model.

    Of its inference, ``device_seconds`` are those of all devices; ``bp_per_s`` is the rate of a
    job, which may have several.

    Args:
        config: the part of the configuration that shaped the results.
        genome_record: the JSON that ``get_genome`` wrote.
        shards: all shards of the run; their precision, devices and throughput are collected.
    """
    described = read_config(checkpoint)
    readers = [ShardReader(shard) for shard in shards]
    ran = [reader.run for reader in readers if reader.run.get("bp")]
    seconds = sum(run["seconds"] for run in ran)
    scored_bp = sum(run["bp"] for run in ran)
    record = {
        "basewise": __version__,
        "python": platform.python_version(),
        "jax": sorted({run["jax"] for run in ran}),
        "numpy": version("numpy"),
        "config": dict(config),
        "assembly": json.loads(Path(genome_record).read_text()),
        "checkpoint": {field: described[field] for field in CHECKPOINT_FIELDS}
        | {"sha256": hash_checkpoint(checkpoint)},
        "inference": {
            **readers[0].metadata,
            "dtype": readers[0].dtype.name,
            "devices": sorted({device for run in ran for device in run["devices"]}),
            "shards": len(readers),
            "bp": scored_bp,
            "device_seconds": round(sum(run["seconds"] * len(run["devices"]) for run in ran), 1),
            "bp_per_s": round(scored_bp / seconds) if seconds else None,
        },
    }
    with atomic_path(output) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n")
