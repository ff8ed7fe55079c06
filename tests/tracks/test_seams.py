"""Seam sums equal a direct computation, whatever the cuts; excess stops a merge."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.report.seam_figure import plot_seams
from basewise.tracks.merge import merge_track
from basewise.tracks.seam_tables import (
    COLUMNS,
    PROFILE_COLUMNS,
    profile_path,
    read_table,
    summarise_seams,
    write_seams,
)
from basewise.tracks.seams import FLANK_BINS, SeamMeter, SeamStats


def direct(runs):
    """The same sums from the definition: runs are (start, values, seams in bp)."""
    at_seams, interior = [], []
    profile = [[] for _ in range(2 * FLANK_BINS + 1)]
    for start, values, seams in runs:
        steps = np.abs(np.diff(values.astype(np.float64)))  # at start + 1, start + 2, ...
        for index, step in enumerate(steps.tolist()):
            (at_seams if start + 1 + index in seams else interior).append(step)
        for seam in sorted(seams):
            for offset in range(-FLANK_BINS, FLANK_BINS + 1):
                index = seam + offset - start - 1
                if 0 <= index < len(steps):
                    profile[offset + FLANK_BINS].append(steps[index])
    return at_seams, interior, profile


@st.composite
def runs_in_calls(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    runs, calls, start = [], [], 0
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 500))
        values = rng.random(size, dtype=np.float32)
        seams = (
            draw(st.sets(st.integers(start + 1, start + size - 1), max_size=5))
            if size > 1
            else set()
        )
        cuts = sorted(
            {start, start + size, *draw(st.sets(st.integers(start, start + size), max_size=5))}
        )
        runs.append((start, values, seams))
        calls += [
            (low, high, values[low - start : high - start], seams) for low, high in pairwise(cuts)
        ]
        start += size + draw(st.integers(1, 5))
    return runs, calls


@given(runs_in_calls())
def test_sums_equal_the_definition_whatever_the_cuts(case):
    runs, calls = case
    meter = SeamMeter()
    for low, high, values, seams in calls:
        here = np.array(sorted(seam - low for seam in seams if low <= seam < high), dtype=np.int64)
        meter.add("c", low, high, values, here)
    stats = meter.finish()
    at_seams, interior, profile = direct(runs)
    assert (stats.n_seams, stats.n_interior) == (len(at_seams), len(interior))
    assert stats.sum_seam == pytest.approx(sum(at_seams))
    assert stats.squares_seam == pytest.approx(sum(step**2 for step in at_seams))
    assert stats.sum_interior == pytest.approx(sum(interior))
    assert stats.max_seam == max(at_seams, default=0)
    assert stats.profile_n.tolist() == [len(column) for column in profile]
    np.testing.assert_allclose(stats.profile_sum, [sum(column) for column in profile])


def measure(values, seams, cuts):
    meter = SeamMeter()
    for low, high in pairwise([0, *cuts, len(values)]):
        here = seams[(seams >= low) & (seams < high)] - low
        meter.add("c", low, high, values[low:high], here)
    return meter.finish()


def test_long_calls_give_the_very_same_sums():
    """Past the window in which interior steps are summed; to the last bit."""
    values = np.random.default_rng(1).random(200_000, dtype=np.float32)
    seams = np.arange(7_000, 200_000, 7_000)
    whole = measure(values, seams, [])
    for cuts in ([65_536], [7_000, 131_072], [1, 2, 77_000, 77_050, 199_999]):
        cut = measure(values, seams, cuts)
        assert (cut.n_seams, cut.sum_seam, cut.max_seam) == (28, whole.sum_seam, whole.max_seam)
        assert (cut.n_interior, cut.sum_interior) == (199_999 - 28, whole.sum_interior)
        np.testing.assert_array_equal(cut.profile_n, whole.profile_n)
        np.testing.assert_array_equal(cut.profile_sum, whole.profile_sum)
    at_seams, interior, _ = direct([(0, values, set(seams.tolist()))])
    assert whole.sum_seam == pytest.approx(sum(at_seams))
    assert whole.sum_interior == pytest.approx(sum(interior))


def test_a_core_that_starts_a_run_is_no_seam():
    meter = SeamMeter()
    ramp = np.arange(10, dtype=np.float32)
    start = np.array([0])
    meter.add("c", 0, 10, ramp, start)
    meter.add("c", 11, 21, ramp, start)  # one unscored base before it
    meter.add("d", 21, 31, ramp, start)  # another chrom
    assert meter.finish().n_seams == 0


def test_stats_add():
    first, second = SeamStats(1, 0.5, 0.25, 0.5, 10, 1.0), SeamStats(3, 0.1, 0.01, 0.1, 20, 0.5)
    both = first + second
    assert (both.n_seams, both.max_seam, both.n_interior) == (4, 0.5, 30)
    assert both.mean_seam == pytest.approx(0.15)
    assert both.excess == pytest.approx(0.15 - 0.05)
    assert (SeamStats() + first).excess == first.excess


def stats_of(steps, interior=0.0):
    """Seams with these |Δ|, in an interior that has the same step everywhere."""
    steps = np.array(steps, dtype=np.float64)
    return SeamStats(
        n_seams=len(steps),
        sum_seam=float(steps.sum()),
        squares_seam=float(np.square(steps).sum()),
        max_seam=float(steps.max(initial=0.0)),
        n_interior=1_000,
        sum_interior=1_000 * interior,
    )


EXON_EDGES = [0.9] + [0.0] * 49  # one of fifty seams falls on an exon's edge


@pytest.mark.parametrize(
    ("steps", "tolerance", "verdict"),
    [
        ([], 0.0, "no seams"),
        ([1.0] * 50, None, "not judged"),
        ([1.0], 0.1, "too few seams to judge"),
        ([1.0, 0.0, 0.2], 0.1, "too few seams to judge"),
        ([1.0] * 29, 0.1, "too few seams to judge"),
        ([0.0], 0.1, "too few seams to judge"),
        ([0.25] * 30, 0.1, "above tolerance"),
        ([0.25] * 30, 0.21, "ok"),
        (EXON_EDGES, 0.0, "ok"),  # the interior steps more
        ([0.9] * 2 + [0.0] * 48, 0.0, "ok"),
        ([0.9] * 6 + [0.0] * 44, 0.05, "too few seams to judge"),  # 0.068 ± 0.042
        ([0.3, 0.0] * 500, 0.1, "above tolerance"),  # 0.11 ± 0.005
    ],
)
def test_verdicts_need_evidence(steps, tolerance, verdict):
    stats = stats_of(steps, interior=0.04)
    assert stats.verdict(tolerance) == verdict
    half = len(steps) // 2
    parts = stats_of(steps[:half], interior=0.04) + stats_of(steps[half:], interior=0.04)
    assert parts.verdict(tolerance) == verdict


def test_standard_error_of_the_seam_mean():
    steps = np.random.default_rng(0).random(200)
    expected = steps.std(ddof=1) / np.sqrt(200)
    assert stats_of(steps).standard_error == pytest.approx(expected)
    assert np.isnan(stats_of(steps[:1]).standard_error)
    assert stats_of([0.1] * 30).standard_error == pytest.approx(0, abs=1e-9)


def steps_at_seams(height, n_cores=10):
    """Cores of 1 kb, each `height` above or below its neighbour, flat inside."""
    size = n_cores * 1_000
    values = np.full((2, size), 0.4, dtype=np.float32)
    for start in range(1_000, size, 2_000):
        values[:, start : start + 1_000] += height
    return {"c": values}, [("c", start, start + 1_000) for start in range(0, size, 1_000)]


def test_a_jump_above_tolerance_writes_the_table_and_no_bigwig(write_shard, tmp_path):
    values, cores = steps_at_seams(0.2, n_cores=40)
    shard = write_shard("a", cores, values, dtype="float32")
    sizes, seams = {"c": 40_000}, tmp_path / "exon.tsv"
    with pytest.raises(BasewiseError) as caught:
        merge_track([shard], "exon", sizes, None, tmp_path / "x.bw", seams, seam_tolerance=0.05)
    message = str(caught.value)
    for part in ("exon", "0.2 at 39 seams", "0.05", "larger halo", "exon.tsv"):
        assert part in message
    assert not (tmp_path / "x.bw").exists()
    (row,) = read_table(seams, COLUMNS)
    assert row["verdict"] == "above tolerance"
    assert float(row["excess"]) == pytest.approx(0.2)
    assert (row["n_seams"], row["track"]) == ("39", "exon")

    merge_track([shard], "exon", sizes, None, tmp_path / "x.bw", seams, seam_tolerance=0.25)
    assert (tmp_path / "x.bw").exists()
    assert read_table(seams, COLUMNS)[0]["verdict"] == "ok"
    profile = read_table(profile_path(seams), PROFILE_COLUMNS)
    by_offset = {int(line["offset_bp"]): float(line["mean_abs_delta"]) for line in profile}
    assert sorted(by_offset) == list(range(-100, 101))
    assert by_offset.pop(0) == pytest.approx(0.2)
    assert max(by_offset.values()) == 0


def test_too_few_seams_fail_no_merge(write_shard, tmp_path):
    values, cores = steps_at_seams(0.5, n_cores=2)
    shard = write_shard("a", cores, values)
    path, seams = tmp_path / "x.bw", tmp_path / "exon.tsv"
    merge_track([shard], "exon", {"c": 2_000}, None, path, seams, seam_tolerance=0.05)
    assert path.exists()
    (row,) = read_table(seams, COLUMNS)
    assert (row["n_seams"], row["verdict"]) == ("1", "too few seams to judge")


def test_touching_regions_and_unscored_bases_make_no_seam(write_shard, tmp_path):
    values, cores = steps_at_seams(0.2)
    shard = write_shard("a", cores, values)
    regions = {"c": np.array([[0, 3_000], [3_000, 10_000]])}
    unscored = {"c": np.array([[1_000, 1_001], [4_999, 5_000]])}
    record = merge_track(
        [shard], "exon", {"c": 10_000}, unscored, tmp_path / "x.bw", regions=regions
    )
    assert record.seams.n_seams == 9 - 3


def test_offsets_of_coarse_tracks_are_in_bp(write_shard, tmp_path):
    values, cores = steps_at_seams(0.2)
    shard = write_shard("a", cores, values, resolution_bp=10)
    seams = tmp_path / "s.tsv"
    record = merge_track([shard], "exon", {"c": 10_000}, None, tmp_path / "x.bw", seams)
    assert record.seams.n_seams == 9
    assert record.seams.mean_seam == pytest.approx(0.2, abs=1e-6)
    profile = read_table(profile_path(seams), PROFILE_COLUMNS)
    assert [int(line["offset_bp"]) for line in profile] == list(range(-1_000, 1_001, 10))


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(0)
    for number, name in enumerate(("exon", "intron", "5UTR", "none", "3UTR")):
        stats = SeamStats()
        if name != "none":
            stats = SeamStats(
                40, 4.0, 0.41, 0.3, 900, 9.0, np.full(201, 40.0), 40 * rng.random(201)
            )
        write_seams(name, stats, tmp_path / f"{number}.tsv", tolerance=0.01)
    return [tmp_path / f"{number}.tsv" for number in range(5)]


def test_summary_joins_tables(tables, tmp_path):
    rows = summarise_seams(tables, tmp_path / "seams.tsv")
    assert read_table(tmp_path / "seams.tsv", COLUMNS) == rows
    assert [row["track"] for row in rows] == ["exon", "intron", "5UTR", "none", "3UTR"]
    assert [row["verdict"] for row in rows][2:] == [
        "above tolerance",
        "no seams",
        "above tolerance",
    ]
    with pytest.raises(BasewiseError, match="other columns"):
        summarise_seams([profile_path(tables[0])], tmp_path / "seams.tsv")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_figure_is_drawn_and_repeatable(tables, tmp_path, suffix):
    profiles = [profile_path(table) for table in tables]
    for name in ("a", "b"):
        plot_seams(profiles, tmp_path / f"{name}.{suffix}")
    drawn = (tmp_path / f"a.{suffix}").read_bytes()
    assert drawn == (tmp_path / f"b.{suffix}").read_bytes()
    assert drawn[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    if suffix == "svg":
        assert drawn.count(b'id="axes_') == 8


def test_figure_needs_profiles_and_a_format(tables, tmp_path):
    with pytest.raises(BasewiseError, match="No seam profiles"):
        plot_seams([], tmp_path / "x.png")
    with pytest.raises(BasewiseError, match=r"\.svg"):
        plot_seams([profile_path(tables[0])], tmp_path / "x.gif")
    with pytest.raises(BasewiseError, match="other columns"):
        plot_seams(tables, tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()
