"""Peaks of tracks of binding: places, summits, scores, files."""

import gzip

import numpy as np
import pysam
import pytest

from basewise.calling import call_peaks, join_peaks
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
