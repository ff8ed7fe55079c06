"""Joined seam tables are judged by a tolerance of their own, and checked apart."""

import numpy as np
import pytest

from basewise.errors import BasewiseError
from basewise.tracks.seam_tables import check_summary, summarise_seams, write_seams
from basewise.tracks.seams import SeamStats


@pytest.fixture
def measured(tmp_path):
    """Tables of an excess of 0.2 in exon and 0.02 in intron, and none for few, none judged."""
    sums = {"exon": (64, 0.21), "intron": (64, 0.03), "few": (3, 0.5)}
    for track, (n_seams, mean) in sums.items():
        squares = n_seams * (mean**2 + 1e-4)
        sizes = (n_seams, n_seams * mean, squares, mean, 900, 9.0)
        stats = SeamStats(*sizes, np.full(201, 1.0), np.zeros(201))
        write_seams(track, stats, tmp_path / f"{track}.tsv")
    return [tmp_path / f"{track}.tsv" for track in sums]


@pytest.mark.parametrize(
    ("tolerance", "verdicts"),
    [
        (None, ["not judged", "not judged", "not judged"]),
        (0.3, ["ok", "ok", "too few seams to judge"]),
        (0.1, ["above tolerance", "ok", "too few seams to judge"]),
        (0.01, ["above tolerance", "above tolerance", "too few seams to judge"]),
    ],
)
def test_a_summary_is_judged_by_its_own_tolerance(measured, tmp_path, tolerance, verdicts):
    rows = summarise_seams(measured, tmp_path / "all.tsv", tolerance=tolerance)
    assert [row["verdict"] for row in rows] == verdicts


def test_a_summary_with_a_jump_is_refused_and_stays(measured, tmp_path):
    table, verdicts = tmp_path / "all.tsv", tmp_path / "seams.ok"
    summarise_seams(measured, table, tolerance=0.1)
    with pytest.raises(BasewiseError) as caught:
        check_summary(table, verdicts)
    for part in ("1 of 3 tracks", str(table), "0.2 in exon", "tiling/halo_bp", "seam_tolerance"):
        assert part in str(caught.value)
    assert table.exists()
    assert not verdicts.exists()
    summarise_seams(measured, table, tolerance=0.3)
    check_summary(table, verdicts)
    assert verdicts.read_text().splitlines()[:2] == ["track\tverdict", "exon\tok"]
