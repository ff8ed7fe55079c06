"""Tracks of binding held against the peaks of the same factors, bin by bin along the genome.

Bins that peaks touch without filling them say nothing and are left out (`bins`), as are others that
a peak touches which filters dropped, and bins with unscored or blacklisted bases.
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
from basewise.evaluation.binding.bins import BIN_BP, STEP_BP, label_bins, mean_bins, sum_steps
from basewise.intervals import IntervalMap
from basewise.peaks.dropped import dropped_intervals
from basewise.peaks.splits import SplitRules
from basewise.peaks.store import PeakStore
from basewise.training.binding.metrics import average_precision, precision_recall, roc_area

logger = logging.getLogger(__name__)

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
    dropped = peaks.dropped()
    known = set(
        peaks.scopes()[["target", "biotype"]].astype(str).itertuples(index=False, name=None)
    )
    jobs, lacking = [], []
    for track, path in bigwigs.items():
        target, biotype = by_track[track]["target"], by_track[track]["biotype"]
        if (target, biotype) in known:
            pair = {"target": target, "biotype": biotype}
            jobs.append((track, path, peaks.intervals(**pair), dropped_intervals(dropped, **pair)))
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
    for (track, *_), (own, curve) in zip(
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


def _score_track(
    job: tuple[str, str | os.PathLike, IntervalMap, IntervalMap],
    *,
    chromsizes: dict[str, int],
    splits: dict[str, str],
    left_out: IntervalMap,
    size: tuple[int, int],
) -> tuple[list[dict], list[pd.DataFrame]]:
    _, path, bound, unclear = job
    bin_bp, step_bp = size
    nothing = np.empty((0, 2), np.int64)
    by_split: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    window_bp = WINDOW_BP // step_bp * step_bp
    for chrom, windows in iter_chroms(path, chromsizes, left_out=left_out, window_bp=window_bp):
        steps = [sum_steps(values, step_bp) for _, values in windows]
        scores = mean_bins(np.concatenate(steps, axis=1), bin_bp=bin_bp, step_bp=step_bp)
        labels, touched = (
            label_bins(
                np.asarray(places.get(chrom, nothing), np.int64),
                chromsizes[chrom],
                bin_bp=bin_bp,
                step_bp=step_bp,
            )
            for places in (bound, unclear)
        )
        labels[(labels == 0) & (touched != 0)] = -1
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


def _split_chroms(chromsizes: Mapping[str, int], rules: SplitRules | None) -> dict[str, str]:
    if rules is None or not (rules.valid_chroms or rules.test_chroms):
        return dict.fromkeys(chromsizes, "all")
    roles = rules.chrom_roles(chromsizes)
    return {chrom: ROLES[role] for chrom, role in zip(chromsizes, roles, strict=True)}
