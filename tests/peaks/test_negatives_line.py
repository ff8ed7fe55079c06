"""Chroms laid end to end, what is free on them, and the peaks of scopes: as counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.peaks import write_store
from basewise.peaks.negatives.allowed import find_allowed_starts
from basewise.peaks.negatives.free import Free, draw_free
from basewise.peaks.negatives.line import Anywhere, Line, Pool
from basewise.peaks.negatives.scoped import ScopedPeaks, find_barred
from basewise.peaks.negatives.seeds import derive_rng
from basewise.peaks.negatives.source import FramePeaks


def random_spans(rng: np.random.Generator, sizes: dict[str, int], n: int) -> dict[str, np.ndarray]:
    spans = {}
    for chrom, size in sizes.items():
        start = rng.integers(0, size, rng.integers(0, n))
        spans[chrom] = np.column_stack((start, np.minimum(start + rng.integers(1, 9), size)))
    return spans


@given(st.integers(0, 10_000))
def test_what_is_free_on_the_line_is_what_is_allowed_by_chrom(seed):
    """Barring a scope's peaks on the line, or avoiding them from the start: the same windows."""
    rng = np.random.default_rng(seed)
    sizes = {f"c{i}": int(rng.integers(1, 90)) for i in range(rng.integers(1, 4))}
    base, own = random_spans(rng, sizes, 6), random_spans(rng, sizes, 6)
    width, margin = int(rng.integers(1, 20)), int(rng.integers(0, 6))
    allowed = find_allowed_starts(sizes, [base], width, margin_bp=margin)
    line = Line(allowed.chroms, allowed.chrom_bp, margin)
    anywhere = Anywhere(allowed, line)
    bound = [own[chrom] + line.offsets[i] for i, chrom in enumerate(sizes)]
    barred = find_barred(np.concatenate(bound)[::-1], line, width, margin)
    free = Free(anywhere, barred)
    expected = find_allowed_starts(sizes, [base, own], width, margin_bp=margin)
    assert len(free) == expected.n_starts
    for found, wanted in zip(
        line.locate(free.at(np.arange(len(free)))),
        expected.locate(np.arange(expected.n_starts)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, wanted)
    places = free.at(np.arange(len(free)))
    everything = np.arange(line.end + 1)
    np.testing.assert_array_equal(free.find(everything), np.arange(len(free)))
    np.testing.assert_array_equal(
        everything[anywhere.holds(everything)], anywhere.at(np.arange(len(anywhere)))
    )
    listed = Free(Pool(everything.astype(line.dtype)), barred)
    is_barred = np.zeros(line.end + 1, dtype=bool)
    for first, end in barred.tolist():
        is_barred[first:end] = True
    np.testing.assert_array_equal(listed.at(np.arange(len(listed))), np.flatnonzero(~is_barred))
    assert set(places.tolist()) <= set(np.flatnonzero(~is_barred).tolist())


def test_what_is_free_is_drawn_as_often_and_to_the_last():
    """Without repetition, by chi-square; what two choices both have comes once."""
    barred = np.array([[3, 5]])
    choices = [Free(Pool(np.array(places)), barred) for places in ([0, 1, 3, 6], [1, 4, 6, 7, 8])]
    counts: dict[int, int] = {}
    n_draws = 4_000
    for seed in range(n_draws):
        drawn = draw_free(choices[:1], 2, derive_rng(seed)).tolist()
        assert len(set(drawn)) == 2
        for place in drawn:
            counts[place] = counts.get(place, 0) + 1
    assert set(counts) == {0, 1, 6}
    expected = n_draws * 2 / 3
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 9
    assert draw_free(choices, 6, derive_rng(1)).tolist() == [0, 1, 6, 7, 8]
    assert len(draw_free(choices, 50, derive_rng(1), replace=True)) == 50


def test_genomes_past_four_billion_bases_keep_their_places():
    sizes = {"a": 3_000_000_000, "b": 3_000_000_000}
    allowed = find_allowed_starts(sizes, [{"b": np.array([[0, 2_999_999_000]])}], 100)
    line = Line(allowed.chroms, allowed.chrom_bp)
    assert line.dtype == np.int64
    last = Anywhere(allowed, line).at(np.array([allowed.n_starts - 1]))
    assert [int(column[0]) for column in line.locate(last)] == [1, 2_999_999_900]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    start = rng.integers(0, 900, 400)
    return pd.DataFrame(
        {
            "chrom": rng.choice(["c", "a", "b"], 400),
            "start": start,
            "end": start + rng.integers(1, 50, 400),
            "summit": start,
            "experiment": rng.choice(["E1", "E2", "E10"], 400),
            "target": rng.choice(["A", "A_x", "A1", "b"], 400),
            "biotype": rng.choice(["K.2", "K", "k_E2"], 400),
            "modification": rng.choice(["", "m"], 400),
        }
    )


def test_peaks_of_scopes_are_those_of_the_table(frame, tmp_path, monkeypatch):
    """From a store whose groups of rows cut scopes apart, and from a table."""
    sizes = {"a": 1_000, "b": 1_000, "c": 1_000}
    monkeypatch.setattr("basewise.peaks.store_writer.SCOPE_GROUP_ROWS", 7)
    store = write_store([frame], tmp_path / "store", chromsizes=sizes)
    assert len(list(store.read_by_scope())) > 50
    line = Line(("c", "a"), np.array([1_000, 1_000]), 5)
    on_line = frame[frame["chrom"] != "b"].assign(
        place=lambda rows: rows["start"] + rows["chrom"].map({"c": 0, "a": 1_005})
    )
    for peaks in (store, FramePeaks(frame, sizes)):
        scoped = ScopedPeaks(peaks, line, width_bp=20)
        assert sum(scoped.n_peaks) == 400
        assert [names[1:] for names in scoped.names] == sorted(names[1:] for names in scoped.names)
        seen = 0
        for target, biotype, numbers in scoped.groups():
            seen += len(numbers)
            assert {scoped.names[number][1:] for number in numbers} == {(target, biotype)}
            forms = ["A", "A_x"] if target[:2] in ("A", "A_") else [target]
            own = on_line[on_line["target"].isin(forms) & (on_line["biotype"] == biotype)]
            found = scoped.bound(target, biotype)
            rows = np.column_stack((own["place"], own["place"] + own["end"] - own["start"]))
            assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, rows.tolist()))
            of_biotype = on_line[on_line["biotype"] == biotype]
            shift = np.clip(of_biotype["start"] - 10, 0, 980) - of_biotype["start"]
            windows = scoped.windows(biotype=biotype)
            assert windows.dtype == np.uint32
            assert sorted(windows.tolist()) == sorted((of_biotype["place"] + shift).tolist())
        assert seen == len(scoped.names)
        assert len(scoped.bound("A", None)) == on_line["target"].isin(["A", "A_x"]).sum()
        assert len(scoped.windows()) == len(on_line)


@pytest.mark.parametrize("kind", ["scoped", "hard"])
def test_a_store_is_read_once_for_all_scopes(frame, tmp_path, monkeypatch, kind):
    from basewise.peaks.negatives import Ground, NegativeSettings, draw_negatives

    sizes = {"a": 9_000, "b": 9_000, "c": 9_000}
    store = write_store([frame], tmp_path / "store", chromsizes=sizes)
    calls = []
    read = store.read_by_scope
    monkeypatch.setattr(store, "read_by_scope", lambda names: calls.append(names) or read(names))
    for name in ("read", "intervals", "read_arrays"):
        monkeypatch.delattr(type(store), name)
    settings = NegativeSettings(kind, 10, n=3, when_short="fewer")
    _, report = draw_negatives(store, Ground(sizes), settings, seed=1)
    assert report.n > 36
    assert len(calls) == 1
