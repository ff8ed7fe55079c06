"""A maker of small bigWig tracks that does not use our own writer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyBigWig
import pytest


@pytest.fixture
def make_bigwig(tmp_path) -> Callable[..., Path]:
    """`make_bigwig(name, {chrom: values with NaN where unscored}, resolution_bp=1)` -> path."""

    def make(name: str, tracks: dict[str, np.ndarray], resolution_bp: int = 1) -> Path:
        path = tmp_path / f"{name}.bw"
        with pyBigWig.open(str(path), "w") as bigwig:
            bigwig.addHeader([(c, len(v) * resolution_bp) for c, v in tracks.items()])
            for chrom, values in tracks.items():
                scored = np.flatnonzero(~np.isnan(values))
                if len(scored):
                    bigwig.addEntries(
                        [chrom] * len(scored),
                        (scored * resolution_bp).tolist(),
                        ends=((scored + 1) * resolution_bp).tolist(),
                        values=np.asarray(values, np.float64)[scored].tolist(),
                    )
        return path

    return make
