"""Tracks of binding held against the peaks of the same factors, bin by bin along the genome.

As the ENCODE-DREAM challenge did (doi:10.7303/syn6131484): bins of 200 bp every 50 bp, positive
where peaks cover at least half of a bin, or where at least half of a peak lies in it, as peaks may
be shorter. Bins that peaks touch otherwise say nothing and are left out, as are bins with unscored
or blacklisted bases.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from basewise.atomic import atomic_path
from basewise.calling.pool import map_in_processes
from basewise.calling.windows import WINDOW_BP, iter_chroms, load_blacklist
from basewise.errors import BasewiseError
from basewise.intervals import IntervalMap
from basewise.peaks.splits import SplitRules
from basewise.peaks.store import PeakStore
from basewise.training.binding.metrics import average_precision, precision_recall, roc_area

logger = logging.getLogger(__name__)

BIN_BP, STEP_BP = 200, 50
ROLES = ("train", "valid", "test", "unused")  # of a chrom or a target
COLUMNS = ("track", "target", "biotype", "target_split", "split", "n", "n_positive", "prevalence")
COLUMNS += ("auprc", "auroc")


def evaluate_tracks(
    bigwigs: Mapping[str, str | os.PathLike],
    pairs: Sequence[Mapping[str, str]],
    store: str | os.PathLike,
    chromsizes: Mapping[str, int],
    *,
    output: str | os.PathLike,
    curves: str | os.PathLike,
    rules: SplitRules | None = None,
    blacklist: IntervalMap | str | os.PathLike | None = None,
    bin_bp: int = BIN_BP,
    step_bp: int = STEP_BP,
    processes: int = 1,
) -> pd.DataFrame:
    """Write, and return, a row per track and split of chroms, and precision over recall of each.

    Args:
        bigwigs: track -> path.
        pairs: track, target and biotype of each.
        store: of peaks. A pair that it has no peak of is left out, with a warning.
        rules: which chroms and targets were held out; without them all chroms are one split, all.
        bin_bp, step_bp: width of a bin, a multiple of the distance between two.

    Returns:
        Columns track, target, biotype, target_split (what the target was to training), split (of
        chroms), n bins, n_positive, prevalence (the AUPRC of guessing), auprc, auroc. The score
        of a bin is the track's mean over it.

    Raises:
        BasewiseError: a track without a pair, or a bin that is no multiple of the step.
    """
    if step_bp < 1 or bin_bp % step_bp:
        raise BasewiseError(
            "bins must be as wide as a multiple of the step between them",
            found=f"{bin_bp} and {step_bp} bp",
        )
    by_track = {pair["track"]: pair for pair in pairs}
    for track in bigwigs:
        if track not in by_track:
            raise BasewiseError(f"track {track} has no target and biotype to be held against")
    peaks = PeakStore(store)
    known = set(
        peaks.scopes()[["target", "biotype"]].astype(str).itertuples(index=False, name=None)
    )
    jobs, lacking = [], []
    for track, path in bigwigs.items():
        target, biotype = by_track[track]["target"], by_track[track]["biotype"]
        if (target, biotype) in known:
            jobs.append((track, path, peaks.intervals(target=target, biotype=biotype)))
        else:
            lacking.append(track)
    if lacking:
        logger.warning("%d tracks have no peaks to be held against: %s", len(lacking), lacking[:5])
    score = partial(
        _score_track,
        chromsizes=dict(chromsizes),
        splits=_split_chroms(chromsizes, rules),
        left_out=load_blacklist(blacklist, chromsizes),
        size=(bin_bp, step_bp),
    )
    rows, drawn = [], []
    for (track, _, _), (own, curve) in zip(
        jobs, map_in_processes(score, jobs, processes), strict=True
    ):
        told = {key: by_track[track][key] for key in ("track", "target", "biotype")}
        role = ROLES[rules.target_roles([told["target"]])[0]] if rules else ""
        rows += [told | {"target_split": role} | row for row in own]
        drawn += [frame.assign(track=track) for frame in curve]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    with atomic_path(output) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    lines = ["track", "split", "recall", "precision", "threshold"]
    drawn_table = pd.concat(drawn)[lines] if drawn else pd.DataFrame(columns=lines)
    with atomic_path(curves) as temporary:
        drawn_table.to_csv(temporary, sep="\t", index=False, float_format="%.6g")
    return table


def label_bins(
    peaks: np.ndarray, size: int, *, bin_bp: int = BIN_BP, step_bp: int = STEP_BP
) -> np.ndarray:
    """Return int8 (n,) of the bins of one chrom: 1 positive, 0 negative, -1 touched by a peak.

    Args:
        peaks: int64 (p, 2), sorted, disjoint, 0-based half-open.
        size: bp of the chrom; bins are those that fit in it.
    """
    n_bins = max((size - bin_bp) // step_bp + 1, 0)
    starts = step_bp * np.arange(n_bins, dtype=np.int64)
    lengths = peaks[:, 1] - peaks[:, 0]
    before = np.concatenate([[0], np.cumsum(lengths)])

    def covered_until(places: np.ndarray) -> np.ndarray:
        index = np.searchsorted(peaks[:, 0], places, side="right")
        last = np.maximum(index - 1, 0)
        inside = np.minimum(places, peaks[last, 1]) - peaks[last, 0]
        return np.where(index > 0, before[last] + np.maximum(inside, 0), 0)

    if not len(peaks) or not n_bins:
        return np.zeros(n_bins, np.int8)
    covered = covered_until(starts + bin_bp) - covered_until(starts)
    labels = np.where(covered > 0, -1, 0).astype(np.int8)
    labels[2 * covered >= bin_bp] = 1
    half = -(-lengths // 2)  # of a short peak, in the bin that holds it
    is_short = lengths < bin_bp
    first = -(-(peaks[is_short, 0] + half[is_short] - bin_bp) // step_bp)
    last = (peaks[is_short, 1] - half[is_short]) // step_bp
    steps = np.zeros(n_bins + 1, np.int64)
    np.add.at(steps, np.clip(first, 0, n_bins), 1)
    np.add.at(steps, np.clip(last + 1, 0, n_bins), -1)
    labels[np.cumsum(steps[:-1]) > 0] = 1
    return labels


def mean_bins(values: np.ndarray, *, bin_bp: int = BIN_BP, step_bp: int = STEP_BP) -> np.ndarray:
    """Return float64 (n,), the means of bins, of sums float64 and counts (2, steps) of each step.

    NaN where a base of the bin has no value.
    """
    n = bin_bp // step_bp
    if values.shape[1] < n:
        return np.empty(0)
    totals = np.lib.stride_tricks.sliding_window_view(values, n, axis=1).sum(axis=2)
    return np.where(totals[1] == bin_bp, totals[0] / bin_bp, np.nan)


def _score_track(
    job: tuple[str, str | os.PathLike, IntervalMap],
    *,
    chromsizes: dict[str, int],
    splits: dict[str, str],
    left_out: IntervalMap,
    size: tuple[int, int],
) -> tuple[list[dict], list[pd.DataFrame]]:
    _, path, bound = job
    bin_bp, step_bp = size
    nothing = np.empty((0, 2), np.int64)
    by_split: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    window_bp = WINDOW_BP // step_bp * step_bp
    for chrom, windows in iter_chroms(path, chromsizes, left_out=left_out, window_bp=window_bp):
        steps = [_sum_steps(values, step_bp) for _, values in windows]
        scores = mean_bins(np.concatenate(steps, axis=1), bin_bp=bin_bp, step_bp=step_bp)
        labels = label_bins(
            np.asarray(bound.get(chrom, nothing), np.int64),
            chromsizes[chrom],
            bin_bp=bin_bp,
            step_bp=step_bp,
        )
        kept = (labels >= 0) & ~np.isnan(scores)
        by_split.setdefault(splits[chrom], []).append((scores[kept], labels[kept]))
    rows, curves = [], []
    for split in sorted(by_split, key=lambda name: [*ROLES, name].index(name)):
        scores, labels = (np.concatenate(parts) for parts in zip(*by_split[split], strict=True))
        rows.append(
            {
                "split": split,
                "n": len(labels),
                "n_positive": int(labels.sum()),
                "prevalence": float(labels.mean()) if len(labels) else np.nan,
                "auprc": average_precision(scores, labels),
                "auroc": roc_area(scores, labels),
            }
        )
        if labels.any():
            curves.append(precision_recall(scores, labels).assign(split=split))
    return rows, curves


def _sum_steps(values: np.ndarray, step_bp: int) -> np.ndarray:
    """Return sums and counts (2, whole steps) of a window that begins on a step."""
    whole = values[: len(values) // step_bp * step_bp].reshape(-1, step_bp).astype(np.float64)
    is_scored = ~np.isnan(whole)
    return np.stack([np.where(is_scored, whole, 0.0).sum(axis=1), is_scored.sum(axis=1)])


def _split_chroms(chromsizes: Mapping[str, int], rules: SplitRules | None) -> dict[str, str]:
    if rules is None or not (rules.valid_chroms or rules.test_chroms):
        return dict.fromkeys(chromsizes, "all")
    roles = rules.chrom_roles(chromsizes)
    return {chrom: ROLES[role] for chrom, role in zip(chromsizes, roles, strict=True)}
