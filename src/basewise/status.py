"""How far a run has come, from the files and logs that its jobs write; Snakemake is not asked."""

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from basewise.checkpoints.config import PARAMS_NAME
from basewise.errors import BasewiseError
from basewise.tracks.shard_format import read_footer

DONE, RUNNING, FAILED, LOST, WAITING = "done", "running", "failed", "lost", "waiting"
STATES = (DONE, RUNNING, FAILED, LOST, WAITING)
SILENT_S = 600.0  # a job that works writes a line every 10 s, once its model is compiled
TAIL_BYTES = 4096

ITEM = re.compile(r"(\d+)-of-(\d+)")
PROGRESS = re.compile(r"([\d,]+) of ([\d,]+) bp done, ([\d,]+) bp/s")
# the last line of a script that failed; libraries have errors of their own, and go on
ENDED_BADLY = re.compile(r"^\S+ \S+ (?:ERROR|CRITICAL) (basewise: .*)$", re.MULTILINE)


@dataclass(frozen=True)
class Shard:
    """One job's part of a genome.

    Attributes:
        item: Its name, `3-of-64`.
        state: One of `STATES`. Lost are jobs whose log ends without an error and is silent.
        bp, done_bp: Its bases, and those predicted; 0 while unknown.
        bp_per_s: What its log said last.
        error: The last line of a failed one.
    """

    item: str
    state: str
    bp: int = 0
    done_bp: int = 0
    bp_per_s: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Status:
    """The shards of one assembly and model.

    Attributes:
        total_bp: Scorable bases.
        merged: Tracks that are merged.
    """

    assembly: str
    model: str
    shards: tuple[Shard, ...]
    total_bp: int
    merged: int

    @property
    def counts(self) -> Counter:
        return Counter(shard.state for shard in self.shards)

    @property
    def done_bp(self) -> int:
        return sum(shard.done_bp for shard in self.shards if shard.state in (DONE, RUNNING))

    @property
    def bp_per_s(self) -> float:
        """Of all jobs that run, together."""
        return sum(shard.bp_per_s for shard in self.shards if shard.state == RUNNING)

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the present speed; None when nothing runs that has said its speed."""
        left = max(self.total_bp - self.done_bp, 0)
        if not left:
            return 0.0
        return left / self.bp_per_s if self.bp_per_s else None


def read_status(
    folder: str | os.PathLike, *, silent_s: float = SILENT_S, now: float | None = None
) -> list[Status]:
    """Read how far each assembly and model of a run has come.

    Args:
        folder: The working directory of the workflow, with `results/` and `logs/`.
        silent_s: After so many seconds without a line a job counts as lost.
        now: Seconds since the epoch.

    Raises:
        BasewiseError: There is no run in the folder.
    """
    folder = Path(folder)
    now = time.time() if now is None else now
    plans = sorted(folder.glob("results/*/*/regions.bed"))
    if not plans:
        raise BasewiseError(
            f"No run in {folder}",
            found="no results/{assembly}/{model}/regions.bed",
            hint="Name the directory where snakemake runs; tiles are planned first",
        )
    return [_read_model(folder, plan.parent, silent_s, now) for plan in plans]


def format_status(statuses: Iterable[Status], *, errors: int = 3) -> Iterator[str]:
    """Lines for a terminal: one per assembly and model, then its failed shards."""
    for each in statuses:
        counts = each.counts
        states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        share = each.done_bp / each.total_bp if each.total_bp else 1.0
        yield f"{each.assembly} {each.model}: {share:.1%} of {each.total_bp:,} bp"
        line = f"  shards: {states or 'none begun'}"
        if each.shards:
            line += f" of {len(each.shards)}"
        yield line
        if counts[RUNNING]:
            left = f"ETA {format_seconds(each.eta_s)}" if each.eta_s is not None else "no ETA yet"
            yield f"  {each.bp_per_s:,.0f} bp/s, {left}"
        if each.merged:
            yield f"  tracks merged: {each.merged}"
        bad = [shard for shard in each.shards if shard.state in (FAILED, LOST)]
        for shard in bad[:errors]:
            why = shard.error or "its log ends in silence; killed, or its node is gone"
            yield f"  {shard.state} {shard.item}: {why}"
        if len(bad) > errors:
            yield f"  … and {len(bad) - errors} more"


def format_seconds(seconds: float) -> str:
    """`2 h 05 min`, `3 min`, `12 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _read_model(folder: Path, results: Path, silent_s: float, now: float) -> Status:
    assembly, model = results.parts[-2:]
    logs = folder / "logs/predict_shard" / assembly / model
    inputs = (results / "tiles.bed", folder / "resources/checkpoints" / model / PARAMS_NAME)
    planned = max((path.stat().st_mtime for path in inputs if path.is_file()), default=0.0)
    files = _not_before(planned, results.glob("shards/*.shard"))
    logged = _not_before(planned, logs.glob("*.log"))
    shards = [
        _read_done(item, files[item]) if item in files else _read_log(item, logged, silent_s, now)
        for item in _items([*files, *logged], {**logged, **files})
    ]
    with (results / "regions.bed").open() as stream:
        rows = [line.split("\t") for line in stream if line.strip()]
    total_bp = sum(int(row[2]) - int(row[1]) for row in rows)
    merged = len(list(results.glob("tracks/*.bw")))
    return Status(assembly, model, tuple(shards), total_bp, merged)


def _not_before(planned: float, paths: Iterable[Path]) -> dict[str, Path]:
    """Files by their shard, without those that are older than the tiles or the parameters."""
    return {path.stem: path for path in paths if path.stat().st_mtime >= planned}


def _items(names: Iterable[str], paths: dict[str, Path]) -> list[str]:
    """All shards of the run: as many as the newest file's name tells."""
    known = [name for name in names if ITEM.fullmatch(name)]
    if not known:
        return []
    newest = max(known, key=lambda name: paths[name].stat().st_mtime)
    total = int(ITEM.fullmatch(newest)[2])
    return [f"{index}-of-{total}" for index in range(1, total + 1)]


def _read_done(item: str, path: Path) -> Shard:
    try:
        bp = read_footer(path)["bp"]
    except BasewiseError as error:
        return Shard(item, FAILED, error=str(error))
    return Shard(item, DONE, bp=bp, done_bp=bp)


def _read_log(item: str, logged: dict[str, Path], silent_s: float, now: float) -> Shard:
    path = logged.get(item)
    if path is None:
        return Shard(item, WAITING)
    with path.open("rb") as stream:
        size = path.stat().st_size
        stream.seek(max(0, size - TAIL_BYTES))
        tail = stream.read().decode(errors="replace")
    done_bp, bp, rate, end = 0, 0, 0.0, 0
    for match in PROGRESS.finditer(tail):
        done_bp, bp, rate = (int(number.replace(",", "")) for number in match.groups())
        end = match.end()
    failed = ENDED_BADLY.findall(tail, end)
    if failed:
        return Shard(item, FAILED, bp, done_bp, error=failed[-1])
    is_silent = now - path.stat().st_mtime > silent_s
    return Shard(item, LOST if is_silent else RUNNING, bp, done_bp, float(rate))
