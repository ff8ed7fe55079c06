"""Seam tables: one row per track, and beside it the profile of |Δ| around the seams."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.tracks.seams import ABOVE, FLANK_BINS, SeamStats, judge

COLUMNS = (
    "track",
    "n_seams",
    "mean_abs_delta_seam",
    "mean_abs_delta_interior",
    "excess",
    "standard_error",
    "max_abs_delta_seam",
    "verdict",
)
PROFILE_COLUMNS = ("track", "offset_bp", "n", "mean_abs_delta")


def profile_path(seams_tsv: str | os.PathLike) -> Path:
    """Where the profile of a seams table lies: `<name>.profile.tsv` beside `<name>.tsv`."""
    return Path(seams_tsv).with_suffix(".profile.tsv")


def write_seams(
    track: str,
    stats: SeamStats,
    seams_tsv: str | os.PathLike,
    *,
    resolution_bp: int = 1,
    tolerance: float | None = None,
) -> None:
    """Write one track's row to `seams_tsv` and its profile to `profile_path(seams_tsv)`."""
    row = (
        track,
        stats.n_seams,
        _number(stats.mean_seam),
        _number(stats.mean_interior),
        _number(stats.excess),
        _number(stats.standard_error),
        _number(stats.max_seam if stats.n_seams else float("nan")),
        stats.verdict(tolerance),
    )
    _write(seams_tsv, COLUMNS, [row])
    profile = [
        (track, (index - FLANK_BINS) * resolution_bp, int(n), _number(total / n))
        for index, (n, total) in enumerate(
            zip(stats.profile_n.tolist(), stats.profile_sum.tolist(), strict=True)
        )
        if n
    ]
    _write(profile_path(seams_tsv), PROFILE_COLUMNS, profile)


def check_seams(
    track: str, stats: SeamStats, tolerance: float | None, seams_tsv: str | os.PathLike | None
) -> None:
    """Raise a BasewiseError when a track's excess at seams passes the tolerance."""
    if stats.verdict(tolerance) != ABOVE:
        return
    where = f" (see {seams_tsv})" if seams_tsv else ""
    raise BasewiseError(
        f"Track {track} jumps at the seams between tiles{where}",
        found=f"mean |Δ| {stats.mean_seam:.4g} at {stats.n_seams} seams against "
        f"{stats.mean_interior:.4g} elsewhere: an excess of {stats.excess:.4g} above the "
        f"tolerance of {tolerance:g}",
        hint="Tile with a larger halo, or raise the tolerance if such jumps are harmless to you",
    )


def read_table(path: str | os.PathLike, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a TSV with exactly these columns, as text."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t")
        if tuple(reader.fieldnames or ()) != columns:
            raise BasewiseError(
                f"{path} has other columns than {', '.join(columns)}",
                found=", ".join(reader.fieldnames or ()) or "none",
            )
        return list(reader)


def summarise_seams(
    tables: Iterable[str | os.PathLike],
    output_tsv: str | os.PathLike,
    *,
    tolerance: float | None = None,
) -> list[dict[str, str]]:
    """Join the seam tables of several tracks into one, in the order given; returns its rows.

    With a tolerance (value units) each track is judged by it, whatever its own table says.
    """
    rows = [row for table in tables for row in read_table(table, COLUMNS)]
    if tolerance is not None:
        rows = [row | {"verdict": _verdict(row, tolerance)} for row in rows]
    _write(output_tsv, COLUMNS, [tuple(row[column] for column in COLUMNS) for row in rows])
    return rows


def check_summary(seams_tsv: str | os.PathLike, output: str | os.PathLike) -> None:
    """Write the verdict on each track of a joined table; BasewiseError when one is above."""
    rows = read_table(seams_tsv, COLUMNS)
    above = [row for row in rows if row["verdict"] == ABOVE]
    if above:
        raise BasewiseError(
            f"{len(above)} of {len(rows)} tracks jump at the seams between tiles (see {seams_tsv})",
            found=", ".join(f"an excess of {row['excess']} in {row['track']}" for row in above),
            hint="Widen tiling/halo_bp, or raise segmentation/seam_tolerance if such jumps are "
            "harmless to you.",
        )
    _write(output, ("track", "verdict"), [(row["track"], row["verdict"]) for row in rows])


def _verdict(row: dict[str, str], tolerance: float) -> str:
    excess, standard_error = float(row["excess"]), float(row["standard_error"])
    return judge(int(row["n_seams"]), excess, standard_error, tolerance)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _write(path: str | os.PathLike, columns: tuple[str, ...], rows: list[tuple]) -> None:
    with atomic_path(path) as temporary:
        lines = ["\t".join(map(str, row)) for row in (columns, *rows)]
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
