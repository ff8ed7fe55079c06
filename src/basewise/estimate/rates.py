"""How long devices take: as measured, or by FLOPs at a stated share of a stated peak."""

from collections.abc import Sequence
from dataclasses import dataclass

from basewise.estimate.costs import Cost
from basewise.estimate.devices import Device, Measured
from basewise.estimate.tiles import TileCount


@dataclass(frozen=True)
class Work:
    """What is to be computed for one assembly and model.

    Attributes:
        flops: of all tiles and strands; a shorter window counts in proportion to its length.
    """

    count: TileCount
    flops: int
    strands: str
    precision: str


@dataclass(frozen=True)
class Duration:
    """Seconds of one device for all the work, and where that is from."""

    seconds: float
    source: str


def make_work(count: TileCount, cost: Cost, *, strands: str, precision: str) -> Work:
    """Return the work of tiles that cost so much each."""
    passes = 2 if strands == "both" else 1
    flops = passes * cost.flops * count.read_bp // cost.context_bp
    return Work(count, flops, strands, precision)


def find_duration(
    work: Work,
    cost: Cost,
    device: Device,
    *,
    throughput: Sequence[Measured] = (),
    bp_per_second: float | None = None,
    devices_per_job: int = 1,
    efficiency: float | None = None,
) -> Duration:
    """Return how long one device works.

    Args:
        throughput: what was measured; looked at unless ``efficiency`` is given.
        bp_per_second: scored bp per second of one job, as the configuration tells.
        devices_per_job: how many such devices that job computes with.
        efficiency: share of the peak; None for what the table of devices says.
    """
    if bp_per_second is not None:
        seconds = work.count.scorable_bp / bp_per_second * devices_per_job
        return Duration(seconds, "tiling/bp_per_second")
    for row in throughput if efficiency is None else ():
        key = (row.model, row.device, row.precision)
        if key == (cost.model, device.device, work.precision):
            rate = row.forward_bp_per_s() / (2 if work.strands == "both" else 1)
            return Duration(work.count.scorable_bp / rate, f"measured, {row.source}")
    share = device.efficiency if efficiency is None else efficiency
    source = device.efficiency_source if efficiency is None else "as told"
    peak = device.peak_flops(work.precision)
    words = f"{share:.0%} of {peak / 1e12:g} TFLOP/s {work.precision}, {source}"
    return Duration(work.flops / (share * peak), words)
