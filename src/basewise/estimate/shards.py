"""How many shards an assembly and model are cut into: as told, as fixed before, or by time.

The number is in the name of every shard, so another number recomputes them all. It is therefore
written down when tiles are first planned, and read from then on. What it is made of before that
changes in no job: the configuration, the row, and the tables that ship.
"""

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.estimate.costs import find_cost, look_up_cost
from basewise.estimate.devices import find_device, read_devices, read_throughput
from basewise.estimate.genomes import find_stable_genome
from basewise.estimate.models import find_model
from basewise.estimate.rates import find_duration, make_work
from basewise.estimate.tiles import count_tiles

UNKNOWN_SHARDS = 64  # where neither lengths nor model are known before they are fetched
MAX_SHARDS = 100_000
CPU_THREADS = 4  # of a shard's job, as the rule asks for
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShardCount:
    """A number of shards and why it is that."""

    shards: int
    reason: str


def choose_shards(assembly: str, model: str, config: Mapping, row: Mapping) -> ShardCount:
    """Return how many shards an assembly and model have; the same whatever has run so far.

    Args:
        config: the whole configuration.
        row: of the assemblies table.
    """
    tiling = config["tiling"]
    if tiling["shards"] is not None:
        return ShardCount(tiling["shards"], "tiling/shards")
    fixed = read_fixed(place_of(assembly, model))
    if fixed is not None:
        return ShardCount(fixed, f"fixed in {place_of(assembly, model)}")
    return reckon_shards(assembly, model, config, row)


def reckon_shards(assembly: str, model: str, config: Mapping, row: Mapping) -> ShardCount:
    """Return how many shards of tiling/target_minutes_per_shard there would be."""
    tiling, chapter = config["tiling"], config["segmentation"]
    try:
        known = find_model(model, config, resources=None)
        genome = find_stable_genome(assembly, row)
    except BasewiseError as error:
        return ShardCount(UNKNOWN_SHARDS, f"unknown: {error}")
    count = count_tiles(
        genome, known.tile_spec, max_ambiguous_run_bp=tiling["max_ambiguous_run_bp"]
    )
    device = find_device(tiling["device"], chapter["platform"], read_devices())
    minutes = tiling["target_minutes_per_shard"]
    if tiling["bp_per_second"] is not None:
        seconds, source = count.scorable_bp / tiling["bp_per_second"], "tiling/bp_per_second"
    else:
        cost, _ = find_cost(known.config, known.tile_spec)
        precision, strands = chapter["precision"], chapter["strands"]
        work = make_work(count, cost, strands=strands, precision=precision)
        duration = find_duration(work, cost, device, throughput=read_throughput())
        seconds = duration.seconds / devices_of_a_job(config, device.platform)
        source = f"{device.device}: {duration.source}"
    shards = max(1, min(math.ceil(seconds / 60 / minutes), count.tiles, MAX_SHARDS))
    return ShardCount(shards, f"{minutes:g} minutes each ({source})")


def devices_of_a_job(config: Mapping, platform: str) -> int:
    """Return how many devices of a table's row one shard's job computes with."""
    return CPU_THREADS if platform == "cpu" else config["segmentation"]["devices_per_job"]


def place_of(assembly: str, model: str) -> Path:
    """Return where the number of shards is kept."""
    return Path("results", assembly, model, "shards.json")


def read_fixed(path: str | os.PathLike) -> int | None:
    """Return the number that was fixed; None if none was.

    Raises:
        BasewiseError: the file holds none.
    """
    try:
        fixed = json.loads(Path(path).read_text())["shards"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        fixed = None
    if type(fixed) is not int or not 1 <= fixed <= MAX_SHARDS:
        raise BasewiseError(
            f"{path} does not tell the number of shards",
            hint='Write {"shards": N} into it, N being the number in the names of the shards.',
        )
    return fixed


def fix_shards(path: str | os.PathLike, shards: int) -> None:
    """Write down the number, unless one was before; 0 is none, and is not."""
    if shards and read_fixed(path) is None:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps({"shards": shards}) + "\n")
        log.info("%s shards from now on: delete %s to choose anew", shards, path)


def check_shards(assemblies: Mapping[str, Mapping], config: Mapping) -> None:
    """Raise BasewiseError for a device that is not known, or a fixed number that is none."""
    find_device(config["tiling"]["device"], config["segmentation"]["platform"], read_devices())
    for assembly, row in assemblies.items():
        for model in row["models"]:
            read_fixed(place_of(assembly, model))


def explain_shards(assemblies: Mapping[str, Mapping], config: Mapping) -> list[str]:
    """Return a line for each assembly and model whose fixed number would now be another.

    Where telling takes tracing the model, nobody looks.
    """
    lines = []
    for assembly, row in assemblies.items():
        for model in row["models"] if config["tiling"]["shards"] is None else ():
            place = place_of(assembly, model)
            fixed = read_fixed(place)
            if fixed is None or not _is_quick(model, config):
                continue
            now = reckon_shards(assembly, model, config, row)
            if now.shards != fixed:
                lines.append(
                    f"{assembly}, {model}: {fixed} shards, as fixed in {place}, though the "
                    f"configuration now makes it {now.shards}, {now.reason}. To choose anew, "
                    "delete that file; every shard is then recomputed"
                )
    return lines


def _is_quick(model: str, config: Mapping) -> bool:
    if config["tiling"]["bp_per_second"] is not None:
        return True
    if config["checkpoints"][model]["targets"] is not None:
        return False
    try:
        known = find_model(model, config, resources=None)
    except BasewiseError:
        return True
    return look_up_cost(known.config, known.tile_spec) is not None
