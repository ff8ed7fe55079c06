"""Small shards and the readers that judge our bigWigs."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pybigtools
import pyBigWig
import pytest

from basewise.tracks import Track
from basewise.tracks.quantise import STEPS
from basewise.tracks.shard import ShardWriter


def encode_values(values: np.ndarray, dtype: str) -> np.ndarray:
    """Values as a shard of this dtype stores them, as inference does it on its devices."""
    if dtype == "uint8":
        return np.rint(np.float32(STEPS) * values).astype(np.uint8)
    return values.astype(dtype)


TRACKS = (Track("exon"), Track("intron", colour="#D55E00"))


def read_pybigwig(path: Path, chrom: str, start: int, end: int) -> np.ndarray:
    with pyBigWig.open(os.fspath(path)) as bigwig:
        return np.asarray(bigwig.values(chrom, start, end, numpy=True), dtype=np.float32)


def read_pybigtools(path: Path, chrom: str, start: int, end: int) -> np.ndarray:
    bigwig = pybigtools.open(os.fspath(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.asarray(bigwig.values(chrom, start, end), dtype=np.float32)


@pytest.fixture(scope="session")
def readers() -> tuple[Callable, ...]:
    """read(path, chrom, start, end) → float32 with NaN for absent, by two independent readers."""
    return read_pybigwig, read_pybigtools


@pytest.fixture(scope="session")
def encode() -> Callable[[np.ndarray, str], np.ndarray]:
    return encode_values


@pytest.fixture(scope="session")
def tracks() -> tuple[Track, ...]:
    return TRACKS


@pytest.fixture
def write_shard(tmp_path) -> Callable[..., Path]:
    """write_shard(name, cores, values by chrom) → path; further arguments go to ShardWriter."""

    def write(name: str, cores: list, values: dict, **options) -> Path:
        path = tmp_path / f"{name}.shard"
        options = {
            "tracks": TRACKS,
            "dtype": "uint8",
            "resolution_bp": 1,
            "metadata": {"model": "toy", "revision": "1"},
        } | options
        step = options["resolution_bp"]
        with ShardWriter(path, **options) as writer:
            for chrom, start, end in cores:
                writer.add(
                    (chrom, start, end),
                    encode_values(values[chrom][:, start:end:step], options["dtype"]),
                )
        return path

    return write
