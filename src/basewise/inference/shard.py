"""One job of a run: the tiles of one shard, through the model, into one file."""

import logging
import os
import time
from collections.abc import Sequence

import jax

from basewise.checkpoints.config import choose_tracks, hash_checkpoint
from basewise.checkpoints.store import load_checkpoint
from basewise.genome import Genome
from basewise.inference.apply import Applier
from basewise.inference.devices import select_devices, use_compilation_cache
from basewise.inference.pipeline import predict_tiles
from basewise.inference.precision import set_precision
from basewise.inference.progress import Progress
from basewise.models.track_model import TrackModel
from basewise.tiling import pick_tiles, read_tiles
from basewise.track import find_dtype
from basewise.tracks.shard import ShardWriter

log = logging.getLogger(__name__)


def predict_shard(
    *,
    tiles: str | os.PathLike,
    genome: str | os.PathLike,
    checkpoint: str | os.PathLike,
    output: str | os.PathLike,
    part: str | None = None,
    tracks: Sequence[str] | None = None,
    strands: str = "forward",
    dtype: str = "uint8",
    precision: str = "float32",
    platform: str = "auto",
    batch_size: int = 8,
    threads: int | None = None,
    promised_devices: int | None = None,
    compilation_cache: str | os.PathLike | None = None,
) -> None:
    """Write the quantised cores of a tile file's tiles as one shard.

    Args:
        tiles: BED8 of ``basewise.tiling.plan_shards``.
        part: which share of them, for example "3-of-64"; None for all.
        tracks: names to keep, in order; None keeps all that were trained.
        dtype: how values are stored: "uint8", "float16" or "float32".
        precision: compute dtype of matrix products: "float32" or "bfloat16".
        batch_size: tiles per device and call; it changes speed and memory only.
        threads: how many threads a CPU computes with; None for all.
        promised_devices: cards or chips that this job asked for; see ``select_devices``.

    Raises:
        BasewiseError: the devices asked for are not there, or an input is not what it must be.
    """
    devices = select_devices(platform, threads=threads, promised=promised_devices)
    use_compilation_cache(compilation_cache, devices)
    applier, _ = load_applier(
        checkpoint,
        devices,
        tracks=tracks,
        strands=strands,
        dtype=dtype,
        precision=precision,
        batch_size=batch_size,
    )
    planned = read_tiles(tiles)
    if part is not None:
        planned = pick_tiles(planned, part)
    log.info(
        "%d tiles with %s on %s",
        len(planned),
        checkpoint,
        ", ".join(d.device_kind for d in devices),
    )
    progress = Progress(sum(tile.core_end - tile.core_start for tile in planned))
    kept = [applier.model.tracks[channel] for channel in applier.channels]
    run: dict = {}
    with ShardWriter(
        output,
        tracks=kept,
        dtype=applier.dtype,
        resolution_bp=applier.model.tile_spec.resolution_bp,
        metadata={
            "checkpoint_sha256": hash_checkpoint(checkpoint),
            "strands": strands,
            "precision": precision,
        },
        run=run,
    ) as writer:
        began = time.monotonic()
        for tile, values in predict_tiles(applier, Genome(genome), planned):
            writer.add((tile.chrom, tile.core_start, tile.core_end), values)
            progress.advance(tile.core_end - tile.core_start)
        run |= {
            "devices": [device.device_kind for device in devices],
            "jax": jax.__version__,
            "bp": progress.done,
            "seconds": round(time.monotonic() - began, 3),
        }
    progress.report()


def load_applier(
    checkpoint: str | os.PathLike,
    devices: Sequence[jax.Device],
    *,
    tracks: Sequence[str] | None,
    strands: str,
    dtype: str,
    precision: str,
    batch_size: int,
) -> tuple[Applier, dict]:
    """Return a checkpoint's model on devices, ready to run, and its config."""
    model, params, config = load_checkpoint(checkpoint, set_precision(precision))
    channels = pick_channels(model, choose_tracks(config, tracks))
    kept = find_dtype(dtype, [model.tracks[channel] for channel in channels])
    if kept != dtype:
        log.info("values go beyond what %s holds: they are stored as %s", dtype, kept)
    applier = Applier(
        model,
        params,
        devices,
        channels=channels,
        strands=strands,
        dtype=kept,
        rows_per_device=batch_size,
    )
    return applier, config


def pick_channels(model: TrackModel, tracks: Sequence[str]) -> tuple[int, ...]:
    """Return the channels of named tracks."""
    names = [track.name for track in model.tracks]
    return tuple(names.index(track) for track in tracks)
