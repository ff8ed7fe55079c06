"""Peaks of tracks of binding: places, summits, scores, files."""

import gzip

import numpy as np
import pysam
import pytest

from basewise.calling import call_peaks, join_peaks, joining
from basewise.errors import BasewiseError

SIZES = {"b": 400, "a": 130}
NAN = np.nan


@pytest.fixture
def track(make_bigwig):
    """Bins of 10 bp: two peaks that join, one that is short, one cut by unscored bases."""
    b = np.zeros(40)
    b[2:5] = 0.6, 0.9, 0.7  # 20-50, highest at 30-40
    b[6] = 0.95  # 60-70, joined: summit 65
    b[12] = 0.5  # 120-130, exactly at the threshold
    b[20:23] = 0.8, NAN, 0.8  # cut
    b[30:40] = 0.7  # to the end, level
    a = np.full(13, NAN)
    a[0:2] = 0.55, 1.0
    return make_bigwig("factor", {"b": b, "a": a}, resolution_bp=10)


def read(path):
    with gzip.open(path, "rt") as stream:
        return [line.rstrip("\n").split("\t") for line in stream]


def call(track, output, **changes):
    settings = {"thresholds": {"default": 0.5}, "min_length_bp": {"default": 1}}
    settings |= {"join_gap_bp": {"default": 10, "other": 0}} | changes
    return call_peaks("factor", track, SIZES, output=output, **settings)


def test_peaks_have_the_centre_of_their_highest_bin(track, tmp_path):
    output = tmp_path / "factor.narrowPeak.gz"
    assert call(track, output) == 6
    rows = read(output)
    assert [row[:3] for row in rows] == [
        ["b", "20", "70"], ["b", "120", "130"], ["b", "200", "210"], ["b", "220", "230"],
        ["b", "300", "400"], ["a", "0", "20"],
    ]  # fmt: skip
    assert [row[4] for row in rows] == ["950", "500", "800", "800", "700", "1000"]
    assert [int(row[1]) + int(row[9]) for row in rows] == [65, 125, 205, 225, 350, 15]
    assert rows[0][3:] == ["factor_1", "950", ".", "0.95", "-1", "-1", "45"]
    assert len(list(pysam.TabixFile(str(output)).fetch("b", 100, 210))) == 2


@pytest.mark.parametrize("window_bp", [7, 100])
def test_windows_change_no_byte(track, tmp_path, window_bp):
    one, other = tmp_path / "one.narrowPeak.gz", tmp_path / "other.narrowPeak.gz"
    call(track, one)
    call(track, other, window_bp=window_bp)
    assert one.read_bytes() == other.read_bytes()


def test_settings_of_the_track_and_the_blacklist_count(track, tmp_path):
    output = tmp_path / "factor.narrowPeak.gz"
    call(track, output, min_length_bp={"default": 1, "factor": 11}, thresholds={"default": 0.65})
    assert [row[1:3] for row in read(output)] == [["30", "70"], ["300", "400"]]
    black = {"b": np.array([[0, 35], [310, 400]])}
    call(track, output, blacklist=black, min_length_bp={"default": 5})
    places = [row[1:3] for row in read(output)]
    assert (places[0], places[-2:]) == (["35", "70"], [["300", "310"], ["0", "20"]])
    with pytest.raises(BasewiseError, match="thresholds has no value for factor"):
        call(track, output, thresholds={"other": 0.4})
    with pytest.raises(BasewiseError, match="min_length_bp/default must be a whole number"):
        call(track, output, min_length_bp={"default": 1.5})


def test_the_peaks_of_all_tracks_are_one_bed(track, tmp_path):
    paths = {name: tmp_path / f"{name}.narrowPeak.gz" for name in ("first", "second")}
    call(track, paths["first"])
    call(track, paths["second"], thresholds={"default": 0.9})
    output = tmp_path / "peaks.bed.gz"
    assert join_peaks(paths, SIZES, output=output, colours={"first": "#0102ff"}) == 6 + 3
    rows = read(output)
    assert rows[0] == ["b", "20", "70", "first", "950", ".", "20", "70", "1,2,255"]
    assert [(row[0], row[1], row[3]) for row in rows[1:3]] == [
        ("b", "30", "second"), ("b", "60", "second")
    ] or rows[1][3] == "second"  # fmt: skip
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    with pytest.raises(BasewiseError, match="is no narrowPeak of this assembly"):
        join_peaks({"x": output}, SIZES, output=tmp_path / "y.bed.gz")


@pytest.fixture
def narrow(tmp_path):
    """Peaks of eight tracks that share places, on chroms in an order of their own."""
    rng, paths = np.random.default_rng(4), {}
    for number in range(8):
        rows = []
        for chrom in SIZES:
            for start in sorted(rng.choice(30, rng.integers(0, 12), replace=False).tolist()):
                end, score = start + int(rng.integers(1, 4)), int(rng.integers(1000))
                rows.append(f"{chrom}\t{start}\t{end}\tx\t{score}\t.\t0.5\t-1\t-1\t0\n")
        paths[f"t{7 - number}"] = tmp_path / f"{number}.narrowPeak.gz"
        paths[f"t{7 - number}"].write_bytes(gzip.compress("".join(rows).encode()))
    return paths


@pytest.mark.parametrize("open_at_once", [2, 3, 256])
def test_joined_peaks_are_those_of_all_sorted(narrow, tmp_path, monkeypatch, open_at_once):
    monkeypatch.setattr(joining, "OPEN_AT_ONCE", open_at_once)
    output = tmp_path / "peaks.bed.gz"
    order = {chrom: rank for rank, chrom in enumerate(SIZES)}
    expected = sorted(
        (order[row[0]], int(row[1]), int(row[2]), number, track, row[4])
        for number, (track, path) in enumerate(narrow.items())
        for row in read(path)
    )
    assert join_peaks(narrow, SIZES, output=output, colours={"t3": "#0102ff"}) == len(expected)
    assert len({row[:3] for row in expected}) < len(expected), "some tie"
    assert read(output) == [
        [list(SIZES)[rank], str(start), str(end), track, score, ".", str(start), str(end),
         "1,2,255" if track == "t3" else "153,153,153"]
        for rank, start, end, _, track, score in expected
    ]  # fmt: skip


def test_peaks_are_read_as_they_are_written(narrow, tmp_path, monkeypatch):
    left_behind = []

    def watched(path, ranks, track):
        for peak in read_peaks(path, ranks, track):
            yield peak
            left_behind.append(peak)

    read_peaks = joining.read_peaks
    monkeypatch.setattr(joining, "read_peaks", watched)
    assert join_peaks(narrow, SIZES, output=tmp_path / "peaks.bed.gz") == len(left_behind) > 50
    assert left_behind == sorted(left_behind), "a file was read ahead of the others"


@pytest.mark.parametrize("rows", [("b 7 9", "b 5 6"), ("a 5 6", "b 5 6")])
def test_peaks_out_of_order_are_refused(tmp_path, rows):
    path = tmp_path / "factor.narrowPeak"
    lines = [row.replace(" ", "\t") + "\tx\t1\t.\t0.5\t-1\t-1\t0\n" for row in rows]
    path.write_text("".join(lines))
    with pytest.raises(BasewiseError, match=r"factor\.narrowPeak line 2 is out of order"):
        join_peaks({"factor": path}, SIZES, output=tmp_path / "peaks.bed.gz")
