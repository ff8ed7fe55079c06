"""A checkpoint of binding beside what needs no model, on windows that were held out."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from basewise.atomic import atomic_path
from basewise.errors import BasewiseError
from basewise.evaluation.binding.baselines import (
    gc_content,
    learn_gc_signs,
    observed_mean,
    orient_gc,
)
from basewise.evaluation.binding.motifs import Motif, MotifSettings, learn_motifs
from basewise.evaluation.binding.relatives import nearest_proteins
from basewise.evaluation.binding.tables import (
    MIN_POSITIVES,
    mean_curves,
    score_targets,
    summarise,
)
from basewise.genome import Genome, Sequences
from basewise.peaks.categories import count_names, join_tables, list_names
from basewise.tokenizers import one_hot_codes
from basewise.training.binding.data import list_pairs, read_windows

log = logging.getLogger(__name__)

MODEL, MOTIF, OBSERVED, PREDICTED, GC = "model", "motif", "mean_observed", "mean_predicted", "gc"
TABLES = ("summary", "targets", "motifs", "curves")


@dataclass(frozen=True)
class EvaluationSettings:
    """What is compared.

    Attributes:
        splits: of windows; empty for all that begin with "test".
        most_windows: of a split, at random; None for all.
        mean_pairs: training pairs whose predictions are averaged, at random; 0 leaves it out.
        min_positives: bound windows that a target needs to count in means.
    """

    splits: tuple[str, ...] = ()
    most_windows: int | None = None
    mean_pairs: int = 32
    min_positives: int = MIN_POSITIVES
    motifs: MotifSettings = field(default_factory=MotifSettings)
    seed: int = 0


def evaluate_binding(
    checkpoint: str | os.PathLike,
    windows: str | os.PathLike,
    genome: str | os.PathLike,
    output: str | os.PathLike,
    *,
    proteins: str | os.PathLike,
    contexts: str | os.PathLike | None,
    chains: Mapping[str, Sequence[str]],
    settings: EvaluationSettings | None = None,
    batch_size: int = 256,
    threads: int = 1,
) -> pd.DataFrame:
    """Write summary.tsv, targets.tsv, motifs.tsv and curves.tsv; return the summary.

    Args:
        windows: the directory that the checkpoint was trained on.
        proteins, contexts: indices of embeddings.
        chains: target -> its chains of residues: unseen targets are given the motif of the
            training target of most alike protein (`nearest_proteins`).

    Raises:
        BasewiseError: a split that is missing or empty, a pair without embeddings, a checkpoint
            of another kind.
    """
    from basewise.training.binding.checkpoint import load_binding
    from basewise.training.binding.predict import predict_mean, predict_windows

    settings = settings or EvaluationSettings()
    loaded = load_binding(checkpoint)
    sequences = Genome(genome)
    train = read_windows(windows, "train")
    trained = list_names(train["target"])
    splits = _find_splits(Path(windows), settings.splits)
    tables = {split: read_windows(windows, split) for split in splits}
    held = [train, *_others(Path(windows), tables)]
    columns = ["chrom", "start", "end", "target"]
    peaks = join_tables([rows.loc[rows["label"] == 1, columns] for rows in held])
    rng = np.random.default_rng(settings.seed)
    known = list_pairs(train)
    others = [known[i] for i in sorted(rng.permutation(len(known))[: settings.mean_pairs])]

    def read(rows: pd.DataFrame) -> np.ndarray:
        return one_hot_codes(read_places(sequences, rows))

    motifs = learn_motifs(train, read, settings.motifs, seed=settings.seed, threads=threads)
    unseen = sorted(
        {name for rows in tables.values() for name in count_names(rows["target"])} - set(motifs)
    )
    alike = nearest_proteins(unseen, sorted(motifs), chains) if unseen else {}
    signs = _gc_signs(train, read, settings)
    embedded = {"proteins": proteins, "contexts": contexts, "batch_size": batch_size}
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for split, rows in tables.items():
        if settings.most_windows is not None and len(rows) > settings.most_windows:
            chosen = rng.permutation(len(rows))[: settings.most_windows]
            rows = rows.iloc[np.sort(chosen)]
        rows = rows.reset_index(drop=True)
        labels = rows["label"].to_numpy(bool)
        targets = rows["target"].astype(str).to_numpy(object)
        codes = read(rows)
        scores = {
            MODEL: predict_windows(loaded, rows, sequences, **embedded).astype(np.float64),
            MOTIF: _score_motifs(motifs, alike, targets, codes),
            OBSERVED: observed_mean(rows, peaks, trained),
        }
        if others:
            scores[PREDICTED] = predict_mean(loaded, rows, sequences, others, **embedded)
        scores[GC] = orient_gc(gc_content(codes), targets, signs)
        by_target = score_targets(scores, labels, targets)
        limits = {"min_positives": settings.min_positives}
        made = {
            "summary": summarise(by_target, scores, labels, targets, model=MODEL, **limits),
            "targets": by_target.assign(is_seen=by_target["target"].isin(trained)),
            "curves": mean_curves(scores, labels, targets, **limits),
        }
        for name, table in made.items():
            table.insert(0, "split", split)
            parts[name].append(table)
        log.info("%s: %s", split, made["summary"].round(3).to_dict("records"))
    parts["motifs"] = [_describe(motifs, alike)]
    output = Path(output)
    for name, made in parts.items():
        with atomic_path(output / f"{name}.tsv") as temporary:
            pd.concat(made).to_csv(temporary, sep="\t", index=False, float_format="%.5g")
    return pd.concat(parts["summary"], ignore_index=True)


def read_places(sequences: Sequences, rows: pd.DataFrame) -> np.ndarray:
    """Return the bases uint8 (n, w) of places of one width."""
    places = rows[["chrom", "start", "end"]].astype({"chrom": str}).itertuples(index=False)
    return np.stack([sequences.read(*map_place(place)) for place in places])


def map_place(place: tuple) -> tuple[str, int, int]:
    """Return chrom, start and end as plain values."""
    chrom, start, end = place
    return str(chrom), int(start), int(end)


def _find_splits(folder: Path, asked: Sequence[str]) -> list[str]:
    if asked:
        return list(asked)
    found = sorted(path.stem for path in folder.glob("test*.parquet"))
    if not found:
        raise BasewiseError(
            f"{folder} has no windows to test on", hint="Hold something out: peaks/splits/test_…"
        )
    return found


def _others(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """All splits but train: those that are judged, and the rest."""
    rest = sorted({path.stem for path in folder.glob("*.parquet")} - {"train", *tables})
    columns = ["chrom", "start", "end", "label", "target"]
    return [
        *tables.values(),
        *(pd.read_parquet(folder / f"{s}.parquet", columns=columns) for s in rest),
    ]


def _score_motifs(
    motifs: Mapping[str, Motif], alike: Mapping, targets: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    scores = np.full(len(targets), np.nan)
    for target in dict.fromkeys(targets):
        own = targets == target
        motif = motifs.get(target) or motifs[alike[target][0]]
        scores[own] = motif.score(codes[own])
    return scores


def _gc_signs(train: pd.DataFrame, read, settings: EvaluationSettings) -> dict[str, int]:
    shuffled = train.sample(frac=1.0, random_state=settings.seed)
    chosen = shuffled.groupby(["target", "label"], observed=True).head(settings.motifs.most)
    targets = chosen["target"].astype(str).to_numpy(object)
    return learn_gc_signs(gc_content(read(chosen)), chosen["label"].to_numpy(bool), targets)


def _describe(motifs: Mapping[str, Motif], alike: Mapping) -> pd.DataFrame:
    rows = [
        {
            "target": target,
            "motif_of": target,
            "alike": 1.0,
            "kmer": motif.kmer,
            "consensus": motif.consensus,
            "scoring": motif.scoring,
            "middle_bp": motif.middle_bp,
            "train_auprc": motif.auprc,
        }
        for target, motif in motifs.items()
    ]
    borrowed = [
        {**next(row for row in rows if row["target"] == other), "target": target, "alike": alike_by}
        for target, (other, alike_by) in alike.items()
    ]
    return pd.DataFrame(rows + borrowed)
