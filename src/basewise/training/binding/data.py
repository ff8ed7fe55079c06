"""Reading what binding is trained on, with an error for what is missing or empty."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from basewise.encoders import Embeddings, read_embeddings
from basewise.errors import BasewiseError, nearest
from basewise.peaks.dropped import DROPPED_NAME, read_dropped
from basewise.training.binding.pairs import Pair, PairTable
from basewise.training.binding.row_pairs import list_row_pairs

COLUMNS = ("chrom", "start", "end", "label", "kind", "experiment", "target", "biotype")
NUMBERS = ("score", "n_peaks")
EXTENT = ("peak_start", "peak_end")


def read_windows(folder: str | Path, split: str, *, extent: bool = False) -> pd.DataFrame:
    """Return the windows of a split, with categories for text.

    Args:
        extent: whether to read from where to where the peak of each window reaches, too.

    Raises:
        BasewiseError: no such split, a file of other columns, or no window in it.
    """
    path = Path(folder) / f"{split}.parquet"
    if not path.is_file():
        known = sorted(file.stem for file in Path(folder).glob("*.parquet"))
        raise BasewiseError(
            f"{folder} has no windows of split {split!r}",
            hint=nearest(split, known) if known else "The rule make_windows writes them.",
        )
    wanted = [*COLUMNS, *NUMBERS]
    missing = [name for name in wanted if name not in pq.read_schema(path).names]
    if missing:
        raise BasewiseError(f"{path} is no table of windows", found=f"no {', '.join(missing)}")
    if extent:
        _check_extent(path)
        wanted += EXTENT
    with pq.ParquetFile(path) as stream:  # a column at a time: all at once take twice the memory
        columns = {name: stream.read([name]).to_pandas()[name] for name in wanted}
    windows = pd.DataFrame(columns, copy=False)
    if windows.empty:
        raise BasewiseError(
            f"split {split!r} of {folder} is empty",
            found="0 windows",
            hint="Hold out chroms, targets or biotypes that have peaks (peaks/splits).",
        )
    return windows


def read_window_drops(folder: str | Path) -> pd.DataFrame | None:
    """Return the peaks that were dropped of the windows' targets, if `make_windows` noted them."""
    return read_dropped(Path(folder)) if (Path(folder) / DROPPED_NAME).is_file() else None


def read_rules(folder: str | Path, split: str = "train") -> dict:
    """Return how the windows were made (width_bp, rules, …), as `make_windows` noted; {} if not."""
    noted = (pq.read_schema(Path(folder) / f"{split}.parquet").metadata or {}).get(b"basewise")
    return json.loads(noted) if noted else {}


def read_width(windows: Mapping[str, pd.DataFrame]) -> int:
    """Return the one width of all windows, in bp.

    Raises:
        BasewiseError: splits of different widths.
    """
    widths = {
        name: sorted(set((rows["end"] - rows["start"]).unique())) for name, rows in windows.items()
    }
    if len({width for own in widths.values() for width in own}) != 1:
        raise BasewiseError("windows must have one width", found=widths)
    return int(next(iter(widths.values()))[0])


def list_pairs(*tables: pd.DataFrame) -> list[Pair]:
    """Return the distinct pairs of tables with the columns target and biotype."""
    return sorted({pair for table in tables for pair in list_row_pairs(table)})


def open_pairs(
    pairs: Sequence[Pair],
    proteins: str | Path,
    contexts: str | Path | None,
    **settings,
) -> PairTable:
    """Return the table of pairs with their embeddings in the cache.

    Args:
        proteins, contexts: indices, as `encode_proteins` and `encode_contexts` write them.
        settings: residue_stride and max_residues of `PairTable`.

    Raises:
        BasewiseError: no index; a target without a protein, a biotype without a context.
    """
    held: tuple[Embeddings, Embeddings | None] = (
        read_embeddings(proteins),
        None if contexts is None else read_embeddings(contexts),
    )
    return PairTable.of(pairs, *held, **settings)


def _check_extent(path: Path) -> None:
    held = pq.read_schema(path).names
    missing = [name for name in EXTENT if name not in held]
    if missing:
        raise BasewiseError(
            f"{path} does not say how far peaks reach, which pairing 'batch' must know",
            found=f"no {', '.join(missing)}: windows of an earlier version of basewise",
            hint="Make them again, as with `snakemake --forcerun make_windows`, or choose "
            "sampling/pairing: own.",
        )
