"""The scopes of peaks by number, and the scopes of negatives among them."""

from collections.abc import Mapping
from os import PathLike

import numpy as np
import pandas as pd
import pyarrow as pa

from basewise.errors import BasewiseError
from basewise.peaks.negatives.seeds import derive_rng, share_out
from basewise.peaks.negatives.source import NAMES, Peaks


class ScopeTable:
    """The scopes of the peaks by number: their names as categories, and their n_peaks."""

    def __init__(self, peaks: Peaks, n_peaks: Mapping[str, int] | None = None):
        scopes = peaks.scopes().astype(dict.fromkeys(NAMES, str))
        scopes = scopes.groupby(list(NAMES))["n_peaks"].sum().reset_index()
        self.n_rows = scopes["n_peaks"].to_numpy(np.int64)
        self.categories = {name: sorted(set(scopes[name])) for name in NAMES}
        self.codes = {
            name: pd.Categorical(scopes[name], categories=self.categories[name]).codes
            for name in NAMES
        }
        full = scopes[list(NAMES)].agg(".".join, axis=1) if len(scopes) else []
        known = n_peaks or {}
        self.n_peaks = np.array(
            [known.get(name, n) for name, n in zip(full, self.n_rows, strict=True)], dtype=np.int64
        )
        self._keys = self._key(self.codes)

    def find(self, frame: pd.DataFrame) -> np.ndarray:
        """The scope of every row with experiment, target, biotype; -1 for none: int64 (n,)."""
        codes, is_known = {}, np.ones(len(frame), dtype=bool)
        for name in NAMES:
            column = frame[name].astype("category")
            to_ours = pd.Index(self.categories[name]).get_indexer(column.cat.categories.astype(str))
            codes[name] = np.append(to_ours, -1)[column.cat.codes]
            is_known &= codes[name] >= 0
        keys = self._key(codes)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(is_known & (self._keys[at] == keys), at, -1)

    def read_negatives(
        self, negatives: pd.DataFrame | str | PathLike, *, width_bp: int, seed: int, number: int
    ) -> pd.DataFrame:
        """Negatives of one width, with the number of their scope: chrom, start, kind, scope."""
        frame = negatives
        if not isinstance(negatives, pd.DataFrame):
            try:
                frame = pd.read_parquet(negatives)
            except (OSError, pa.ArrowInvalid) as error:
                raise BasewiseError(
                    f"{negatives} is not a whole Parquet file", found=error
                ) from None
        where = f"negatives {number + 1}" if frame is negatives else str(negatives)
        width = (frame["end"] - frame["start"]).to_numpy()
        if len(frame) and width.min() < width_bp:
            raise BasewiseError(
                f"{where}: negatives are narrower than the windows",
                found=f"{width.min()} bp for {width_bp} bp",
                hint="Wider windows could touch what they avoid: draw them at the windows' width",
            )
        is_free = (frame["target"] == "").to_numpy()
        scope = np.empty(len(frame), dtype=np.int64)
        scope[~is_free] = self.find(frame[~is_free])
        if np.any(scope[~is_free] < 0):
            row = frame[~is_free].iloc[int(np.argmin(scope[~is_free]))]
            raise BasewiseError(
                f"{where}: negatives of a scope that has no peak",
                found=".".join(str(row[name]) for name in NAMES),
                hint="Draw them from the same peaks",
            )
        shared = np.repeat(np.arange(len(self.n_rows)), share_out(int(is_free.sum()), self.n_rows))
        kind = str(frame["kind"].iloc[0]) if len(frame) else ""
        scope[is_free] = derive_rng(seed, "windows", kind, str(number)).permutation(shared)
        start = frame["start"].to_numpy() + (width - width_bp) // 2
        return pd.DataFrame(
            {"chrom": frame["chrom"], "start": start, "kind": frame["kind"], "scope": scope}
        )

    def _key(self, codes: Mapping[str, np.ndarray]) -> np.ndarray:
        key = np.zeros(len(codes["target"]), dtype=np.int64)
        for name in NAMES:
            key = key * len(self.categories[name]) + codes[name]
        return key
