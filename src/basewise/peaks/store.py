"""A peak store read back: one chrom, or one target in one biotype, without the rest.

The store is a directory:

    store.json           chromsizes, peaks per chrom, where they came from
    scopes.parquet       experiment, target, biotype, modification, n_peaks, first_row; a row each
    chroms/<chrom>.parquet   start, end, summit, score, scope (row of scopes.parquet), by start
    by_scope.parquet     chrom (index into chromsizes), start, end, summit, score, by scope, chrom
    catalogue.parquet    chrom, start, end of the bases under any row of the catalogue
    dropped.arrow        chrom, start, end, target, biotype of what filters dropped of these targets

Both orders hold every peak, so that either question reads only its own rows. The catalogue's bases
hold what filters dropped, too.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from basewise.errors import BasewiseError, nearest
from basewise.intervals import IntervalMap, mask_of, merge
from basewise.peaks.dropped import read_dropped
from basewise.peaks.union import read_union

STORE_NAME = "store.json"
SCOPES_NAME = "scopes.parquet"
BY_SCOPE_NAME = "by_scope.parquet"
VERSION = 3

NAMES = ("experiment", "target", "biotype", "modification")
VALUES = ("start", "end", "summit", "score")
COLUMNS = ("chrom", *VALUES, *NAMES)

Choice = str | Collection[str] | None


class PeakStore:
    """The peaks that `build_store` or `write_store` put into a directory.

    Attributes:
        path: the directory.
        chromsizes: bp by chrom of the assembly, all of its chroms.
        counts: peaks by chrom, in the order of chromsizes; chroms without a peak are absent.
        metadata: what the writer noted: source, sha256, layout, licence …
    """

    def __init__(self, path: str | PathLike):
        self.path = Path(path)
        try:
            header = json.loads((self.path / STORE_NAME).read_text(encoding="utf-8"))
            if header["version"] != VERSION:
                raise BasewiseError(
                    f"{self.path} is a peak store of another version of basewise",
                    found=f"version {header['version']}, not {VERSION}",
                    hint="Build it again, as with `snakemake --forcerun filter_peaks`",
                )
            self.chromsizes: dict[str, int] = header["chromsizes"]
            self.counts: dict[str, int] = header["counts"]
            self.metadata: dict = header["metadata"]
            self._scopes = pq.read_table(self.path / SCOPES_NAME).to_pandas()
        except (OSError, KeyError, TypeError, json.JSONDecodeError, pa.ArrowInvalid) as error:
            raise BasewiseError(
                f"{self.path} is not a whole peak store",
                found=error,
                hint="Build it with `basewise.peaks.build_store` or the rule filter_peaks",
            ) from None

    @property
    def chroms(self) -> list[str]:
        """The chroms that hold a peak, in the order of chromsizes."""
        return list(self.counts)

    @property
    def n_peaks(self) -> int:
        return sum(self.counts.values())

    def scopes(self) -> pd.DataFrame:
        """One row per scope, by target, biotype, experiment: the names (str) and n_peaks (int64).

        The index is the `scope` of `read_arrays`.
        """
        return self._scopes[[*NAMES, "n_peaks"]].copy()

    def find_scopes(
        self, *, target: Choice = None, biotype: Choice = None, experiment: Choice = None
    ) -> np.ndarray:
        """The indices of the scopes that have one of the names asked for: int64 (n,), ascending.

        Raises:
            BasewiseError: no peak of the store has a name asked for.
        """
        chosen = np.ones(len(self._scopes), dtype=bool)
        for column, choice in (
            ("target", target),
            ("biotype", biotype),
            ("experiment", experiment),
        ):
            if choice is None:
                continue
            wanted = [choice] if isinstance(choice, str) else list(choice)
            known = self._positions[column]
            for name in wanted:
                if name not in known:
                    raise BasewiseError(
                        f"{self.path} has no peak of {column} {name!r}", hint=nearest(name, known)
                    )
            chosen &= self._scopes[column].isin(wanted).to_numpy()
        return np.flatnonzero(chosen)

    def read_arrays(self, chrom: str, columns: Sequence[str] = (*VALUES, "scope")) -> dict:
        """Columns of one chrom by name, (n,) in order of start, end, scope.

        start, end and summit are int32 in bp (0-based, half-open; summit is a base), score is
        float32, scope an int32 index into `scopes()`.
        """
        self._check_chrom(chrom)
        if chrom not in self.counts:
            dtypes = {"score": np.float32}
            return {name: np.empty(0, dtypes.get(name, np.int32)) for name in columns}
        table = pq.read_table(self._chrom_path(chrom), columns=list(columns))
        return {name: table[name].to_numpy() for name in columns}

    def read(
        self,
        *,
        chrom: str | None = None,
        target: Choice = None,
        biotype: Choice = None,
        experiment: Choice = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The peaks of a chrom and of scopes, sorted by chrom (as chromsizes), start and end.

        Args:
            chrom: one chrom, or None for all.
            target, biotype, experiment: a name or several, or None for all.
            columns: of chrom, start, end, summit (int32, bp), score (float32), experiment,
                target, biotype, modification (categories); None for all of them.

        Raises:
            BasewiseError: a name that the store has no peak of, a chrom the assembly lacks.
        """
        columns = list(COLUMNS if columns is None else columns)
        for name in columns:
            if name not in COLUMNS:
                raise BasewiseError(
                    "a peak store has no such column", found=repr(name), hint=nearest(name, COLUMNS)
                )
        if chrom is not None:
            self._check_chrom(chrom)
        needed = ["start", "end", *(name for name in ("summit", "score") if name in columns)]
        if any(name in NAMES for name in columns):
            needed.append("scope")
        chroms = self.chroms if chrom is None else [chrom]
        if target is None and biotype is None and experiment is None:
            parts = [self._read_chrom(name, None, needed) for name in chroms]
            return self._frame(_concatenate(parts, needed), columns)
        scopes = self.find_scopes(target=target, biotype=biotype, experiment=experiment)
        n_scoped = int(self._scopes["n_peaks"].to_numpy()[scopes].sum())
        if chrom is not None and self.counts.get(chrom, 0) < n_scoped:
            return self._frame(self._read_chrom(chrom, scopes, needed), columns)
        return self._frame(self._read_scopes(scopes, chrom, needed), columns)

    def read_by_scope(
        self, columns: Sequence[str] = ("start", "end", "summit")
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yield all peaks in the order of `scopes()`, a part in memory at a time.

        A part holds chrom (int32, index into chromsizes) and columns (see `read_arrays`), (n,)
        each. Within a scope peaks are sorted by chrom and start.
        """
        columns = ["chrom", *columns]
        with pq.ParquetFile(self.path / BY_SCOPE_NAME) as stream:
            for group in range(stream.num_row_groups):
                table = stream.read_row_group(group, columns=columns)
                yield {name: table[name].to_numpy() for name in columns}

    def intervals(
        self, *, target: Choice = None, biotype: Choice = None, experiment: Choice = None
    ) -> IntervalMap:
        """The bases under peaks of scopes, or of all, by chrom: int64 (n, 2), sorted, disjoint.

        Chroms without such a peak have no entry.
        """
        if target is None and biotype is None and experiment is None:
            return {
                chrom: merge(
                    np.column_stack(list(self.read_arrays(chrom, ("start", "end")).values()))
                )
                for chrom in self.chroms
            }
        scopes = self.find_scopes(target=target, biotype=biotype, experiment=experiment)
        arrays = self._read_scopes(scopes, None, ["start", "end"])
        spans = np.column_stack((arrays["start"], arrays["end"]))
        firsts = np.flatnonzero(np.append(True, np.diff(arrays["chrom"]) != 0))[: len(spans)]
        names = list(self.chromsizes)
        return {
            names[arrays["chrom"][first]]: merge(part)
            for first, part in zip(firsts, np.split(spans, firsts[1:]), strict=True)
        }

    def catalogue(self) -> IntervalMap:
        """The bases under any row of the catalogue, by chrom: int64 (n, 2), sorted, disjoint.

        Also under rows that filters dropped, whatever they were dropped for; but not under broken
        ones and those on chroms that the assembly lacks. Chroms without a row have no entry.
        """
        return read_union(self.path, self.chromsizes)

    def dropped(self) -> pd.DataFrame:
        """Peaks that filters dropped of targets in biotypes that are left; see `read_dropped`."""
        return read_dropped(self.path)

    @cached_property
    def _positions(self) -> dict[str, dict[str, int]]:
        return {name: dict.fromkeys(self._scopes[name]) for name in NAMES}

    @cached_property
    def _codes(self) -> dict[str, tuple[np.ndarray, pd.Index]]:
        return {name: pd.factorize(self._scopes[name], sort=True) for name in NAMES}

    def _check_chrom(self, chrom: str) -> None:
        if chrom not in self.chromsizes:
            raise BasewiseError(
                f"{self.path} is of an assembly without the chrom asked for",
                found=repr(chrom),
                hint=nearest(chrom, self.chromsizes),
            )

    def _chrom_path(self, chrom: str) -> Path:
        return chrom_path(self.path, chrom)

    def _read_chrom(
        self, chrom: str, scopes: np.ndarray | None, columns: list[str]
    ) -> dict[str, np.ndarray]:
        """`chrom` and other columns of one chrom, of all scopes or of some."""
        arrays = self.read_arrays(chrom, columns)
        if scopes is not None:
            is_chosen = np.zeros(len(self._scopes), dtype=bool)
            is_chosen[scopes] = True
            chosen = is_chosen[self.read_arrays(chrom, ["scope"])["scope"]]
            arrays = {name: values[chosen] for name, values in arrays.items()}
        code = list(self.chromsizes).index(chrom)
        return arrays | {"chrom": np.full(len(arrays["start"]), code, dtype=np.int32)}

    def _read_scopes(
        self, scopes: np.ndarray, chrom: str | None, columns: list[str]
    ) -> dict[str, np.ndarray]:
        """`chrom` and other columns of some scopes, from their row groups, by chrom and start."""
        firsts = self._scopes["first_row"].to_numpy()[scopes]
        lasts = firsts + self._scopes["n_peaks"].to_numpy()[scopes]
        rows = merge(np.column_stack((firsts, lasts)))  # scopes that touch are read together
        parts, columns = [], ["chrom", *columns]
        with pq.ParquetFile(self.path / BY_SCOPE_NAME) as stream:
            sizes = [stream.metadata.row_group(i).num_rows for i in range(stream.num_row_groups)]
            edges = np.append(0, np.cumsum(sizes))
            low = np.searchsorted(edges, rows[:, 0], side="right") - 1
            high = np.searchsorted(edges, rows[:, 1], side="left")
            for group in sorted({g for span in zip(low, high, strict=True) for g in range(*span)}):
                table = stream.read_row_group(group, columns=columns)
                chosen = mask_of(rows, edges[group], edges[group + 1])
                parts.append({name: table[name].to_numpy()[chosen] for name in columns})
        arrays = _concatenate(parts, columns)
        if chrom is not None:
            chosen = arrays["chrom"] == list(self.chromsizes).index(chrom)
            arrays = {name: values[chosen] for name, values in arrays.items()}
        # stable, and scopes ascend: ties end up as in the chrom's file
        order = np.lexsort((arrays["end"], arrays["start"], arrays["chrom"]))
        return {name: values[order] for name, values in arrays.items()}

    def _frame(self, arrays: dict[str, np.ndarray], columns: list[str]) -> pd.DataFrame:
        series = {}
        for name in columns:
            if name == "chrom":
                chroms = list(self.chromsizes)
                series[name] = pd.Categorical.from_codes(arrays[name], categories=chroms)
            elif name in NAMES:
                codes, names = self._codes[name]
                series[name] = pd.Categorical.from_codes(codes[arrays["scope"]], categories=names)
            else:
                series[name] = arrays[name]
        return pd.DataFrame(series, columns=columns)


def chrom_path(store: Path, chrom: str) -> Path:
    """Where the peaks of one chrom lie; letters that no file name may have are quoted."""
    return store / "chroms" / f"{quote(chrom, safe='')}.parquet"


def _concatenate(parts: list[dict[str, np.ndarray]], columns: list[str]) -> dict[str, np.ndarray]:
    if not parts:
        dtypes = {"score": np.float32}
        return {name: np.empty(0, dtypes.get(name, np.int32)) for name in ("chrom", *columns)}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
