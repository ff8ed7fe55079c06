"""K-fold cross-validation: chroms in folds, and a table of what each fold's model reached."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from basewise.atomic import atomic_path
from basewise.checkpoints.config import read_config
from basewise.errors import BasewiseError
from basewise.peaks.categories import count_names


def make_folds(windows: pd.DataFrame, number: int) -> list[list[str]]:
    """Return chroms in so many groups of about as many windows each.

    Raises:
        BasewiseError: fewer chroms than folds.
    """
    counts = count_names(windows["chrom"])
    if len(counts) < number:
        raise BasewiseError(
            f"{number} folds need as many chroms", found=f"{len(counts)} chroms with windows"
        )
    folds: list[list[str]] = [[] for _ in range(number)]
    sizes = np.zeros(number, np.int64)
    for chrom, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        smallest = int(sizes.argmin())
        folds[smallest].append(chrom)
        sizes[smallest] += count
    return [sorted(fold) for fold in folds]


def write_folds(checkpoints: Sequence[str | os.PathLike], table: str | os.PathLike) -> None:
    """Write a row per fold: its number, the chroms it was validated on, and its best validation.

    Args:
        checkpoints: of the folds, in order.

    Raises:
        BasewiseError: no checkpoint, or one that was not trained.
    """
    rows = []
    for number, checkpoint in enumerate(checkpoints, start=1):
        config = read_config(checkpoint)
        if "data" not in config or "metrics" not in config:
            raise BasewiseError(f"{checkpoint} is no fold", found=f"a {config['family']}")
        chroms = next(
            names for split, names in config["data"]["chroms"].items() if split != "train"
        )
        rows.append({"fold": number, "chroms": ",".join(chroms), **config["metrics"]})
    with atomic_path(table) as temporary:
        pd.DataFrame(rows).to_csv(temporary, sep="\t", index=False)
