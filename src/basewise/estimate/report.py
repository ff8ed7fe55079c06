"""An estimate as rows, as JSON, and as the lines people read."""

import logging
import os
from collections.abc import Iterator

import pandas as pd

from basewise.atomic import atomic_path
from basewise.estimate.run import Estimate, Part

GIB = 2**30
log = logging.getLogger(__name__)


def to_rows(estimate: Estimate) -> list[dict]:
    """Return one row per assembly, model and device, and one of totals per device.

    Bytes of downloads, genomes and checkpoints are no part's own: only totals have them.
    """
    rows = []
    for device in estimate.devices:
        name = device.device
        per_job = estimate.devices_per_job[name]
        for part in estimate.parts:
            duration = part.durations[name]
            rows.append(
                {
                    "assembly": part.assembly,
                    "model": part.model,
                    "device": name,
                    "scorable_bp": part.work.count.scorable_bp,
                    "tiles": part.work.count.tiles,
                    "shards": part.shards.shards,
                    "flops": part.work.flops,
                    "device_hours": duration.seconds / 3600,
                    "minutes_per_shard": duration.seconds / 60 / per_job / part.shards.shards,
                    "bp_per_s": part.work.count.scorable_bp / duration.seconds,
                    "device_bytes": part.device_bytes[name],
                    "shard_bytes": part.shard_bytes,
                    "result_bytes": part.result_bytes,
                    "disk_bytes": part.shard_bytes + part.result_bytes,
                    "time_source": duration.source,
                    "size_source": explain_size(part),
                    "shards_source": part.shards.reason,
                }
            )
        own = [row for row in rows if row["device"] == name]
        total = {"assembly": "total", "model": "", "device": name}
        added = ("scorable_bp", "tiles", "shards", "flops", "device_hours")
        total |= {key: sum(row[key] for row in own) for key in added}
        total["device_bytes"] = max((row["device_bytes"] for row in own), default=0)
        total |= {key: sum(row[key] for row in own) for key in ("shard_bytes", "result_bytes")}
        total["disk_bytes"] = sum(estimate.disk_bytes.values())
        rows.append(total)
    return rows


def explain_size(part: Part) -> str:
    """Return where the lengths of an assembly are from, and whether its gaps are known."""
    gaps = "without its gaps" if part.genome.gaps is None else "with its gaps"
    return f"{part.genome.source}, {gaps}"


def to_table(estimate: Estimate) -> pd.DataFrame:
    """Return the rows as a table; numbers of totals that nobody adds are missing."""
    return pd.DataFrame(to_rows(estimate))


def write_estimate(estimate: Estimate, path: str | os.PathLike) -> None:
    """Write the table, tab-separated, and log the lines that people read."""
    with atomic_path(path) as temporary:
        to_table(estimate).to_csv(temporary, sep="\t", index=False)
    log.info("\n%s", "\n".join(to_lines(estimate)))


def to_dict(estimate: Estimate) -> dict:
    """Return all of it as plain values."""
    return {
        "parts": to_rows(estimate),
        "jobs": dict(estimate.jobs),
        "disk_bytes": dict(estimate.disk_bytes),
        "unknown_downloads": list(estimate.unknown_downloads),
        "not_estimated": list(estimate.not_estimated),
    }


def to_lines(estimate: Estimate) -> Iterator[str]:
    """Yield what people read: a table, then disk, jobs, and what the numbers rest on."""
    shown = [
        {
            "assembly": row["assembly"],
            "model": row["model"],
            "device": row["device"],
            "Mbp": f"{row['scorable_bp'] / 1e6:,.1f}",
            "tiles": f"{row['tiles']:,}",
            "shards": f"{row['shards']:,}",
            "PFLOP": _round(row["flops"] / 1e15),
            "device hours": _round(row["device_hours"]),
            "min/shard": _round(row["minutes_per_shard"]) if "minutes_per_shard" in row else "",
            "GiB on device": f"{row['device_bytes'] / GIB:,.1f}",
            "shards, GB": f"{row['shard_bytes'] / 1e9:,.2f}",
            "results, GB": f"{row['result_bytes'] / 1e9:,.2f}",
        }
        for row in to_rows(estimate)
    ]
    yield from pd.DataFrame(shown).to_string(index=False).splitlines()
    yield ""
    sizes = (f"{name} {size / 1e9:,.2f} GB" for name, size in estimate.disk_bytes.items())
    total = sum(estimate.disk_bytes.values())
    yield f"disk: {', '.join(sizes)}; together {total / 1e9:,.2f} GB"
    if estimate.unknown_downloads:
        yield f"not in it: the downloads of {', '.join(estimate.unknown_downloads)}"
    jobs = (f"{rule} {n:,}" for rule, n in estimate.jobs.items())
    yield f"jobs, from nothing: {', '.join(jobs)}; together {sum(estimate.jobs.values()):,}"
    for chapter in estimate.not_estimated:
        yield f"not estimated: what the chapter {chapter} asks for"
    yield ""
    for device in estimate.devices:
        name = device.device
        yield f"{name}: {estimate.devices_per_job[name]} to a job; hours are of one"
        for part in estimate.parts:
            yield f"  {part.model} on {part.assembly}: {part.durations[name].source}"
            held = part.device_bytes[name] / GIB
            if device.memory_gib is not None and held > device.memory_gib:
                yield (
                    f"  {part.model} may not fit: {held:.1f} GiB of {device.memory_gib:g}; "
                    "lower segmentation/batch_size"
                )
    for part in estimate.parts:
        yield f"{part.assembly}: {explain_size(part)}; {part.shards.reason}"
    yield "memory: float32 parameters and, for each tile of a batch, what its program holds at once"


def _round(number: float) -> str:
    """Three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
