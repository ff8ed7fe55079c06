"""The chapter of a configuration means what its defaults and the types behind it say."""

from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml

from basewise.config import complete_config
from basewise.errors import BasewiseError
from basewise.peaks.chapter import PeaksChapter
from basewise.peaks.columns import PeakColumns
from basewise.peaks.filters import PeakFilters
from basewise.peaks.negatives import KINDS, NegativeSettings
from basewise.peaks.splits import SplitRules

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def complete(chapter: dict | None) -> dict:
    return complete_config({"checkpoints": {}, "peaks": chapter}, SCHEMA)["peaks"]


def plain(value) -> dict:
    """A dataclass as a mapping, lists for tuples."""
    listed = asdict(value).items()
    return {key: list(v) if isinstance(v, tuple) else v for key, v in listed}


def test_the_defaults_are_those_of_the_types():
    chapter = PeaksChapter.read(complete({"negatives": {kind: {"n": 5} for kind in KINDS}}))
    assert plain(chapter.columns) == plain(PeakColumns())
    assert plain(chapter.filters) == plain(PeakFilters())
    assert chapter.rules == SplitRules()
    for kind in KINDS:
        assert chapter.negatives[kind] == NegativeSettings(kind, 4096, n=5)


def test_every_setting_of_the_types_is_a_key():
    peaks = SCHEMA["properties"]["peaks"]["properties"]
    keys = {name: set(peaks[name]["properties"]) for name in ("filters", "splits", "windows")}
    assert keys["filters"] - {"blacklist"} == {field.name for field in fields(PeakFilters)}
    assert keys["splits"] == {field.name for field in fields(SplitRules)}
    own = set(peaks["negatives"]["additionalProperties"]["properties"])
    assert own | {"kind"} | keys["windows"] == {field.name for field in fields(NegativeSettings)}


def test_the_chapter_is_off_unless_asked_for():
    small = {"checkpoints": {"toy": {"source": "toy"}}}
    assert complete_config(small, SCHEMA)["peaks"] is None
    with pytest.raises(BasewiseError, match=r"'checkpoints' names no model.*no chapter 'peaks'"):
        complete(None)


@pytest.mark.parametrize(
    ("chapter", "words"),
    [
        ({"negatives": {"randon": {"n": 3}}}, ["unknown kind", "'randon'", "'random'"]),
        ({"negatives": {"random": {}}}, ["'peaks/negatives/random'", "need n or per_peak"]),
        ({"negatives": {"random": {"n": 3, "per_peak": 1}}}, ["random'", "not both"]),
        (
            {"negatives": {"hard": {"n": 1, "avoid": ["catalogue", "scope"]}}},
            ["'peaks/negatives/hard'", "cannot avoid all peaks"],
        ),
        ({"negatives": {"random": {"n": 1, "when_short": "fewer"}}}, ["random'", "when_short"]),
        ({"negatives": {"random": {"m": 3}}}, ["'peaks/negatives/random/m'", "/n'"]),
        ({"negatives": {"scoped": {"n": 1, "avoid": ["peak"]}}}, ["scoped/avoid", "peaks, scope"]),
        ({"splits": {"valid_chroms": ["2"], "test_chroms": ["2"]}}, ["'peaks/splits'", "same chr"]),
        ({"splits": {"valid_chroms": [2]}}, ["'peaks/splits/valid_chroms/0'", "text"]),
        ({"layout": "bed"}, ["'peaks'", "layout 'bed' needs", "'chrom'"]),
        ({"columns": ["chrom"]}, ["'peaks'", "layout 'all' are known"]),
        ({"filters": {"min_peaks": 0}}, ["'peaks/filters/min_peaks'", "at least 1"]),
        ({"filters": {"min_experiments": 2}}, ["'peaks/filters'", "replicates"]),
        ({"filters": {"min_score": 5, "max_score": 4}}, ["'peaks/filters'", "5 to 4"]),
        ({"signal": {"statistic": "median"}}, ["'peaks/signal/statistic'", "mean, sum, max"]),
        ({"windows": {"width": 3}}, ["'peaks/windows/width'", "width_bp"]),
    ],
)
def test_an_illegal_chapter_is_explained_in_one_line(chapter, words):
    with pytest.raises(BasewiseError) as caught:
        complete(chapter)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
