"""`list_told`: names of a store of peaks and of a table of signals, each once."""

import pandas as pd
import pytest

from basewise.errors import BasewiseError
from basewise.peaks import list_told, write_store

SIGNALS = "name\ttarget\tbiotype\nx\tSTAT1\tNA\ny\tCTCF\tliver\nz\tCTCF\tNA\n"


def test_signals_tell_names(tmp_path):
    (tmp_path / "signals.tsv").write_text(SIGNALS)
    assert list_told("target", signals=tmp_path / "signals.tsv") == ["CTCF", "STAT1"]
    assert list_told("biotype", signals=tmp_path / "signals.tsv") == ["NA", "liver"]


def test_peaks_and_signals_are_told_together(tmp_path):
    (tmp_path / "signals.tsv").write_text(SIGNALS)
    peaks = pd.DataFrame({"chrom": ["chr1"] * 3, "start": [0, 10, 20], "end": [9, 19, 29]})
    peaks = peaks.assign(summit=peaks["start"], score=1.0, experiment="GSE1", modification="")
    peaks = peaks.assign(target=["MYC", "CTCF", "MYC"], biotype="K-562")
    write_store([peaks], tmp_path / "store", chromsizes={"chr1": 100})
    assert list_told("target", store=tmp_path / "store") == ["CTCF", "MYC"]
    both = {"store": tmp_path / "store", "signals": tmp_path / "signals.tsv"}
    assert list_told("target", **both) == ["CTCF", "MYC", "STAT1"]
    assert list_told("biotype", **both) == ["K-562", "NA", "liver"]


def test_another_table_is_refused(tmp_path):
    (tmp_path / "other.tsv").write_text("chrom\tstart\nchr1\t0\n")
    with pytest.raises(BasewiseError, match="no column target"):
        list_told("target", signals=tmp_path / "other.tsv")
    (tmp_path / "empty.tsv").write_text(SIGNALS.splitlines()[0] + "\n")
    with pytest.raises(BasewiseError, match="there is no target to encode"):
        list_told("target", signals=tmp_path / "empty.tsv")
