"""Text of tables as codes: the names of before, and little memory for many rows."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basewise.errors import BasewiseError
from basewise.peaks.categories import count_names, join_tables, list_names, read_codes
from basewise.peaks.sampling import Sampler, _fingerprint
from basewise.peaks.shuffle import key_of
from basewise.peaks.turns import Turns

SIZES = {f"chr{number}": 1 << 27 for number in range(24)}
NAMES = st.lists(st.sampled_from(["b", "a", "c", "a_x", ""]), min_size=1, max_size=30)


def make_windows(n: int, *, is_text: bool = False) -> pd.DataFrame:
    """Windows as they are read: text is categories, or text."""
    rng = np.random.default_rng(n)
    text = {
        "chrom": (list(SIZES), np.sort(rng.integers(0, len(SIZES), n))),
        "kind": (["peak", "random", "scoped"], rng.integers(0, 3, n)),
        "experiment": ([f"E{i:04d}" for i in range(2_000)], rng.integers(0, 2_000, n)),
        "target": ([f"T{i:04d}" for i in range(900)], rng.integers(0, 900, n)),
        "biotype": ([f"B{i:03d}" for i in range(500)], rng.integers(0, 7, n)),
    }
    start = rng.integers(0, 1 << 26, n).astype(np.int32)
    table = pd.DataFrame({"start": start, "end": start + np.int32(256)})
    table["label"] = (text["kind"][1] == 0).astype(np.uint8)
    table["score"], table["n_peaks"] = np.float32(1), 7
    for name, (names, codes) in text.items():
        column = pd.Categorical.from_codes(codes, names)
        table[name] = column.astype(object) if is_text else column
    return table


def measure_peak(function) -> float:
    """The bytes that a call holds at most."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(NAMES, NAMES, st.booleans())
def test_names_and_joined_rows_are_those_of_text(one, other, is_text):
    tables = [pd.DataFrame({"name": names, "n": range(len(names))}) for names in (one, other)]
    if not is_text:
        tables = [table.astype({"name": "category"}) for table in tables]
    joined = join_tables(tables)
    assert joined["name"].astype(str).tolist() == [*one, *other]
    assert joined["n"].tolist() == [*range(len(one)), *range(len(other))]
    assert is_text or isinstance(joined["name"].dtype, pd.CategoricalDtype)
    kept = joined[joined["n"] % 2 == 0]["name"]  # categories that no row has any more
    assert list_names(kept) == sorted(kept.astype(str).unique())
    assert count_names(kept) == kept.astype(str).value_counts().to_dict()
    codes, names = read_codes(kept)
    assert [names[code] for code in codes] == kept.astype(str).tolist()


def test_a_row_without_a_name_is_refused():
    with pytest.raises(BasewiseError, match="without a target; found row 1"):
        read_codes(pd.Series(["A", None], name="target", dtype="category"))


@pytest.mark.parametrize("weights", [None, {"scoped": 2, "peak": 1}])
def test_turns_are_those_of_text(weights, monkeypatch):
    """What is read by codes has the order and the fingerprint of what is not."""
    coded, text = (make_windows(3_000, is_text=is_text) for is_text in (False, True))
    key = key_of(5, "turns")
    one, other = (Turns.of(w, ("target", "biotype"), weights, key) for w in (coded, text))
    numbers = np.arange(5_000)
    assert one.take(numbers).tolist() == other.take(numbers).tolist()
    assert one.take(numbers).dtype == np.int64
    whole = _fingerprint(text, 8)
    monkeypatch.setattr("basewise.peaks.sampling.ROWS_AT_ONCE", 700)
    assert _fingerprint(coded, 8) == whole


def test_a_sampler_of_many_rows_holds_little_beside_them():
    """A million rows of 29 bytes; text written out would be 50 bytes more a row."""
    n = 1_000_000
    windows = make_windows(n)
    options = {"chromsizes": SIZES, "seed": 1, "batch_size": 64, "balance": ("target",)}
    kinds = {"peak": 1, "random": 1}
    assert measure_peak(lambda: Sampler(windows, kind_weights=kinds, **options)) < 30 * n
    assert measure_peak(lambda: count_names(windows["target"])) < 4 * n
