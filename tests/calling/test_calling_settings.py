"""Per-element settings: defaults, and errors that name the key and the nearest legal value."""

import pytest

from basewise.calling.settings import resolve_setting
from basewise.errors import BasewiseError


def resolve(setting, **options):
    return resolve_setting(
        "thresholds", setting, ["exon", "intron"], **{"minimum": 0, "maximum": 1} | options
    )


def test_named_values_win_over_the_default():
    assert resolve({"default": 0.5, "exon": 0.7}) == {"exon": 0.7, "intron": 0.5}
    assert resolve({"intron": 0.2, "exon": 1}) == {"exon": 1, "intron": 0.2}


def test_a_known_element_without_a_track_is_no_error():
    assert resolve({"default": 0.5, "lncRNA": 0.1}, known=["lncRNA"]) == {
        "exon": 0.5,
        "intron": 0.5,
    }


@pytest.mark.parametrize(
    ("setting", "options", "texts"),
    [
        ({"default": 0.5, "exn": 0.1}, {}, ["thresholds/exn", "'exon'"]),
        ({"defaults": 0.5}, {}, ["thresholds/defaults", "'default'"]),
        ({"default": 0.5, "EXON": 0.1}, {}, ["thresholds/EXON", "'exon'"]),
        ({"exon": 0.5}, {}, ["no value for intron", "default"]),
        ({"default": 1.2}, {}, ["thresholds/default", "1.2", "[0, 1]"]),
        ({"default": float("nan")}, {}, ["thresholds/default", "nan"]),
        ({"default": "0.5"}, {}, ["thresholds/default", "must be a number", "'0.5'"]),
        ({"default": True}, {}, ["thresholds/default", "must be a number"]),
        ({"default": 0.5}, {"integer": True}, ["must be a whole number"]),
    ],
)
def test_bad_settings_are_named(setting, options, texts):
    with pytest.raises(BasewiseError) as error:
        resolve(setting, **options)
    for text in texts:
        assert text in str(error.value)
